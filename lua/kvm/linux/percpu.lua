-- SPDX-License-Identifier: BSD-2-Clause
-- linux/percpu.h, percpu_counter.h, percpu-refcount.h: variables of which each CPU has its own, counters and references that CPUs
-- keep parts of. A CPU's copy is at the address of the symbol or pointer plus __per_cpu_offset[cpu] (include/asm-generic/percpu.h).
-- That holds for the symbols that start at 0 (x86-64 before 6.15) as for those with real addresses. Checked against Linux 5.10, 6.1,
-- 6.12 and 7.2.
local cpumask = require "kvm.linux.cpumask"
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

--- A CPU's copy of what a pointer to per-CPU memory (`T __percpu *`, of alloc_percpu or a variable's) leads to.
-- @param p the object or pointer that such a member reads as
-- @tparam integer cpu number
-- @return object: for a pointer to a struct that struct, else a pointer value
-- @raise kvm.Error `inval` for a CPU that the kernel can't have, `fault`, `excluded`
-- @usage local counter = k:object(k:symbol("vm_committed_as").value, "struct percpu_counter")
-- assert(math.type(kvm.linux.percpu.of_pointer(counter.counters, 0)[0]) == "integer")
function M.of_pointer(p, cpu)
  return object.cast(M.per_cpu_ptr(object.handle(p), object.addr(p), cpu), object.typeof(p))
end

--- The copies of what a pointer to per-CPU memory leads to, of all CPUs that there may be.
-- @param p as of_pointer takes it
-- @treturn function an iterator of CPU number and object, as of_pointer gives it
-- @raise kvm.Error `fault`, `excluded`
-- @usage local counter = k:object(k:symbol("vm_committed_as").value, "struct percpu_counter")
-- for cpu, copy in kvm.linux.percpu.for_each_copy(counter.counters) do assert(cpu >= 0 and math.type(copy[0]) == "integer") end
function M.for_each_copy(p)
  local cpus, i = cpumask.of(object.handle(p), "possible"), 0
  return function()
    i = i + 1
    if cpus[i] then return cpus[i], M.of_pointer(p, cpus[i]) end
  end
end

--- The exact value of a counter that CPUs keep parts of.
-- @param counter `struct percpu_counter`
-- @tparam[opt] {integer,...} cpus those online, where many counters are asked one after another
-- @treturn integer
-- @raise kvm.Error
-- @usage assert(kvm.linux.percpu.counter_sum(k:object(k:symbol("vm_committed_as").value, "struct percpu_counter")) > 0)
function M.counter_sum(counter, cpus)
  local k, sum = object.handle(counter), counter.count
  local parts = k:ptr(object.addr(counter, "counters"))
  if parts == 0 then return sum end -- not initialised, or destroyed
  for _, cpu in ipairs(cpus or cpumask.of(k, "online")) do sum = sum + k:i32(M.per_cpu_ptr(k, parts, cpu)) end
  return sum
end

-- linux/percpu-refcount.h and lib/percpu-refcount.c
local REF_ATOMIC <const>, REF_DEAD <const>, REF_FLAG_BITS <const> = 1, 2, 2
local REF_BIAS <const> = math.mininteger -- PERCPU_COUNT_BIAS: in the count as long as CPUs keep parts of it

--- A reference count that CPUs keep parts of.
-- @param ref `struct percpu_ref`
-- @treturn table count (references), dead (boolean: it was killed), atomic (boolean: CPUs keep no parts), exited (boolean: its parts are
--  freed)
-- @raise kvm.Error `fault`, `excluded`
-- @usage assert(kvm.linux.percpu.ref(k:object("init_css_set").dfl_cgrp.self.refcnt).dead == false)
function M.ref(ref)
  local k, word = object.handle(ref), ref.percpu_count_ptr
  local flags = word & (1 << REF_FLAG_BITS) - 1
  local out = {dead = flags & REF_DEAD ~= 0, atomic = flags & REF_ATOMIC ~= 0, exited = false}
  local data = ref.data -- since 5.10; percpu_ref_exit leaves the count behind the flags
  if not data then
    out.count, out.exited = word >> REF_FLAG_BITS, true
    return out
  end
  local count = data.count.counter
  if count & REF_BIAS ~= 0 then -- also while it is made atomic
    for _, cpu in ipairs(cpumask.of(k, "possible")) do
      count = count + k:i64(M.per_cpu_ptr(k, word & ~(REF_ATOMIC | REF_DEAD), cpu))
    end
    count = count - REF_BIAS
  end
  out.count = count
  return out
end

return M
