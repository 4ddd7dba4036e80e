-- SPDX-License-Identifier: BSD-2-Clause
-- Objects over real dumps: lists, strings behind pointers, unions, arrays and functions, each against what the guest printed or
-- against what the C part finds by itself.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

local list = kvm.linux.list

-- makedumpfile 1.7 takes slab pages of 7.2 for free ones and leaves them out.
local function is_torn(dump) return dump.key == "k72" and dump.is_filtered end

matrix.each(function(dump)
  local k, init
  setup(function()
    k = dump:open()
    init = assert(k:object("init_task", "struct task_struct"))
  end)

  it("has the tasks that k:procs finds", function()
    if is_torn(dump) then return end
    local report, seen = matrix.report(), {}
    local state = select(2, kvm.type.first(k, "struct task_struct", {"__state", "state"}))
    local read = kvm.reader(k:type "struct task_struct", {"pid", "tgid", "comm", "mm", "prio", state})
    for task in list.for_each_entry("struct task_struct", init.tasks, "tasks") do
      local pid, tgid, comm, mm, prio, err = read(task)
      assert.is_nil(type(err) == "table" and err or nil)
      if pid ~= task.pid or comm ~= task.comm or mm ~= task.mm then report.add("%d: reader and object differ", pid) end
      if pid ~= tgid then report.add("%d is no leader", pid) end
      seen[pid] = {comm = comm, mm = mm and kvm.addr(mm) or 0, prio = prio, ppid = task.real_parent.tgid,
        uid = task.cred.euid.val, ruid = task.cred.uid.val, nice = task.static_prio - 120,
        start_ns = task.start_boottime or task.real_start_time}
    end
    for p in k:procs() do
      local t = seen[p.pid]
      if not t then
        report.add("%d (%s) is missing", p.pid, p.comm)
      else
        seen[p.pid] = nil
        for _, f in ipairs {"comm", "ppid", "nice", "start_ns"} do
          if t[f] ~= p[f] then report.add("%d: %s is %s, is %s", p.pid, f, t[f], p[f]) end
        end
        if t.uid ~= p.uid then report.add("%d: uid is %d, is %d", p.pid, t.uid, p.uid) end
      end
    end
    for pid in pairs(seen) do report.add("%d is not in k:procs", pid) end
    report.check()
  end)

  it("has the modules that the guest printed", function()
    local report, count = matrix.report(), 0
    local modules = dump:truth().modules
    for m in list.for_each_entry("struct module", k:object("modules", "struct list_head"), "list") do
      if not modules[m.name] then report.add("%s was not there", m.name) end
      count = count + 1
    end
    local expected = 0
    for _ in pairs(modules) do expected = expected + 1 end
    assert.are.equal(expected, count)
    report.check()
  end)

  it("has the file systems that were mounted", function()
    if is_torn(dump) then return end
    local kinds = {}
    for sb in list.for_each_entry("struct super_block", k:object("super_blocks", "struct list_head"), "s_list") do
      kinds[kvm.string(sb.s_type.name)] = true
      assert.are.equal(sb, sb.s_root.d_sb)
    end
    for _, m in ipairs(dump:truth().mounts) do assert.is_true(kinds[m[3]] or m[3] == "rootfs", m[3]) end
  end)

  it("follows files to their names", function()
    if is_torn(dump) then return end
    local compared, report = 0, matrix.report()
    for task in list.for_each_entry("struct task_struct", init.tasks, "tasks") do
      -- init, a shell, opens and closes files while it prints
      for number, path in pairs(task.pid ~= 1 and dump:truth().fds[tostring(task.pid)] or {}) do
        local file = task.files and task.files.fdt.fd[tonumber(number)]
        if file and path:find "^/[^ ]+$" then
          local name = kvm.string(file.f_path.dentry.d_name.name)
          if name ~= path:match "[^/]*$" then report.add("%d: fd %s is %s, was %s", task.pid, number, name, path) end
          compared = compared + 1
        end
      end
    end
    report.check()
    assert.is_true(compared > 3, compared .. " compared")
  end)

  it("reads types of modules, out of the modules' own BTF", function()
    if is_torn(dump) then return end
    local name, of = "struct loop_device", k:type("struct loop_device", "loop")
    if not k:symbol "btf_modules" then -- which came with Linux 5.11
      assert.is_nil(of)
      return
    end
    assert.is_true(of ~= nil, name)
    assert.are.equal(of, k:type(name))
    assert.are.equal(k:type "struct gendisk", of:field("lo_disk").type:target())
    assert.are.equal("notfound", select(3, k:type("struct there_is_no_such")))
  end)

  it("has variables of each CPU, and does not take their symbols for one", function()
    local percpu, code = kvm.linux.percpu, select(3, k:object "runqueues")
    assert.are.equal("inval", code)
    for cpu = 0, tonumber(dump:truth().cpus.nproc) - 1 do
      local rq = percpu.per_cpu(k, "runqueues", cpu)
      assert.are.same({cpu, "struct rq"}, {rq.cpu, kvm.typeof(rq):spell()})
      assert.are.equal(0, rq.idle.pid)
    end
  end)

  it("fetches a task once", function()
    local copy = kvm.fetch(init)
    assert.are.equal(init.comm, copy.comm)
    assert.are.equal(init.signal, copy.signal)
    assert.is_true(copy == init)
    local value = kvm.value(init.tasks)
    assert.are.same({kvm.addr(init.tasks.next), kvm.addr(init.tasks.prev)}, {value.next, value.prev})
  end)
end)
