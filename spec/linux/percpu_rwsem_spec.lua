-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local percpu_rwsem = require "kvm.linux.percpu_rwsem"

local S = memory.START
local SEM, COUNT, TASK, ENTRY = S + 0x100, S + 0x200, S + 0x300, S + 0x380

describe("kvm.linux.percpu_rwsem", function()
  harness.guard()
  local k, set, sem
  before_each(function()
    k = memory.open [[
      struct task_struct { long state; int pid; };
      struct rcuwait { struct task_struct *task; };
      struct wait_queue_head { struct list_head head; };
      struct wait_queue_entry { unsigned int flags; void *private; int (*func)(void); struct list_head entry; };
      struct cpumask { unsigned long bits[1]; };
      struct atomic { int counter; };
      struct percpu_rw_semaphore { unsigned int *read_count; struct rcuwait writer; struct wait_queue_head waiters; struct atomic block; };
    ]]
    set = function(t, at, members) memory.set(k, "struct " .. t, at, members) end
    local symbols = memory.one_cpu(k, S, COUNT)
    symbols.percpu_rwsem_wake_function = 0x1000
    memory.symbols(symbols)
    set("percpu_rw_semaphore", SEM, {read_count = 8})
    local head = SEM + k:type("struct percpu_rw_semaphore"):strip():field("waiters").offset
    assert(k:write(head, ("<I8I8"):pack(head, head)))
    set("task_struct", TASK, {pid = 5})
    sem = k:object(SEM, "struct percpu_rw_semaphore")
  end)
  after_each(memory.forget)

  local function readers(n) assert(k:write(COUNT + 8, ("<i4"):pack(n))) end

  it("counts readers and tells the state", function()
    for _, case in ipairs {{0, 0, "no"}, {3, 0, "read"}, {2, 1, "wait"}, {0, 1, "write"}} do
      readers(case[1])
      set("percpu_rw_semaphore", SEM, {["block.counter"] = case[2]})
      assert.are.same({case[1], case[3]}, {percpu_rwsem.readers(sem), percpu_rwsem.state(sem)})
    end
  end)

  it("tells who waits", function()
    assert.is_nil(percpu_rwsem.waiting_writer(sem))
    set("percpu_rw_semaphore", SEM, {["writer.task"] = TASK})
    assert.are.equal(5, percpu_rwsem.waiting_writer(sem).pid)
    assert.is_nil(percpu_rwsem.for_each_waiter(sem)())
    local head = SEM + k:type("struct percpu_rw_semaphore"):strip():field("waiters").offset
    local link = ENTRY + k:type("struct wait_queue_entry"):strip():field("entry").offset
    assert(k:write(head, ("<I8I8"):pack(link, link)))
    assert(k:write(link, ("<I8I8"):pack(head, head)))
    for flags, what in pairs {[1] = "write", [1 | 4] = "read", [1 | 8] = "read"} do
      set("wait_queue_entry", ENTRY, {flags = flags, private = TASK, func = 0x1000})
      assert.are.same({{5, what}}, (memory.collect(percpu_rwsem.for_each_waiter(sem), function(t, how) return {t.pid, how} end)))
    end
  end)
end)
