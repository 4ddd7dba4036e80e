-- SPDX-License-Identifier: BSD-2-Clause
-- linux/spinlock_types.h, asm-generic/qspinlock_types.h: whether a spinlock is held, and which CPU is the last that waits. Who holds it is
-- not kept (but with CONFIG_DEBUG_SPINLOCK: owner_cpu). Checked against Linux 5.10, 6.1, 6.12 and 7.2 on x86-64.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

-- The word of a struct qspinlock: a byte "locked"; "pending", which the first that waits sets, is a byte where the kernel is for fewer than
-- 16,384 CPUs, else a bit; then the level of nesting (2 bits) and the number of the CPU that came last, plus one.
local LOCKED_BITS <const>, INDEX_BITS <const>, MANY_CPUS <const> = 8, 2, 16384

local function queued(lock)
  for _, member in ipairs {"rlock", "raw_lock"} do
    if object.typeof(lock):strip():field(member) then lock = lock[member] end
  end
  if object.typeof(lock):strip():name() ~= "qspinlock" then
    kvm_error.fail("unsupported", "0x%x is no queued spinlock: %s", object.addr(lock), object.typeof(lock):spell())
  end
  return lock
end

-- struct cpumask has a bit for each CPU that the kernel is for, and up to 63 more.
local function pending_bits(k)
  return types.sizeof(k, "struct cpumask") * 8 < MANY_CPUS and 8 or 1
end

--- What a spinlock's state is.
-- @param lock `spinlock_t`, `raw_spinlock_t` or `struct qspinlock`
-- @treturn table locked, pending (booleans), last_cpu (number of the CPU that came last of those that wait in line; nil: none does)
-- @raise kvm.Error `unsupported` for other spinlocks than queued ones
-- @usage local state = kvm.linux.spinlock.state(k:object("init_task").pi_lock) assert(state.locked ~= nil)
function M.state(lock)
  local own = queued(lock)
  local word, bits = own.val.counter & 0xffffffff, pending_bits(object.handle(own))
  local tail = word >> LOCKED_BITS + bits + INDEX_BITS
  return {
    locked = word & (1 << LOCKED_BITS) - 1 ~= 0, pending = word >> LOCKED_BITS & (1 << bits) - 1 ~= 0,
    last_cpu = tail > 0 and tail - 1 or nil,
  }
end

return M
