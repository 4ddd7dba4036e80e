-- SPDX-License-Identifier: BSD-2-Clause
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local made = require "spec.support.credentials"
local memory = require "spec.support.memory"
local task_parts = require "kvm.cmd.task_parts"

describe("kvm.cmd.task_parts", function()
  harness.guard()
  after_each(memory.forget)

  local function told(k, task, key, rec)
    rec = rec or {}
    local parts = task_parts.of(k, {[key] = true})
    assert.are.equal(1, #parts)
    parts[1](rec, task)
    return rec
  end

  it("tells credentials", function()
    local k, task, set = made.open()
    assert.are.same({fsuid = 7, fsgid = 8, groups = {20, 100}, no_new_privs = true, seccomp = 2, cap_inheritable = 1,
      cap_permitted = 1 << 34 | 1, cap_effective = 1 << 34, cap_bounding = -1, cap_ambient = 0, capabilities = {"syslog"}},
      told(k, task, "credentials"))
    set("cred", made.at.CRED, {group_info = memory.UNMAPPED})
    assert.are.same({"groups"}, told(k, task, "credentials").partial)
    set("task_struct", made.at.TASK, {real_cred = memory.UNMAPPED})
    local r = told(k, task, "credentials")
    assert.are.same({nil, {"fsuid", "fsgid", "groups", "capabilities"}, 2}, {r.capabilities, r.partial, r.seccomp})
  end)

  it("tells namespaces, and names those that are not the first task's", function()
    local k, task, set = made.open()
    memory.symbols {init_pid_ns = made.at.OUTER, init_task = made.at.TASK}
    local k_object = k.object
    assert.are.equal("", told(k, task, "namespaces").ns)
    set("task_struct", made.at.TASK + 0x1000, {nsproxy = made.at.PROXY + 0x1000, real_cred = made.at.CRED, thread_pid = made.at.PID})
    set("nsproxy", made.at.PROXY + 0x1000, {uts_ns = made.at.UTS + 0x1000, pid_ns_for_children = made.at.OUTER})
    set("uts_namespace", made.at.UTS + 0x1000, {["ns.inum"] = 99})
    local r = told(k, k_object(k, made.at.TASK + 0x1000, "struct task_struct"), "namespaces")
    assert.are.equal("uts:99", r.ns)
    assert.are.same({kind = "pid", inum = 80, addr = made.at.INNER}, r.namespaces[1])
    assert.are.same({9, 1}, r.ns_pids)
  end)

  it("tells paths", function()
    local k, task, set = files.open()
    set("mm_struct", files.MM, {exe_file = files.FILE})
    set("fs_struct", files.FS, {umask = 18})
    assert.are.same({root = "/", cwd = "/srv/dir", umask = 18, exe = "/srv/dir/file"}, told(k, task, "paths"))
    set("opened", files.TASK, {mm = 0, fs = 0})
    assert.are.same({}, told(k, task, "paths"))
  end)

  it("tells environments, and why there is none", function()
    local k = {}
    function k.environ(_, p)
      if p.pid == 1 then return {"A=1"} end
      return nil, "left out", "excluded"
    end
    assert.are.same({"A=1"}, told(k, nil, "environ", {pid = 1, mm = 5}).environ)
    assert.are.equal("excluded", told(k, nil, "environ", {pid = 2, mm = 5}).environ_code)
    assert.are.same({pid = 1, mm = 0}, told(k, nil, "environ", {pid = 1, mm = 0})) -- a kernel thread has none
  end)

  it("puts limits into words", function()
    assert.are.equal("Max open files 5; Max cpu time unlimited",
      task_parts.limit_words {{name = "Max open files", soft = 5}, {name = "Max cpu time", soft = -1}})
    assert.are.equal("", task_parts.limit_words())
  end)
end)
