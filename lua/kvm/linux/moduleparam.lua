-- SPDX-License-Identifier: BSD-2-Clause
-- linux/moduleparam.h: the parameters of modules and of what is built in, with their values as /sys/module/NAME/parameters shows them. A
-- parameter's type is known by the function that prints it (struct kernel_param_ops.get, kernel/params.c). Those of what is built in lie
-- from __start___param to __stop___param under "module.name"; those without a module are the kernel's own. Checked against Linux 5.10,
-- 6.1, 6.12 and 7.2. What can't be seen in /sys (perm is 0) may lie in memory that was freed after the start, and has no value here.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local PARAM <const> = "struct kernel_param"
local MOST <const>, MOST_ELEMENTS <const>, NAME_MAX <const>, TEXT_MAX <const> = 1 << 16, 4096, 256, 4096

local function number(form, convert)
  local size = form:packsize()
  return function(k, at)
    local value = form:unpack(kvm_error.check(k:read(at, size)))
    return (convert or "%d"):format(value)
  end
end

local function bool(k, at) return k:u8(at) ~= 0 and "Y" or "N" end

local function charp(k, at)
  local text = k:ptr(at)
  return text ~= 0 and k:cstring(text, TEXT_MAX) or "(null)"
end

local function string_of(k, at)
  local s = kvm_error.check(k:object(at, "struct kparam_string"))
  return s.string and k:cstring(object.addr(s.string), math.min(s.maxlen, TEXT_MAX)) or ""
end

local value_of

-- An array of values of another type, of which *num are there.
local function array(k, at)
  local a = kvm_error.check(k:object(at, "struct kparam_array"))
  local count, out = a.num and k:u32(object.addr(a.num)) or a.max, {}
  if count > a.max or count > MOST_ELEMENTS then kvm_error.fail("format", "a parameter of %d elements at 0x%x", count, at) end
  for i = 0, count - 1 do
    local text = value_of(k, a.ops, object.addr(a.elem) + i * a.elemsize)
    if not text then return nil end
    out[i + 1] = text
  end
  return table.concat(out, ",")
end

local int <const>, uint <const> = number "<i4", number "<I4"

-- By the functions of kernel/params.c and security/apparmor/lsm.c.
local PRINTERS <const> = {
  param_get_byte = number "<I1", param_get_short = number "<i2", param_get_ushort = number "<I2", param_get_int = int,
  param_get_uint = uint, param_get_long = number "<i8", param_get_ulong = number("<I8", "%u"), param_get_ullong = number("<I8", "%u"),
  param_get_hexint = number("<I4", "%#08x"), param_get_bool = bool, param_get_charp = charp, param_get_string = string_of,
  param_get_invbool = function(k, at) return k:u8(at) ~= 0 and "N" or "Y" end, param_array_get = array,
  param_get_aabool = bool, param_get_aalockpolicy = bool, param_get_aauint = uint, param_get_aacompressionlevel = int,
  param_get_aaintbool = function(k, at) return k:i32(at) ~= 0 and "Y" or "N" end,
}

function value_of(k, ops, at)
  local get = ops and ops.get
  local symbol = get and k:symbol(object.addr(get))
  local printer = symbol and PRINTERS[symbol.name]
  if printer then return printer(k, at), symbol.name end
  return nil, symbol and symbol.name
end

--- What a parameter holds.
-- @param param `struct kernel_param`
-- @treturn[1] string as its file in /sys shows it
-- @return[2] nil where a function of its own makes the text, or where /sys does not show it
-- @treturn ?string the function that prints it
-- @raise kvm.Error
-- @usage for module, name, param in kvm.linux.moduleparam.for_each_builtin(k) do
--   if module == "kernel" and name == "panic" then assert(kvm.linux.moduleparam.value(param):find "^%-?%d+$") end end
function M.value(param)
  if param.perm == 0 then return nil end
  return value_of(object.handle(param), param.ops, param.arg and object.addr(param.arg) or 0)
end

local function each(k, base, count)
  if count < 0 or count > MOST then kvm_error.fail("format", "%d parameters at 0x%x", count, base) end
  local t, i = types.of(k, PARAM), -1
  local size = t:size()
  return function()
    i = i + 1
    if i >= count then return nil end
    return kvm_error.check(k:object(base + i * size, t))
  end
end

--- The parameters of what is built into the kernel.
-- @param k an open handle
-- @treturn function an iterator of module ("kernel" for none), name and `struct kernel_param`
-- @raise kvm.Error `notfound`, `format`; `fault`, `excluded`
-- @usage for module, name in kvm.linux.moduleparam.for_each_builtin(k) do assert(#module > 0 and #name > 0) end
function M.for_each_builtin(k)
  local from, to = kallsyms.address(k, "__start___param"), kallsyms.address(k, "__stop___param")
  local step = each(k, from, (to - from) // types.sizeof(k, PARAM))
  return function()
    local param = step()
    if not param then return nil end
    local full = object.string(param.name, NAME_MAX)
    local module, name = full:match "^([^.]+)%.(.*)$"
    return module or "kernel", name or full, param
  end
end

--- The parameters of a module.
-- @param k an open handle
-- @tparam integer addr `struct module *`
-- @treturn function an iterator of name and `struct kernel_param`
-- @raise kvm.Error `format`; `fault`, `excluded`
-- @usage for m in k:modules() do for name in kvm.linux.moduleparam.for_each(k, m.addr) do assert(#name > 0) end end
function M.for_each(k, addr)
  local m = kvm_error.check(k:object(addr, "struct module"))
  local step = each(k, m.kp and object.addr(m.kp) or 0, m.num_kp)
  return function()
    local param = step()
    if param then return object.string(param.name, NAME_MAX), param end
  end
end

return M
