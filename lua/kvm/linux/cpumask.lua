-- SPDX-License-Identifier: BSD-2-Clause
-- linux/cpumask.h: sets of CPUs, one bit each. The masks of the kernel are __cpu_{possible,present,online,active}_mask
-- (kernel/cpu.c, since 4.5), __cpu_dying_mask (since 5.13), __cpu_enabled_mask (since 6.11). Checked against Linux 5.10, 6.1, 6.12
-- and 7.2.
local bitmap = require "kvm.linux.bitmap"
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local MAX_CPUS <const> = 65536

-- How many bits a struct cpumask has.
local function bits_of(k)
  local bytes = types.sizeof(k, "struct cpumask")
  if bytes > MAX_CPUS // 8 then
    error(kvm_error.new {code = "format", message = ("struct cpumask has %d bytes"):format(bytes)})
  end
  return bytes * 8
end

--- The CPUs of a mask.
-- @param k an open handle
-- @tparam integer addr of a struct cpumask
-- @treturn {integer,...} CPU numbers, ascending
-- @raise kvm.Error
-- @usage assert(kvm.linux.cpumask.cpus(k, k:symbol("__cpu_online_mask").value)[1] == 0)
function M.cpus(k, addr)
  local out = {}
  for cpu in bitmap.for_each_set_bit(k, addr, bits_of(k)) do out[#out + 1] = cpu end
  return out
end

--- The CPUs of one of the kernel's own masks.
-- @param k an open handle
-- @tparam string which "possible", "present", "online", "active", "dying" or "enabled"
-- @treturn {integer,...} CPU numbers
-- @raise kvm.Error `notfound`
-- @usage assert(require "kvm.linux.cpumask".of(k, "online")[1] == 0)
function M.of(k, which)
  return M.cpus(k, kallsyms.address(k, "__cpu_" .. which .. "_mask"))
end

-- The address of a mask, and how many of its bits stand for CPUs. A cpumask_var_t is a pointer to a mask or an array of one
-- (CONFIG_CPUMASK_OFFSTACK).
local function mask_at(mask, name)
  local t = object.is_object(mask) and object.typeof(mask):strip()
  if t and t:kind() == "array" then t = t:target():strip() end
  if not t or t:name() ~= "cpumask" then error(("bad argument to '%s' (struct cpumask expected)"):format(name), 3) end
  local k = object.handle(mask)
  local bits, count = bits_of(k), k:symbol "nr_cpu_ids" -- a constant with CONFIG_FORCE_NR_CPUS (6.1)
  return k, object.addr(mask), count and math.min(bits, k:u32(count.value)) or bits
end

--- The CPUs of a mask. Bits of CPUs that there can't be are passed over: masks of all CPUs have them set.
-- @param mask `struct cpumask` or `cpumask_var_t`
-- @treturn function an iterator of CPU numbers, ascending
-- @raise kvm.Error `fault`, `excluded`
-- @usage local mask = k:object(k:symbol("__cpu_online_mask").value, "struct cpumask")
-- assert(kvm.linux.cpumask.for_each_cpu(mask)() == 0)
function M.for_each_cpu(mask)
  return bitmap.for_each_set_bit(mask_at(mask, "for_each_cpu"))
end

--- How many CPUs a mask has.
-- @param mask `struct cpumask` or `cpumask_var_t`
-- @treturn integer
-- @raise kvm.Error `fault`, `excluded`
-- @usage assert(kvm.linux.cpumask.weight(k:object(k:symbol("__cpu_online_mask").value, "struct cpumask")) > 0)
function M.weight(mask)
  return bitmap.weight(mask_at(mask, "weight"))
end

--- Whether a CPU is in a mask.
-- @tparam integer cpu
-- @param mask `struct cpumask` or `cpumask_var_t`
-- @treturn boolean
-- @raise kvm.Error `fault`, `excluded`
-- @usage assert(kvm.linux.cpumask.test_cpu(0, k:object(k:symbol("__cpu_online_mask").value, "struct cpumask")))
function M.test_cpu(cpu, mask)
  local k, addr, bits = mask_at(mask, "test_cpu")
  return cpu >= 0 and cpu < bits and bitmap.test_bit(k, cpu, addr)
end

--- A mask as the kernel prints it (%*pbl): "0-3,7".
-- @param mask `struct cpumask` or `cpumask_var_t`
-- @treturn string
-- @raise kvm.Error `fault`, `excluded`
-- @usage local mask = k:object(k:symbol("__cpu_online_mask").value, "struct cpumask")
-- assert(kvm.linux.cpumask.list(mask):match "^0")
function M.list(mask)
  return bitmap.list(bitmap.for_each_set_bit(mask_at(mask, "list")))
end

return M
