-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local queue_waits = require "kvm.linux.check.queue_waits"

local S <const> = memory.START
local TASK, WRITER, SEM, COUNT, STACK, OFFSET = S, S + 0x100, S + 0x200, S + 0x300, S + 0x400, 0x40
local BIT, PAGE, PERCPU, VARIABLE = 0x7001, 0x7002, 0x7003, 0x7004 -- the functions that wake
local ENTRY <const> = STACK + 0x40

local DECLARATIONS = [[
  struct cpumask { unsigned long bits[1]; };
  struct list_head { struct list_head *next, *prev; };
  struct task_struct { int pid; struct { unsigned long sp; } thread; };
  struct wait_queue_head { unsigned lock; struct list_head head; };
  struct wait_queue_entry { unsigned flags; void *private; void *func; struct list_head entry; };
  struct wait_bit_key { void *flags; int bit_nr; unsigned long timeout; };
  struct wait_bit_queue_entry { struct wait_bit_key key; struct wait_queue_entry wq_entry; };
  struct page { unsigned long flags; };
  struct wait_page_queue { struct page *page; int bit_nr; struct wait_queue_entry wait; };
  struct atomic { int counter; };
  struct percpu_rw_semaphore { long rss; unsigned *read_count; struct { struct task_struct *task; } writer;
    struct wait_queue_head waiters; struct atomic block; };
]]
local FRAMES = {
  {name = "schedule", sp = STACK + 0x10, trusted = true}, {name = "out_of_line_wait_on_bit", sp = STACK + 0x20, trusted = true},
  {name = "lab_wait", sp = STACK + 0x100, trusted = true, module = "lab"}, {name = "kthread", sp = STACK + 0x110, trusted = true},
}

describe("kvm.linux.check.queue_waits", function()
  harness.guard()
  local k, symbols
  before_each(function()
    k = memory.open(DECLARATIONS)
    symbols = memory.one_cpu(k, S + 0x800, OFFSET)
    symbols.wake_bit_function, symbols.wake_page_function, symbols.var_wake_function = BIT, PAGE, VARIABLE
    symbols.percpu_rwsem_wake_function = PERCPU
    memory.symbols(symbols)
    memory.set(k, "struct task_struct", TASK, {["thread.sp"] = STACK})
    memory.set(k, "struct percpu_rw_semaphore", SEM, {read_count = COUNT - OFFSET, ["waiters.head.next"] = SEM + 32,
      ["waiters.head.prev"] = SEM + 32})
    assert(k:write(COUNT, ("<i4"):pack(2)))
  end)
  after_each(memory.forget)
  local function run(frames, state)
    return queue_waits.of_task(checks.new(k), {addr = TASK, state = state or "D"}, frames or FRAMES)
  end
  local function queue(func)
    memory.set(k, "struct wait_queue_entry", ENTRY, {private = TASK, func = func})
  end

  it("finds the word and the bit", function()
    queue(BIT)
    memory.set(k, "struct wait_bit_queue_entry", ENTRY - 24, {["key.flags"] = 0x1234, ["key.bit_nr"] = 9})
    assert.are.same({kind = "bit lock", lock = 0x1234, bit = 9, held = "the kernel does not record who holds it"}, run())
    assert.is_nil(run(nil, "S"))
    memory.set(k, "struct wait_bit_queue_entry", ENTRY - 24, {["key.bit_nr"] = -1})
    assert.is_nil(run())
  end)

  it("finds the address that stands for a bit", function()
    queue(VARIABLE)
    memory.set(k, "struct wait_bit_queue_entry", ENTRY - 24, {["key.flags"] = 0x1235, ["key.bit_nr"] = -1})
    local w = run()
    assert.are.same({"bit lock", 0x1235, true, nil}, {w.kind, w.lock, w.variable, w.bit})
  end)

  it("finds the page", function()
    queue(PAGE)
    memory.set(k, "struct wait_page_queue", ENTRY - 16, {page = 0x2000, bit_nr = 0})
    assert.are.same({kind = "page lock", lock = 0x2000, bit = 0, held = "the kernel does not record who holds it"}, run())
  end)

  it("finds nothing where the task's address is not an entry's, or lies behind what the lock's functions have", function()
    queue(0x9999)
    assert.is_nil(run())
    queue(0)
    memory.set(k, "struct wait_queue_entry", STACK + 0x200, {private = TASK, func = BIT})
    assert.is_nil(run())
    for _, name in ipairs {"wake_bit_function", "wake_page_function", "var_wake_function", "percpu_rwsem_wake_function"} do
      symbols[name] = nil
    end
    queue(BIT)
    assert.is_nil(run())
  end)

  it("finds the semaphore in whose queue a reader is, the writer before it, how many read", function()
    queue(PERCPU)
    memory.set(k, "struct percpu_rw_semaphore", SEM, {["writer.task"] = WRITER, ["block.counter"] = 1})
    memory.set(k, "struct wait_queue_entry", ENTRY, {["entry.next"] = SEM + 32, ["entry.prev"] = SEM + 32})
    memory.set(k, "struct percpu_rw_semaphore", SEM, {["waiters.head.next"] = ENTRY + 24, ["waiters.head.prev"] = ENTRY + 24})
    assert.are.same({kind = "percpu_rwsem", lock = SEM, owner_addr = WRITER, keeps_out = true,
      held = "held by 2 readers, which the kernel does not record"}, run())
    assert(k:write(COUNT, ("<i4"):pack(0)))
    memory.set(k, "struct percpu_rw_semaphore", SEM, {["writer.task"] = 0})
    assert.are.same({kind = "percpu_rwsem", lock = SEM, held = "held by a writer, which the kernel does not record"}, run())
    memory.set(k, "struct wait_queue_entry", ENTRY, {["entry.next"] = ENTRY + 24})
    assert.is_nil(run())
  end)

  it("finds the semaphore that has the task as its writer", function()
    local frames = {FRAMES[1], {name = "percpu_down_write", sp = STACK + 0x20, trusted = true}, FRAMES[3], FRAMES[4]}
    memory.set(k, "struct percpu_rw_semaphore", SEM, {["writer.task"] = TASK, ["block.counter"] = 1})
    assert(k:write(STACK + 8, ("<I8"):pack(SEM)))
    assert.are.same({kind = "percpu_rwsem", lock = SEM, held = "held by 2 readers, which the kernel does not record"}, run(frames))
    assert.is_nil(run())
    for _, wrong in ipairs {{["block.counter"] = 0}, {["writer.task"] = WRITER}, {["waiters.head.next"] = SEM + 40}} do
      memory.set(k, "struct percpu_rw_semaphore", SEM, {["writer.task"] = TASK, ["block.counter"] = 1, ["waiters.head.next"] = SEM + 32})
      memory.set(k, "struct percpu_rw_semaphore", SEM, wrong)
      assert.is_nil(run(frames))
    end
  end)
end)
