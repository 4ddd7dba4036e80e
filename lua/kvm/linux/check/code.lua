-- SPDX-License-Identifier: BSD-2-Clause
-- For the checks of hooks: whose code an address is in: the kernel's own (_stext to _etext, asm-generic/sections.h), a module's, or
-- nobody's.
local kallsyms = require "kvm.linux.kallsyms"
local module = require "kvm.linux.module"

local M = {}

--- Makes a function that tells whose code an address is in.
-- @param k an open handle
-- @treturn function of an address: "kernel", "module" and its record (name, addr), or nil
-- @raise kvm.Error `notfound`; what the walk of the modules raises
function M.owners(k)
  local first, last, parts = kallsyms.address(k, "_stext"), kallsyms.address(k, "_etext"), {}
  for m in k:modules() do
    for _, part in ipairs(module.memory(k, m.addr)) do parts[#parts + 1] = {addr = part.addr, bytes = part.bytes, module = m} end
  end
  return function(addr)
    if math.ult(addr - first, last - first) then return "kernel" end
    for _, part in ipairs(parts) do
      if math.ult(addr - part.addr, part.bytes) then return "module", part.module end
    end
    return nil
  end
end

--- An address in words: its symbol and whose code it is in.
-- @param context of the checks
-- @tparam function owner what owners gives
-- @tparam integer addr
-- @treturn string "hook+0x10 [module]", "0xffffffffc0001000 in module m", "0x10, in no code of the kernel or a module"
-- @raise kvm.Error
function M.text(context, owner, addr)
  local whose, mod = owner(addr)
  if whose == "kernel" then return context:symbol_text(addr) end
  if whose ~= "module" then return ("0x%x, in no code of the kernel or a module"):format(addr) end
  local symbol = context.k:symbol(addr)
  return symbol and symbol.module and context:symbol_text(addr) or ("0x%x in module %s"):format(addr, mod.name)
end

--- The first entries of a list, and how many more there are.
-- @tparam {string,...} lines
-- @tparam integer most
-- @treturn {string,...}
function M.shortened(lines, most)
  if #lines <= most then return lines end
  local out = table.move(lines, 1, most, 1, {})
  out[most + 1] = ("and %d more"):format(#lines - most)
  return out
end

return M
