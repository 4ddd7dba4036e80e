-- SPDX-License-Identifier: BSD-2-Clause
-- What people type: addresses, symbols with offsets, names with *, types. No command: a helper of commands.
local kvm_error = require "kvm.error"
local names = require "kvm.object.names"

local M = {}

--- A pattern in which * stands for any text.
-- @tparam string text such as "kworker*"
-- @treturn string a Lua pattern that matches whole names
-- @usage assert(("kworker/0:1"):find(require "kvm.cmd.words".glob "kworker*"))
function M.glob(text)
  return "^" .. text:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*") .. "$"
end

--- A number in hexadecimal, with or without 0x, of at most 64 bits.
-- @tparam string text
-- @treturn integer, or nil
function M.hex(text)
  local digits = text:match "^0[xX](%x+)$" or text:match "^(%x+)$"
  digits = digits and digits:gsub("^0+(%x)", "%1")
  return digits and #digits <= 16 and tonumber(digits, 16) or nil
end

--- What a function makes of each of the numbers that were typed.
-- @tparam {integer|string,...} list text is hexadecimal, with or without 0x
-- @tparam function fn of a number
-- @treturn function an iterator of what fn gives
-- @raise kvm.Error `inval` for what is no number
-- @usage assert(require "kvm.cmd.words".each_number({"10"}, function(n) return {n = n} end)().n == 16)
function M.each_number(list, fn)
  local numbers, i = {}, 0
  for n, word in ipairs(list) do
    numbers[n] = math.type(word) == "integer" and word or M.hex(word) or kvm_error.fail("inval", "%q is no hexadecimal number", word)
  end
  return function()
    i = i + 1
    return numbers[i] and fn(numbers[i])
  end
end

--- Whether each CPU has its own copy of a variable, as Linux's per-CPU variables: none lies at the symbol itself.
-- @param k an open handle
-- @tparam integer value of the symbol
-- @treturn boolean
-- @usage assert(not require "kvm.cmd.words".of_each_cpu(k, k:symbol("linux_banner").value))
function M.of_each_cpu(k, value)
  return k:info().os == "linux" and require "kvm.linux.percpu".is_per_cpu(k, value)
end

local function place_of(k, name, value, cpu)
  local each = M.of_each_cpu(k, value)
  if each and cpu then return require "kvm.linux.percpu".per_cpu_ptr(k, value, cpu) end
  if each then error(kvm_error.new {code = "inval", message = ("%s is a variable of each CPU: %s:0 is CPU 0's"):format(name, name)}) end
  if cpu then error(kvm_error.new {code = "inval", message = name .. " is no variable of each CPU"}) end
  return value
end

--- An address: a symbol, a symbol and an offset ("init_task+0x10"; the offset is decimal or 0x), or a hexadecimal number with or
-- without 0x. A name that is also a hexadecimal number is looked up as a symbol first. A CPU's copy of a variable is
-- "runqueues:0", with an offset "runqueues:0+8".
-- @param k an open handle
-- @tparam string text
-- @treturn integer address
-- @raise kvm.Error `notfound`, or why there is no symbol table; `inval` for a variable of each CPU without a number
-- @usage assert(require "kvm.cmd.words".address(k, "init_task+8") == k:symbol("init_task").value + 8)
function M.address(k, text)
  local name, sign, offset = text:match "^(.-)([+-])(%w+)$"
  offset = offset and math.tointeger(tonumber(offset))
  if not offset then name, offset = text, 0 end
  local sym, message, code = nil, nil, "notfound"
  local bare, cpu = name:match "^(.+):(%d+)$"
  if not name:find "^0[xX]" then sym, message, code = k:symbol(bare or name) end
  local addr = sym and place_of(k, bare or name, sym.value, math.tointeger(tonumber(cpu))) or M.hex(name)
  if addr then return sign == "-" and addr - offset or addr + offset end
  if code ~= "notfound" then kvm_error.check(sym, message, code) end
  error(kvm_error.new {code = "notfound", message = ("%q is neither a symbol nor a hexadecimal address"):format(name)})
end

local KINDS <const> = {"struct", "union", "enum", "typedef"}

--- Text about the kernel's types with names near to one that is not there.
-- @param k an open handle
-- @tparam string text "task_strct", "struct task_strct"
-- @treturn string ": nearest are a, b, c"; "" when none is near, or types can't be gone through
-- @usage assert(require "kvm.cmd.words".nearest_types(k, "struct list_haed"):find(": nearest %a+ list_head") == 1)
function M.nearest_types(k, text)
  local asked = text:match "^%l+%s+([%w_]+)$" or text
  local list = {}
  for _, kind in ipairs(KINDS) do
    local step = k:types(kind)
    while step do
      local t = step()
      if not t then break end
      list[#list + 1] = t:name()
    end
  end
  return names.nearest(list, asked)
end

--- A type by its name, or a C type expression; an error names the types that are near.
-- @param k an open handle
-- @tparam string text as `k:type` or `kvm.type.of` takes it
-- @tparam[opt] string module
-- @treturn kvm.Type
-- @raise kvm.Error `notfound`; `inval` for what is no C type
-- @usage assert(require "kvm.cmd.words".type(k, "list_head"):size() == 16)
-- @usage assert(require "kvm.cmd.words".type(k, "struct list_head *[4]"):size() == 32)
function M.type(k, text, module)
  if text:find "[^%w_%s]" then return require "kvm.type".of(k, text, module) end
  local t, message, code, addr = k:type(text, module)
  if not t and code == "notfound" and message:find "^no type" then message = message .. M.nearest_types(k, text) end
  return kvm_error.check(t, message, code, addr)
end

return M
