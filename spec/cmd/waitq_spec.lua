-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.locks"
local memory = require "spec.support.memory"
local waitq = require "kvm.cmd.waitq"

describe("kvm.cmd.waitq", function()
  harness.guard()
  local k, set, ring
  local at = made.at
  before_each(function()
    k, set, ring = made.open(nil, "struct holder { long pad; struct mutex lock; struct mutex *other; int n; };")
    memory.symbols {the_lock = at.LOCK, default_wake_function = 0x1000}
  end)
  after_each(memory.forget)

  local function records(addr, t)
    return (memory.collect(waitq.run(k, {addr = addr, type = t})))
  end

  it("tells owner and waiters", function()
    made.wait(k, set, ring, made.layouts[1], "mutex", "mutex_waiter")
    set("mutex", at.LOCK, {["owner.counter"] = at.A})
    assert.are.same({{role = "lock", what = "locked"}, {role = "owner", pid = 10, comm = "holder", task = at.A},
      {role = "waiter", pid = 20, comm = "waiter", task = at.B}, {role = "waiter", pid = 10, comm = "holder", task = at.A}},
      records("the_lock", "mutex"))
    assert.are.equal(4, #records(("0x%x"):format(at.LOCK), "struct mutex"))
  end)

  it("follows members", function()
    set("holder", at.LOCK - 8, {other = at.LOCK})
    ring(at.LOCK + 8)
    local base = ("0x%x"):format(at.LOCK - 8)
    assert.are.same({{role = "lock", what = "free"}}, records(base .. ".lock", "holder"))
    for text, code in pairs {[base .. ".lack"] = "notfound", [base .. ".n"] = "inval", [base] = "inval", ["."] = "inval"} do
      assert.are.equal(code, select(2, kvm.try(waitq.run, k, {addr = text, type = "holder"})).code)
    end
  end)

  it("tells what readers and writers do", function()
    made.wait(k, set, ring, made.layouts[1], "rw_semaphore", "rwsem_waiter")
    set("rw_semaphore", at.LOCK, {["count.counter"] = 2 << 8, ["owner.counter"] = at.A | 1})
    local r = records("the_lock", "rw_semaphore")
    assert.are.same({"locked by 2 readers", "the last that came to read, and may have gone", "write"}, {r[1].what, r[2].what, r[3].what})
  end)

  it("tells the entries of wait queues, also those that wake no task", function()
    local link = k:type("struct wait_queue_entry"):strip():field("entry").offset
    set("wait_queue_entry", at.W1, {flags = 1, private = at.B, func = 0x1000})
    set("wait_queue_entry", at.W2, {private = 5, func = 0x2222})
    ring(at.LOCK, at.W1 + link, at.W2 + link)
    assert.are.same({
      {role = "waiter", pid = 20, comm = "waiter", task = at.B, addr = at.W1, func = "default_wake_function", exclusive = true,
        what = "default_wake_function, exclusive"},
      {role = "waiter", addr = at.W2, func = "0x2222", exclusive = false, what = "0x2222"}}, records "the_lock")
  end)

  it("tells semaphores and completions", function()
    made.wait(k, set, ring, made.layouts[1], "semaphore", "semaphore_waiter")
    set("semaphore", at.LOCK, {count = 3})
    local r = records("the_lock", "semaphore")
    assert.are.same({3, "3 more can take it", "waiter"}, {#r, r[1].what, r[2].role})
    set("completion", at.LOCK, {done = 0xffffffff})
    ring(at.LOCK + 8)
    assert.are.same({{role = "lock", what = "completed for all"}}, records("the_lock", "completion"))
  end)

  it("tells where it stopped", function()
    made.wait(k, set, ring, made.layouts[1], "mutex", "mutex_waiter")
    assert(k:write(at.W1, ("<I8"):pack(memory.UNMAPPED)))
    local r = records("the_lock", "mutex")
    assert.are.same({"lock", "waiter", "fault"}, {r[1].role, r[2].role, r[3].code})
  end)
end)
