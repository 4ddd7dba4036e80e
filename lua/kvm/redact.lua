-- SPDX-License-Identifier: BSD-2-Clause
-- Rules about what to erase from a dump, in the words of makedumpfile's filter files (makedumpfile.conf(5), 1.7.2):
--   erase SYMBOL[.MEMBER...] [size N[K|M] | size SYMBOL[.MEMBER...] | nullify]
-- one a line, # begins a comment. Pointers on the way are followed. What a rule names at its end is erased whole: a
-- structure, an array, a number; of a pointer what it points to: a structure, the string of a char *, or `size` bytes;
-- with nullify the pointer itself becomes NULL. Not known here: sections of modules, and loops (for ... within).
local kvm_error = require "kvm.error"
local lpeg = require "lpeg"

local M = {}

local STRING_MOST = 1 << 20 -- bytes of a char *'s string

local P, R, S, C, Ct, Cg, Cc, Cmt = lpeg.P, lpeg.R, lpeg.S, lpeg.C, lpeg.Ct, lpeg.Cg, lpeg.Cc, lpeg.Cmt
local space = S " \t" ^ 1
local name = (R("az", "AZ", "09") + S "_$") ^ 1
local path = Ct(C(name) * (P "." * C(name)) ^ 0)
local UNITS = {[""] = 0, K = 10, M = 20}

-- The bytes that a number and its unit say; nothing matches where there is none, or no such number.
local function bytes(_, at, digits, letter)
  if #digits > 18 then return false end
  local n, shift = math.tointeger(tonumber(digits)), UNITS[letter:upper()]
  if not n or n <= 0 or n > math.maxinteger >> shift then return false end
  return at, n << shift
end
local digits = C(P "0x" * R("09", "af", "AF") ^ 1) * C "" + C(R "09" ^ 1) * C(S "KMkm" ^ -1)
local number = Cmt(digits * -name, bytes)
local how = space * (P "size" * space * (Cg(number, "size") + Cg(path - R "09", "size_of")) + P "nullify" * Cg(Cc(true), "nullify"))
local erase = Ct(P "erase" * space * Cg(path, "path") * how ^ -1 * S " \t\r" ^ 0 * -1)

local function fail(rule, message)
  error(kvm_error.new {code = "inval", message = ("%s: %s"):format(rule, message)}, 0)
end

-- What a symbol is: its address and its type; nil for the type where that is not known.
local function symbol(k, rule, first)
  local found, message = k:symbol(first)
  if not found then fail(rule, message) end
  return found.value, (require "kvm.object".variable_type(k, first))
end

-- The place that a path leads to: address and type.
local function place(k, rule, words)
  local addr, type = symbol(k, rule, words[1])
  if not type and #words > 1 then fail(rule, ("the type of %s is not known"):format(words[1])) end
  for i = 2, #words do
    local struct = type:strip()
    if struct:kind() == "pointer" then
      addr, struct = k:ptr(addr), struct:target():strip()
      if addr == 0 then return nil end
    end
    local field, message = struct:field(words[i])
    if not field then fail(rule, message) end
    if field.bit_size and field.bit_size > 0 then fail(rule, words[i] .. " is a bit field") end
    addr, type = addr + field.offset, field.type
  end
  return addr, type
end

local function integer_at(k, rule, words)
  local addr, type = place(k, rule, words)
  if not addr then fail(rule, "the way to its size goes through NULL") end
  local size = type and type:strip():size() or 0
  local read = ({[1] = k.u8, [2] = k.u16, [4] = k.u32, [8] = k.u64})[size]
  if not read then fail(rule, "its size is no integer") end
  local n = read(k, addr)
  if n < 0 then fail(rule, ("its size is %#x bytes"):format(n)) end
  return n
end

-- What is behind a pointer that stands at addr.
local function behind(k, rule, addr, type, size)
  local to, target = k:ptr(addr), type:target() and type:target():strip()
  if to == 0 then return nil end
  if size then return to, size end
  if target and target:kind() == "char" or target and target:kind() == "int" and target:size() == 1 then
    return to, #k:cstring(to, STRING_MOST)
  end
  if target and target:size() > 0 and target:kind() ~= "function" then return to, target:size() end
  fail(rule, ("%s: say how many bytes with size"):format(type:spell()))
end

local function range(k, rule, parsed)
  local addr, type = place(k, rule, parsed.path)
  if not addr then return nil end -- there is nothing behind a NULL
  local size = parsed.size_of and integer_at(k, rule, parsed.size_of) or parsed.size
  local pointer = type and type:strip():kind() == "pointer"
  if parsed.nullify then
    if not pointer then fail(rule, "only a pointer can be nullified") end
    return {addr = addr, len = type:strip():size(), fill = "\0", rule = rule}
  end
  if pointer then
    addr, size = behind(k, rule, addr, type:strip(), size)
    if not addr then return nil end
  end
  if not size and type and type:strip():kind() == "function" then
    fail(rule, parsed.path[1] .. " is a function: say how many bytes with size")
  end
  size = size or type and type:strip():size()
  if not size then fail(rule, ("the type of %s is not known: say how many bytes with size"):format(parsed.path[1])) end
  if size == 0 then return nil end -- an empty string
  return {addr = addr, len = size, fill = "X", rule = rule}
end

--- What the rules of a text mean in a kernel.
-- @param k an open handle
-- @tparam string text rules, one a line
-- @treturn {table,...} `addr` and `len` (kernel virtual memory, bytes), `fill` ("X", "\0" for nullify), `rule` (its line): the `erase` of
-- k:save. Rules that lead to NULL give none
-- @raise kvm.Error `inval` on a rule that is not understood, on names that are not known; `fault`, `excluded` where the way can't be read
-- @usage local r = require "kvm.redact".ranges(k, "erase init_task.comm") assert(#r == 1 and r[1].len == 16)
function M.ranges(k, text)
  local out, n = {}, 0
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    n = n + 1
    local rule = line:gsub("#.*", ""):match "^%s*(.-)%s*$"
    if rule ~= "" then
      local parsed = erase:match(rule)
      if not parsed then fail(("rule %d"):format(n), ("%q is not understood"):format(rule)) end
      local found = range(k, rule, parsed)
      if found and found.len > 0 then out[#out + 1] = found end
    end
  end
  return out
end

return M
