-- SPDX-License-Identifier: BSD-2-Clause
-- linux/cpumask.h: sets of CPUs, one bit each. The four masks of the kernel are
-- __cpu_{possible,present,online,active}_mask (kernel/cpu.c, since 4.5). Checked against Linux 5.10, 6.1, 6.12 and
-- 7.2.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local types = require "kvm.type"

local M = {}

local MAX_CPUS <const> = 65536

--- The CPUs of a mask.
-- @param k an open handle
-- @tparam integer addr of a struct cpumask
-- @treturn {integer,...} CPU numbers, ascending
-- @raise kvm.Error
function M.cpus(k, addr)
  local bytes = types.sizeof(k, "struct cpumask")
  if bytes > MAX_CPUS // 8 then
    error(kvm_error.new {code = "format", message = ("struct cpumask has %d bytes"):format(bytes)})
  end
  local out = {}
  for word = 0, bytes // 8 - 1 do
    local bits = k:u64(addr + 8 * word)
    while bits ~= 0 do
      local low = bits & -bits
      local n = 0
      while low >> n ~= 1 do n = n + 1 end
      out[#out + 1] = word * 64 + n
      bits = bits & ~low
    end
  end
  return out
end

--- The CPUs of one of the kernel's own masks.
-- @param k an open handle
-- @tparam string which "possible", "present", "online" or "active"
-- @treturn {integer,...} CPU numbers
-- @raise kvm.Error `notfound`
-- @usage assert(require "kvm.linux.cpumask".of(k, "online")[1] == 0)
function M.of(k, which)
  return M.cpus(k, kallsyms.address(k, "__cpu_" .. which .. "_mask"))
end

return M
