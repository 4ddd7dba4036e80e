-- SPDX-License-Identifier: BSD-2-Clause
-- linux/kallsyms.h: addresses of symbols, for code that can't go on without them. What raises here says whether the kernel
-- has no such symbol or whether its symbol table can't be read.
local kvm_error = require "kvm.error"

local M = {}

-- By handle: addresses by name. The kernel's own symbols stay where they are as long as a dump, or a kernel that runs, is open;
-- those of modules come and go.
local found = setmetatable({}, {__mode = "k"})

--- The address of a symbol.
-- @param k an open handle
-- @tparam string name
-- @treturn integer address
-- @raise kvm.Error `notfound`, or why there is no symbol table
-- @usage assert(require "kvm.linux.kallsyms".address(k, "panic_cpu") == k:symbol("panic_cpu").value)
function M.address(k, name)
  local known = found[k]
  if not known then
    known = {}
    found[k] = known
  end
  if known[name] then return known[name] end
  local symbol = kvm_error.check(k:symbol(name))
  if not symbol.module then known[name] = symbol.value end
  return symbol.value
end

--- The first symbol of a list that the kernel has.
-- @param k an open handle
-- @tparam {string,...} names the newest layout's first
-- @treturn integer address
-- @treturn string its name
-- @raise kvm.Error `notfound` with all the names that were tried, or why there is no symbol table
-- @usage local _, name = require "kvm.linux.kallsyms".first(k, {"no_such", "panic_cpu"}) assert(name == "panic_cpu")
function M.first(k, names)
  for _, name in ipairs(names) do
    local sym, message, code, addr = k:symbol(name)
    if sym then return sym.value, name end
    if code ~= "notfound" then kvm_error.check(sym, message, code, addr) end
  end
  error(kvm_error.new {code = "notfound", message = "no symbol " .. table.concat(names, " or ")})
end

--- The first symbol of a list, of something that a kernel may be built without.
-- @param k an open handle
-- @tparam {string,...} names the newest layout's first
-- @tparam string what the thing, in words
-- @tparam string config the option that builds it in, "CONFIG_..."
-- @treturn integer address
-- @treturn string its name
-- @raise kvm.Error `notfound`: this kernel has no such thing; or why there is no symbol table
-- @usage local _, err = kvm.try(require "kvm.linux.kallsyms".need, k, {"no_such"}, "such", "CONFIG_SUCH")
-- assert(err.message == "this kernel has no such (CONFIG_SUCH): no symbol no_such")
function M.need(k, names, what, config)
  local ok, addr, name = pcall(M.first, k, names)
  if ok then return addr, name end
  if kvm_error.is(addr, "notfound") then addr:prefix(("this kernel has no %s (%s)"):format(what, config)) end
  error(addr, 0)
end

--- What stands at an address: mostly of a pointer to a function.
-- @param k an open handle
-- @tparam integer addr
-- @treturn string symbol; "0x..." where no symbol begins
-- @usage assert(kvm.linux.kallsyms.symbol_name(k, k:symbol("schedule").value) == "schedule")
function M.symbol_name(k, addr)
  local symbol = addr ~= 0 and k:symbol(addr)
  return symbol and symbol.value == addr and symbol.name or ("0x%x"):format(addr)
end

return M
