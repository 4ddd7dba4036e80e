-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local lock_place = require "kvm.linux.check.lock_place"

local S <const> = 1000000000
local STACK = {{name = "__schedule", trusted = true, offset = 1, pc = 1}, {name = "lab_wait", module = "lab", trusted = true, offset = 2,
  pc = 2}}

local function context(tasks, waits, limit)
  local by_task = {}
  for _, w in ipairs(waits or {}) do by_task[w.task.addr] = w end
  local c = checks.new({symbol = function() return nil end}, {task_list = tasks, lock_waits = waits or {}, lock_waits_by_task = by_task})
  function c.setting() return limit end
  function c.asleep_ns(_, t) return t.ns end
  function c.stack() return STACK end
  function c.task_text(_, t) return ("pid %d (%s)"):format(t.pid, t.comm) end
  return c
end

local function task(pid, state, seconds) return {addr = pid * 64, pid = pid, comm = "t" .. pid, state = state, ns = seconds * S} end

describe("kvm.linux.check.hung_task", function()
  local text = lock_place.text
  before_each(function() lock_place.text = function() return nil end end) -- nothing is at these addresses
  after_each(function() lock_place.text = text end)

  it("tells of tasks in D for longer than the kernel's limit, those of one function together", function()
    local found = checks.run("hung_task", context({task(1, "D", 12), task(2, "D", 30), task(3, "S", 99), task(4, "D", 9)}, nil, 10))
    assert.are.equal(1, #found)
    assert.are.equal("hung: pid 2 (t2) and 1 more in uninterruptible sleep for 30 s in lab_wait+0x2 [lab]", found[1].title)
    assert.are.same({{2, 1}, {"lab"}, "error"}, {found[1].pids, found[1].modules, found[1].severity})
  end)

  it("takes two minutes where the kernel's own watch is off", function()
    assert.are.same({}, (checks.run("hung_task", context({task(1, "D", 119)}, nil, 0))))
    assert.are.equal(1, #checks.run("hung_task", context({task(1, "D", 120)}, nil, 0)))
  end)

  it("names the lock and who holds it", function()
    local waiter, owner = task(1, "D", 200), task(9, "S", 300)
    local found = checks.run("hung_task", context({waiter, owner}, {{task = waiter, kind = "mutex", lock = 0x1000, owner = owner,
      owner_addr = owner.addr}}))
    assert.are.same({1, 9}, found[1].pids)
    assert.matches("they wait for mutex at 0x1000\nheld by pid 9 %(t9%)\npid 9 %(t9%) is in state S", table.concat(found[1].evidence, "\n"))
  end)
  it("says what is known of holders that the kernel does not record, and names each function that wants the lock", function()
    local reader, writer = task(1, "D", 200), task(2, "D", 300)
    local held = "held by 1 reader, which the kernel does not record"
    local c = context({reader, writer}, {
      {task = reader, kind = "percpu_rwsem", lock = 0x1000, owner = writer, owner_addr = writer.addr, keeps_out = true, held = held},
      {task = writer, kind = "percpu_rwsem", lock = 0x1000, held = held},
    })
    function c.stack(_, t) return {{name = "lab_wait_" .. t.pid, module = "lab", trusted = true, offset = 2, pc = 2}} end
    local found = checks.run("hung_task", c)
    assert.are.equal(1, #found)
    assert.are.equal("hung: pid 2 (t2) and 1 more in uninterruptible sleep for 300 s in lab_wait_2+0x2 [lab], for percpu_rwsem",
      found[1].title)
    assert.are.same({"lab_wait_2", "lab_wait_1"}, found[1].functions)
    assert.matches(held, table.concat(found[1].evidence, "\n"), 1, true)
    assert.are.same({"kept out by pid 2 (t2)", held}, require "kvm.linux.check.lock_waits".holders(c, c.lock_waits[1]))
  end)
end)
