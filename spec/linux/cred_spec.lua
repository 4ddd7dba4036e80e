-- SPDX-License-Identifier: BSD-2-Clause
local cred = require "kvm.linux.cred"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.credentials"
local memory = require "spec.support.memory"

describe("kvm.linux.cred", function()
  harness.guard()
  local task, set
  before_each(function()
    local _
    _, task, set = made.open()
  end)
  after_each(memory.forget)

  it("tells ids and groups", function()
    assert.are.same({uid = 1, gid = 2, suid = 3, sgid = 4, euid = 5, egid = 6, fsuid = 7, fsgid = 8}, cred.ids(task))
    assert.are.same({20, 100}, cred.groups(task))
    set("group_info", made.at.GROUPS, {ngroups = 0})
    assert.are.same({}, cred.groups(task))
  end)

  it("refuses numbers of groups that can't be", function()
    for _, n in ipairs {-1, 65537} do
      set("group_info", made.at.GROUPS, {ngroups = n})
      local _, err = kvm.try(cred.groups, task)
      assert.are.equal("format", err.code)
    end
  end)

  it("tells capabilities, kept as one word and as two halves", function()
    local want = {inheritable = 1, permitted = 1 << 34 | 1, effective = 1 << 34, bounding = -1, ambient = 0}
    assert.are.same(want, cred.capabilities(task))
    memory.forget()
    task = select(2, made.open "unsigned int cap[2]")
    assert.are.same(want, cred.capabilities(task))
  end)

  it("names them", function()
    assert.are.same({"chown", "syslog", "63"}, cred.capability_names(1 | 1 << 34 | 1 << 63))
    assert.are.same({}, cred.capability_names(0))
    assert.are.same({41, "checkpoint_restore"}, {#cred.CAPABILITIES, cred.CAPABILITIES[41]})
  end)

  it("tells what a task gave up", function()
    assert.are.same({true, 2, 3}, {cred.no_new_privs(task), cred.seccomp(task)})
    set("task_struct", made.at.TASK, {atomic_flags = 2})
    assert.is_false(cred.no_new_privs(task))
  end)

  it("says what the kernel lacks", function()
    local k = memory.open "struct task_struct { int pid; };"
    local _, err = kvm.try(cred.seccomp, k:object(memory.START, "struct task_struct"))
    assert.are.equal("notfound", err.code)
    assert.matches("CONFIG_SECCOMP", err.message, 1, true)
  end)
end)
