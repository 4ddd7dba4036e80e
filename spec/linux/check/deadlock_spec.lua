-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local lock_place = require "kvm.linux.check.lock_place"

local STACK = {{name = "__mutex_lock", trusted = true, offset = 1, pc = 1}, {name = "lab_lock", module = "lab", trusted = true, offset = 2,
  pc = 2}}

-- Waits: {waiter, owner, kind, reader}, by pid.
local function context(list)
  local waits, by_task, tasks = {}, {}, {}
  local function task(pid)
    tasks[pid] = tasks[pid] or {addr = pid * 64, pid = pid, comm = "t" .. pid, state = "D"}
    return tasks[pid]
  end
  for i, w in ipairs(list) do
    local owner = w[2] and task(w[2])
    waits[i] = {task = task(w[1]), owner = owner, owner_addr = owner and owner.addr, kind = w[3] or "mutex", reader = w[4],
      lock = 0x1000 * i,
      frame = STACK[2]}
    by_task[waits[i].task.addr] = waits[i]
  end
  local c = checks.new({symbol = function() return nil end}, {lock_waits = waits, lock_waits_by_task = by_task})
  function c.stack() return STACK end
  function c.task_text(_, t) return ("pid %d (%s)"):format(t.pid, t.comm) end
  return c
end

describe("kvm.linux.check.deadlock", function()
  local text = lock_place.text
  before_each(function() lock_place.text = function() return nil end end) -- nothing is at these addresses
  after_each(function() lock_place.text = text end)

  it("finds a circle of two, once", function()
    local found = checks.run("deadlock", context {{1, 2}, {2, 1}})
    assert.are.equal(1, #found)
    assert.are.equal("deadlock of 2 tasks in lab_lock [lab]: t1, t2 wait for each other (mutex)", found[1].title)
    assert.are.same({"critical", "certain", {1, 2}}, {found[1].severity, found[1].confidence, found[1].pids})
    assert.are.equal("pid 1 (t1) waits in lab_lock+0x2 [lab] for mutex at 0x1000, held by pid 2 (t2)", found[1].evidence[1])
  end)

  it("finds a circle behind those that only wait for it", function()
    local found = checks.run("deadlock", context {{7, 1}, {1, 2, "rw_semaphore"}, {2, 3, "rw_semaphore"}, {3, 1, "rw_semaphore"}})
    assert.are.equal(1, #found)
    assert.are.same({1, 2, 3}, found[1].pids)
  end)

  it("finds a task that waits for itself", function()
    assert.are.equal("self-deadlock in lab_lock [lab]: t1 waits for the mutex that it holds", checks.run("deadlock", context {{1,
      1}})[1].title)
  end)

  it("is less sure of readers, and of semaphores", function()
    assert.are.equal("likely", checks.run("deadlock", context {{1, 2, "rw_semaphore", true}, {2, 1}})[1].confidence)
    local found = checks.run("deadlock", context {{1, 1, "semaphore"}})[1]
    assert.are.same({"warning", "possible"}, {found.severity, found.confidence})
  end)

  it("names the lock by what it is part of", function()
    lock_place.text = function(_, wait) return "i_rwsem of inode " .. wait.lock // 0x1000, "inode lock" end
    local found = checks.run("deadlock", context {{1, 2, "rw_semaphore"}, {2, 1, "rw_semaphore"}})[1]
    assert.matches("%(inode lock%)$", found.title)
    assert.are.equal("pid 2 (t2) waits in lab_lock+0x2 [lab] for inode lock i_rwsem of inode 2 (0x2000), held by pid 1 (t1)",
      found.evidence[2])
  end)

  it("is quiet about chains", function()
    assert.are.same({}, (checks.run("deadlock", context {{1, 2}, {2, 3}, {4, nil}})))
  end)
end)
