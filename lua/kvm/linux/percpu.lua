-- SPDX-License-Identifier: BSD-2-Clause
-- linux/percpu.h: variables of which each CPU has its own. A variable's copy is at the symbol's address plus
-- __per_cpu_offset[cpu] (include/asm-generic/percpu.h). That holds for the symbols that start at 0 (x86-64 before
-- 6.15) as for those with real addresses. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local object = require "kvm.object"

local M = {}

--- Address of a CPU's copy of a variable.
-- @param k an open handle
-- @tparam integer addr value of the variable's symbol
-- @tparam integer cpu number
-- @treturn integer address
-- @raise kvm.Error `notfound`, `inval` for a CPU that the kernel can't have, `fault`, `excluded`
-- @usage assert(require "kvm.linux.percpu".per_cpu_ptr(k, 0, 0) == k:u64(k:symbol("__per_cpu_offset").value))
function M.per_cpu_ptr(k, addr, cpu)
  if cpu < 0 or cpu >= k:u32(kallsyms.address(k, "nr_cpu_ids")) then
    error(kvm_error.new {code = "inval", message = ("there is no CPU %d"):format(cpu)})
  end
  return addr + k:u64(kallsyms.address(k, "__per_cpu_offset") + 8 * cpu)
end

--- Whether an address is that of a per-CPU variable's symbol, where no CPU's copy lies: before x86's 6.15 an offset, since then
-- the template of the copies, which is freed when the kernel has started.
-- @param k an open handle
-- @tparam integer addr value of a symbol
-- @treturn boolean
-- @usage assert(not require "kvm.linux.percpu".is_per_cpu(k, k:symbol("linux_banner").value))
function M.is_per_cpu(k, addr)
  local first, last = k:symbol "__per_cpu_start", k:symbol "__per_cpu_end"
  return first ~= nil and last ~= nil and not math.ult(addr, first.value) and math.ult(addr, last.value)
end

--- A CPU's copy of a variable, as an object.
-- @param k an open handle
-- @tparam string name symbol of a per-CPU variable
-- @tparam integer cpu number
-- @param[opt] t kvm.Type or C type expression; without it the variable's own type
-- @return object or value
-- @raise kvm.Error `notfound`, `inval` for a CPU that the kernel can't have, `fault`, `excluded`
-- @usage assert(require "kvm.linux.percpu".per_cpu(k, "runqueues", 0, "struct rq").cpu == 0)
function M.per_cpu(k, name, cpu, t)
  local symbol = kvm_error.check(k:symbol(name))
  t = t or kvm_error.check(object.variable_type(k, name, symbol.module))
  return kvm_error.check(k:object(M.per_cpu_ptr(k, symbol.value, cpu), t))
end

--- The exact value of a counter that CPUs keep parts of.
-- @param counter `struct percpu_counter`
-- @treturn integer
-- @raise kvm.Error
-- @usage assert(kvm.linux.percpu.counter_sum(k:object(k:symbol("vm_committed_as").value, "struct percpu_counter")) > 0)
function M.counter_sum(counter)
  local k, sum = object.handle(counter), counter.count
  local parts = k:ptr(object.addr(counter, "counters"))
  for _, cpu in ipairs(require "kvm.linux.cpumask".of(k, "online")) do sum = sum + k:i32(M.per_cpu_ptr(k, parts, cpu)) end
  return sum
end

return M
