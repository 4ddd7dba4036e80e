-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local lock_waits = require "kvm.linux.check.lock_waits"
local memory = require "spec.support.memory"

local START <const> = memory.START
local WAITER, OWNER, LOCK, STACK = START, START + 0x100, START + 0x200, START + 0x400

local COMMON = [[
  struct list_head { struct list_head *next, *prev; }; typedef struct { long counter; } atomic_long_t;
  struct thread_struct { unsigned long sp; };
  struct task_struct { int pid; struct thread_struct thread; };
]]
local WAITER_OF_LIST <const> = " struct mutex_waiter { struct list_head list; struct task_struct *task; };"
local HEAD = "struct mutex { atomic_long_t owner; struct list_head wait_list; };" .. WAITER_OF_LIST
local RING = "struct mutex { atomic_long_t owner; struct mutex_waiter *first_waiter; };" .. WAITER_OF_LIST

describe("kvm.linux.check.lock_waits", function()
  harness.guard()
  local function run(k, frames, t)
    local c = checks.new(k)
    function c.stack() return frames end
    function c.task_at(_, addr) return (addr == OWNER or addr == WAITER) and {addr = addr, pid = 2, comm = "owner"} or nil end
    t = t or {addr = WAITER, pid = 1, state = "D"}
    return lock_waits.of_task(c, t)
  end
  -- The waiter lies in the slow path's frame, the lock's address in the words below it.
  local FRAMES = {
    {name = "schedule", sp = STACK + 0x20, trusted = true}, {name = "__mutex_lock.constprop.0", sp = STACK + 0x40, trusted = true},
    {name = "lab_lock", sp = STACK + 0x80, trusted = true, module = "lab"},
  }
  local function build(lock_type, link_back, set_lock)
    local k = memory.open(COMMON .. lock_type)
    memory.set(k, "struct task_struct", WAITER, {pid = 1, ["thread.sp"] = STACK})
    memory.set(k, "struct mutex_waiter", STACK + 0x50, {task = WAITER, ["list.next"] = link_back, ["list.prev"] = link_back})
    memory.set(k, "struct mutex", LOCK, set_lock)
    -- Before it the address whose list the waiter itself would be, were it a lock.
    assert(k:write(STACK, ("<I8I8"):pack(STACK + 0x48, LOCK)))
    return k
  end

  it("finds the lock whose list has the waiter, and its owner", function()
    local k = build(HEAD, LOCK + 8, {["owner.counter"] = OWNER | 1, ["wait_list.next"] = STACK + 0x50, ["wait_list.prev"] = STACK + 0x50})
    local w = run(k, FRAMES)
    assert.are.same({"mutex", LOCK, OWNER, "owner", "lab_lock"}, {w.kind, w.lock, w.owner_addr, w.owner.comm, w.frame.name})
  end)

  it("finds it where locks have no head (7.1)", function()
    local k = build(RING, STACK + 0x50, {["owner.counter"] = OWNER, first_waiter = STACK + 0x50})
    assert.are.equal(LOCK, run(k, FRAMES).lock)
  end)

  it("finds nothing where the list is broken or the lock elsewhere", function()
    assert.is_nil(run(build(HEAD, LOCK + 8, {["owner.counter"] = OWNER}), FRAMES))
    assert.is_nil(run(build(HEAD, LOCK + 0x28, {}), FRAMES))
  end)

  it("finds nothing of tasks that run, or wait for something else", function()
    local k = build(HEAD, LOCK + 8, {["wait_list.next"] = STACK + 0x50, ["wait_list.prev"] = STACK + 0x50})
    assert.is_nil(run(k, FRAMES, {addr = WAITER, state = "D", on_cpu = 0}))
    assert.is_nil(run(k, {FRAMES[1], {name = "pipe_read", sp = STACK + 0x40, trusted = true}, FRAMES[3]}))
  end)

  it("spells locks with the names of variables", function()
    local k = memory.open()
    local c = checks.new(k)
    memory.symbols {lab_mutex = LOCK}
    assert.are.equal(("mutex lab_mutex (0x%x)"):format(LOCK), lock_waits.lock_text(c, {kind = "mutex", lock = LOCK}))
    memory.forget()
  end)
end)
