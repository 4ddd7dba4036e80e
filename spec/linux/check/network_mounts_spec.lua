-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local kvm_error = require "kvm.error"
local memory = require "spec.support.memory"
local mount = require "kvm.linux.mount"
local rq = require "kvm.linux.rq"

local S <const> = 1000000000
local START <const> = memory.START
local PROXY <const>, NS <const> = START + 0x400, START + 0x500

describe("kvm.linux.check.network_mounts", function()
  harness.guard()
  local own = {for_each_mount = mount.for_each_mount, fstype = mount.fstype, device = mount.device, dir = mount.dir}
  local clock = rq.clock
  local k, mounts, tasks
  before_each(function()
    k = memory.open [[
      struct vfsmount { struct super_block *mnt_sb; };
      struct mount { struct vfsmount mnt; };
      struct mnt_namespace { int x; };
      struct nsproxy { struct mnt_namespace *mnt_ns; };
      struct sched_entity { unsigned long exec_start; };
      struct task_struct { struct nsproxy *nsproxy; int on_rq; struct sched_entity se; };
    ]]
    memory.set(k, "struct nsproxy", PROXY, {mnt_ns = NS})
    mounts, tasks = {}, {}
    function mount.for_each_mount()
      return coroutine.wrap(function()
        for i, m in ipairs(mounts) do
          if m == "damage" then kvm_error.fail("format", "damaged") end
          memory.set(k, "struct mount", START + 0x600 + 8 * i, {["mnt.mnt_sb"] = m.sb or i})
          coroutine.yield(k:object(START + 0x600 + 8 * i, "struct mount"))
        end
      end)
    end
    local function field(name)
      mount[name] = function(m) return mounts[(require "kvm".addr(m) - START - 0x600) // 8][name] end
    end
    field "fstype"
    field "device"
    field "dir"
    function rq.clock() return 100 * S end
  end)
  after_each(function()
    for name, f in pairs(own) do mount[name] = f end
    rq.clock = clock
  end)

  local function add(state, since, ...)
    local addr = START + 0x40 * #tasks
    memory.set(k, "struct task_struct", addr, {nsproxy = PROXY, ["se.exec_start"] = since * S})
    tasks[#tasks + 1] = {addr = addr, task = k:object(addr, "struct task_struct"), pid = #tasks + 1, tgid = #tasks + 1, comm = "t",
      state = state, functions = {...}}
  end
  local function run() return checks.run("network_mounts", checks.new(k, {task_list = tasks})) end
  local EXPORT <const> = {fstype = "nfs4", device = "server:/export", dir = "/mnt"}

  it("is quiet without such mounts, and while nobody waits for them", function()
    mounts = {{fstype = "ext4", device = "/dev/sda", dir = "/"}}
    add("D", 10, "__schedule", "schedule", "rpc_wait_bit_killable")
    assert.are.same({}, (run()))
    mounts[2], tasks = EXPORT, {}
    add("S", 10, "schedule", "rpc_async_schedule")
    add("D", 10, "schedule", "io_schedule")
    assert.are.same({}, (run()))
  end)

  it("names the mount, and the tasks by how long they wait", function()
    local again = {fstype = "nfs4", device = "server:/export", dir = "/also", sb = 2}
    mounts = {{fstype = "ext4", device = "/dev/sda", dir = "/"}, EXPORT, again}
    add("D", 85, "schedule", "rpc_wait_bit_killable", "__rpc_execute", "nfs4_call_sync")
    add("D", 60, "schedule", "nfs_wait_bit_killable")
    local f = run()
    assert.are.same({1, "error", "likely", {2, 1}, {"nfs_wait_bit_killable", "rpc_wait_bit_killable"}},
      {#f, f[1].severity, f[1].confidence, f[1].pids, f[1].functions})
    assert.are.equal("2 tasks wait in NFS's functions for server:/export on /mnt (nfs4), pid 2 (t) in nfs_wait_bit_killable for 40.0 s",
      f[1].title)
    assert.are.equal("mount: server:/export on /mnt (nfs4)", f[1].evidence[1])
  end)

  it("says of several that it may be each, and tells short waits without alarm", function()
    mounts = {{fstype = "fuse.sshfs", device = "a:", dir = "/a"}, {fstype = "fuse", device = "b", dir = "/b"}, "damage"}
    add("D", 99, "schedule", "request_wait_answer")
    local f, err = run()
    assert.are.same({"info", "possible", "damaged"}, {f[1].severity, f[1].confidence, err.message})
    assert.matches("for one of 2 mounts, such as a: on /a (fuse.sshfs)", f[1].title, 1, true)
    add("D", 88, "fuse_simple_request")
    assert.are.equal("warning", run()[1].severity)
  end)
end)
