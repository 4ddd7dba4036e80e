-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm sym: symbols by name, by address, or by pattern.
local kvm_error = require "kvm.error"
local words = require "kvm.cmd.words"

local M = {
  name = "sym",
  summary = "symbols by name, address or pattern",
  operands = {{key = "names", name = "NAME|ADDR", many = true, optional = true}},
  options = {
    {flags = "-p --pattern", value = "PATTERN", help = "all symbols whose name matches; * stands for any text"},
  },
  columns = {
    {name = "name", kind = "string"},
    {name = "addr", kind = "hex"},
    {name = "size", kind = "integer"},
    {name = "kind", kind = "string"},
    {name = "module", kind = "string"},
    {name = "offset", kind = "integer"},
  },
  no_match = "no symbol matches",
}

local function record(sym, offset)
  return {
    name = sym.name, addr = sym.value, size = sym.size, kind = sym.type, module = sym.module, offset = offset,
  }
end

local function lookup(k, word)
  local sym, message, code = k:symbol(word)
  if sym then return record(sym) end
  if code ~= "notfound" then kvm_error.check(sym, message, code) end
  local addr = words.address(k, word)
  local found, offset = k:symbol(addr)
  if found then return record(found, offset) end
  error(kvm_error.new {code = "notfound", message = ("no symbol covers 0x%x"):format(addr)})
end

--- Symbols.
-- @param k an open handle
-- @tparam table opts names ({string,...}: names or addresses), pattern
-- @treturn function an iterator of records: name, addr, size (bytes; nil unknown), kind (the letter of nm(1)), module, offset
--   (bytes from the symbol to the address that was asked for)
-- @raise kvm.Error `notfound`
-- @usage for s in require "kvm.cmd.sym".run(k, {names = {"init_task"}}) do assert(s.addr ~= 0) end
function M.run(k, opts)
  local names = opts.names or {}
  if #names == 0 and not opts.pattern then error {usage = "sym needs a name, an address or --pattern"} end
  local step = opts.pattern and k:symbols(words.glob(opts.pattern))
  local i = 0
  return function()
    if i < #names then
      i = i + 1
      return lookup(k, names[i])
    end
    local sym = step and step()
    return sym and record(sym)
  end
end

--- A record as a line of text, as nm(1) has it.
function M.text(rec)
  local escape = require "kvm.format".escape
  local name = escape(rec.name)
  if rec.offset and rec.offset ~= 0 then name = ("%s+0x%x"):format(name, rec.offset) end
  if rec.module then name = ("%s [%s]"):format(name, escape(rec.module)) end
  return ("%016x %s %s\n"):format(rec.addr, rec.kind or "?", name)
end

return M
