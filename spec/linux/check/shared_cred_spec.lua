-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"

local S = memory.START
local INIT_CRED, CRED, OTHER = S + 0x800, S + 0x840, S + 0x880

describe("kvm.linux.check.shared_cred", function()
  harness.guard()
  local k, tasks
  before_each(function()
    k = memory.open "struct cred { unsigned int uid; }; struct task_struct { unsigned int flags; struct cred *real_cred; };"
    memory.symbols {init_cred = INIT_CRED}
    tasks = {}
    memory.set(k, "struct cred", CRED, {uid = 1000})
  end)
  after_each(memory.forget)

  local function add(pid, tgid, cred, flags)
    local addr = S + 0x20 * #tasks
    memory.set(k, "struct task_struct", addr, {real_cred = cred, flags = flags or 0})
    tasks[#tasks + 1] = {addr = addr, pid = pid, tgid = tgid, comm = "t" .. pid, state = "S"}
  end
  local function run() return checks.run("shared_cred", checks.new(k, {task_list = tasks})) end

  it("is quiet about threads, threads of the kernel, and the first task", function()
    add(0, 0, INIT_CRED)
    add(2, 2, INIT_CRED, 0x200000)
    add(10, 10, CRED)
    add(11, 10, CRED)
    add(12, 12, OTHER)
    add(3, 3, OTHER, 0x200000)
    assert.are.same({}, (run()))
  end)

  it("finds processes that share credentials", function()
    add(10, 10, CRED)
    add(20, 20, CRED)
    local f = run()
    assert.are.same({1, "error", {10, 20}}, {#f, f[1].severity, f[1].pids})
    assert.are.equal("processes share the credentials of uid 1000: pid 10 (t10), pid 20 (t20)", f[1].title)
  end)

  it("finds a process with those of the kernel", function()
    add(0, 0, INIT_CRED)
    add(7, 7, INIT_CRED)
    local f = run()
    assert.are.same({1, "critical", {7}}, {#f, f[1].severity, f[1].pids})
  end)

  it("passes over tasks that the dump lacks", function()
    add(10, 10, CRED)
    tasks[2] = {addr = memory.UNMAPPED, pid = 11, tgid = 11, comm = "gone", state = "?"}
    local found, err = run()
    assert.are.same({{}, nil}, {found, err})
  end)
end)
