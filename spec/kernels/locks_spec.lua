-- SPDX-License-Identifier: BSD-2-Clause
-- The locks, wait queues, counts and lists that containers/lab_locks.c has made in the guest: who holds what, who waits.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"
local memory = require "spec.support.memory"

local linux, collect = kvm.linux, memory.collect

local function comm(task) return task and task.comm end
local function waiter(w, how) return {w.task.comm, how} end

local function describe(dump)
  local k
  local function object(name, t) return kvm.check(k:object(kvm.check(k:symbol(name)).value, t)) end

  setup(function() k = dump:open() end)

  it("tells who holds mutexes and semaphores, and who waits", function()
    local mutex, free = object("lab_mutex", "struct mutex"), object("lab_mutex_free", "struct mutex")
    assert.are.same({"lab-owner", true}, {comm(linux.mutex.owner(mutex)), linux.mutex.flags(mutex).waiters})
    assert.are.same({{"lab-mutex"}}, (collect(linux.mutex.for_each_waiter(mutex), waiter)))
    assert.are.same({false, nil, nil}, {linux.mutex.is_locked(free), linux.mutex.owner(free), linux.mutex.for_each_waiter(free)()})

    local sem = object("lab_semaphore", "struct semaphore")
    assert.are.same({0, {{"lab-sema"}}}, {linux.semaphore.count(sem), (collect(linux.semaphore.for_each_waiter(sem), waiter))})
    assert.are.equal(5, linux.semaphore.count(object("lab_semaphore_free", "struct semaphore")))
    local holder, err = kvm.try(linux.semaphore.last_holder, sem)
    assert.is_true(err and err.code == "notfound" or comm(holder) == "lab-owner")

    local rt = object("lab_rt_mutex", "struct rt_mutex")
    assert.are.same({"lab-owner", {{"lab-rt-1"}, {"lab-rt-2"}}}, {comm(linux.rtmutex.owner(rt)),
      (collect(linux.rtmutex.for_each_waiter(rt), waiter))})
    assert.is_nil(linux.rtmutex.owner(object("lab_rt_mutex_free", "struct rt_mutex")))
  end)

  it("tells readers from writers", function()
    local r, w = object("lab_rwsem_read", "struct rw_semaphore"), object("lab_rwsem_write", "struct rw_semaphore")
    assert.are.same({locked = "read", readers = 2, waiters = true, handoff = linux.rwsem.state(r).handoff}, linux.rwsem.state(r))
    assert.are.same({"lab-reader", true}, {comm((linux.rwsem.owner(r))), (select(2, linux.rwsem.owner(r)))})
    assert.are.same({{"lab-write", "write"}, {"lab-read", "read"}}, (collect(linux.rwsem.for_each_waiter(r), waiter)))
    assert.are.equal("write", linux.rwsem.state(w).locked)
    assert.are.same({"lab-owner", false}, {comm((linux.rwsem.owner(w))), (select(2, linux.rwsem.owner(w)))})
    assert.are.same({{"lab-other", "read"}}, (collect(linux.rwsem.for_each_waiter(w), waiter)))
    local p = object("lab_percpu_rwsem", "struct percpu_rw_semaphore")
    local free = object("lab_percpu_rwsem_free", "struct percpu_rw_semaphore")
    assert.are.same({3, "wait", "lab-percpu"}, {linux.percpu_rwsem.readers(p), linux.percpu_rwsem.state(p),
      comm(linux.percpu_rwsem.waiting_writer(p))})
    assert.are.same({0, "no", nil}, {linux.percpu_rwsem.readers(free), linux.percpu_rwsem.state(free),
      linux.percpu_rwsem.waiting_writer(free)})
    assert.is_nil(linux.percpu_rwsem.for_each_waiter(p)())
  end)

  it("tells who waits in queues and for completions", function()
    local entries = collect(linux.wait.for_each_entry(object("lab_wait", "struct wait_queue_head")), function(e)
      return {linux.wait.func(e), comm(linux.wait.task(e)), linux.wait.is_exclusive(e)}
    end)
    assert.are.same({{"autoremove_wake_function", "lab-wait", false}, {"autoremove_wake_function", "lab-exclusive", true}}, entries)
    assert.are.same({"lab-swait"}, (collect(linux.swait.for_each_task(object("lab_swait", "struct swait_queue_head")), comm)))
    for name, want in pairs {lab_completion = {0, {"lab-completion"}}, lab_completion_two = {2, {}}, lab_completion_all = {math.huge,
      {}}} do
      local c = object(name, "struct completion")
      assert.are.same(want, {linux.completion.done(c), (collect(linux.completion.for_each_task(c), comm))})
    end
  end)

  it("finds tasks that poll", function()
    local found = 0
    for p in k:procs(nil, nil, true) do
      if p.comm == "lab-poll" then
        -- threads.c: it polls one of a pair of sockets
        for fd, file in linux.fdtable.for_each_file(k:object(p.addr, "struct task_struct")) do
          local sock = file.f_op and k:symbol(kvm.addr(file.f_op)).name == "socket_file_ops"
            and kvm.cast(file.private_data, "struct socket")
          local head = sock and fd and sock.wq.wait
          for entry in linux.wait.for_each_entry(head or object("lab_wait", "struct wait_queue_head")) do
            local task = linux.wait.func(entry) == "pollwake" and linux.wait.task(entry)
            if task and task.pid == p.tid then found = found + 1 end
          end
        end
      end
    end
    assert.are.equal(1, found)
  end)

  it("tells spinlocks, sequence counts and reference counts", function()
    local function spin(name) return linux.spinlock.state(object(name, "raw_spinlock_t")) end
    assert.are.same({locked = true, pending = false}, spin "lab_spin")
    assert.are.same({locked = false, pending = false}, spin "lab_spin_free")
    assert.are.same({locked = true, pending = false, last_cpu = 1}, spin "lab_spin_tail")
    local seq, writing = object("lab_seq", "seqcount_t"), object("lab_seq_writing", "seqcount_t")
    assert.are.same({0, false, true}, {linux.seqlock.sequence(seq), linux.seqlock.is_writing(seq), linux.seqlock.is_writing(writing)})
    for name, want in pairs {lab_refcount = {3, "used"}, lab_refcount_zero = {0, "free"},
      lab_refcount_saturated = {-0x40000000, "saturated"}} do
      local ref = object(name, "refcount_t")
      assert.are.same(want, {linux.refcount.read(ref), linux.refcount.state(ref)})
    end
    assert.are.equal(7, linux.refcount.read(object("lab_kref", "struct kref")))
  end)

  it("counts the readers of SRCU", function()
    local ssp = object("lab_srcu", "struct srcu_struct")
    local readers = {linux.srcu.readers(ssp)}
    assert.are.equal(3, readers[linux.srcu.index(ssp) + 1])
    assert.are.equal(3, readers[1] + readers[2])
    assert.is_false(select(2, linux.srcu.grace_periods(ssp)))
  end)

  it("tells the grace periods of RCU", function()
    local gp = linux.rcupdate.grace_period(k)
    assert.are.equal("RCU_GP_", gp.thread_state:sub(1, 7))
    assert.is_true(gp.sequence > 50 and gp.thread.comm:find "^rcu_" ~= nil)
    local cpus = 0
    for cpu in linux.rcupdate.for_each_cpu(k) do
      cpus = cpus + 1
      assert.is_true(cpu.callbacks >= 0 and cpu.callbacks < 1000000 and cpu.sequence <= gp.sequence + 1)
    end
    assert.are.equal(#linux.cpumask.of(k, "online"), cpus)
    assert.is_true(gp.running or #linux.rcupdate.holdouts(k) == 0)
  end)

  it("walks and validates lists without back links, and lists by priority", function()
    if not k:type "struct lab_link" then
      kvm.cdef(k, "struct lab_link { long id; struct llist_node node; }; struct lab_prio { long id; struct plist_node node; };")
    end
    local function id(o) return o.id end
    local list, bad = object("lab_llist", "struct llist_head"), object("lab_llist_bad", "struct llist_head")
    assert.are.same({4, 3, 2, 1, 0}, (collect(linux.llist.for_each_entry("struct lab_link", list, "node"), id)))
    local got, err = collect(linux.llist.for_each_entry("struct lab_link", bad, "node"), id)
    assert.are.same({4, 3, 2, 1, 0}, {table.unpack(got, 1, 5)})
    assert.are.equal("format", err.code)
    assert.are.same({5, 0, true}, {linux.llist.validate(list), linux.llist.validate(object("lab_llist_empty", "struct llist_head")),
      linux.llist.empty(object("lab_llist_empty", "struct llist_head"))})
    assert.is_nil(linux.llist.validate(bad))

    list, bad = object("lab_plist", "struct plist_head"), object("lab_plist_bad", "struct plist_head")
    assert.are.same({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, (collect(linux.plist.for_each_entry("struct lab_prio", list, "node"), id)))
    got, err = collect(linux.plist.for_each_entry("struct lab_prio", bad, "node"), id)
    assert.are.same({9, "format"}, {#got, err.code})
    assert.are.same({10, 0}, {linux.plist.validate(list), linux.plist.validate(object("lab_plist_empty", "struct plist_head"))})
    assert.is_nil(linux.plist.validate(bad))
  end)

  it("shows them as waitq", function()
    local function rows(addr, t)
      local out = {}
      for _, r in ipairs(matrix.records(matrix.luakvm("waitq", "-M", dump.path, addr, "-t", t, "--json"))) do
        assert.is_nil(r.stopped)
        out[#out + 1] = ("%s %s"):format(r.role, r.comm or r.what)
      end
      return table.concat(out, ", ")
    end
    assert.are.equal("lock locked, owner lab-owner, waiter lab-mutex", (rows("lab_mutex", "mutex"):gsub(", will be handed off", "")))
    assert.are.equal("lock locked by 2 readers, owner lab-reader, waiter lab-write, waiter lab-read",
      rows("lab_rwsem_read", "rw_semaphore"))
    assert.are.equal("lock locked, owner lab-owner, waiter lab-rt-1, waiter lab-rt-2", rows("lab_rt_mutex", "rt_mutex"))
    assert.are.equal("lock a writer waits for 3 readers, waiter lab-percpu", rows("lab_percpu_rwsem", "percpu_rw_semaphore"))
    assert.are.equal("waiter lab-wait, waiter lab-exclusive", rows("lab_wait", "wait_queue_head"))
    assert.are.equal("lock completed 0 times more than waited for, waiter lab-completion", rows("lab_completion", "completion"))
    local tasks, parents = dump:truth().tasks, {}
    for _, t in pairs(tasks) do
      local parent = tasks[tostring(t.ppid)]
      if t.comm == "sleep" and parent and parent.comm == "sh" then parents[t.ppid] = true end
    end
    assert.is_truthy(next(parents))
    for pid in pairs(parents) do
      local task = k:procs("pid", pid)()
      assert.are.equal("waiter sh", rows(("0x%x.signal.wait_chldexit"):format(task.addr), "task_struct"))
    end
  end)
end

matrix.each_with_module(describe)
