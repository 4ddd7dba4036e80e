-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm waitq: who holds a lock and who waits for it, or in a wait queue.
local completion = require "kvm.linux.completion"
local kvm_error = require "kvm.error"
local mutex = require "kvm.linux.mutex"
local object = require "kvm.object"
local percpu_rwsem = require "kvm.linux.percpu_rwsem"
local rtmutex = require "kvm.linux.rtmutex"
local rwsem = require "kvm.linux.rwsem"
local semaphore = require "kvm.linux.semaphore"
local swait = require "kvm.linux.swait"
local wait = require "kvm.linux.wait"
local walk = require "kvm.cmd.walk"
local words = require "kvm.cmd.words"

local M = {
  name = "waitq",
  summary = "who holds a lock, who waits for it or in a wait queue",
  operands = {{key = "addr", name = "ADDR|SYMBOL[.MEMBER...]"}},
  options = {
    {flags = "-t --type", value = "TYPE", help = "what is there: wait_queue_head (default), swait_queue_head, completion, mutex, "
      .. "rw_semaphore, semaphore, rt_mutex, percpu_rw_semaphore, or a struct with MEMBER"},
  },
  columns = {
    {name = "role", kind = "string", title = "ROLE", width = 7, left = true},
    {name = "pid", kind = "integer", title = "PID", width = 7},
    {name = "comm", kind = "string", title = "COMM", width = 16, left = true},
    {name = "task", kind = "hex", title = "TASK", width = 18, left = true},
    {name = "addr", kind = "hex"},
    {name = "func", kind = "string"},
    {name = "exclusive", kind = "boolean"},
    {name = "partial", kind = "strings"},
    {name = "what", kind = "string", title = "WHAT", left = true, width = 0},
  },
  no_match = "nobody waits there",
}

-- Each kind: what its state is, who owns it (emits records), who waits. EMIT takes a role, a task or nil, words, more fields.
local function waiters_of(step, emit)
  for waiter, how in step do emit("waiter", waiter.task, how) end
end

local KINDS <const> = {
  mutex = function(lock, emit)
    local flags = mutex.flags(lock)
    emit("lock", nil, mutex.is_locked(lock) and (flags.handoff and "locked, will be handed off" or "locked") or "free")
    emit("owner", mutex.owner(lock))
    waiters_of(mutex.for_each_waiter(lock), emit)
  end,
  rw_semaphore = function(lock, emit)
    local state = rwsem.state(lock)
    emit("lock", nil, state.locked == "no" and "free" or state.locked == "read" and ("locked by %d readers"):format(state.readers)
      or "locked for writing")
    local owner, reader = rwsem.owner(lock)
    emit("owner", owner, reader and "the last that came to read, and may have gone" or "write")
    waiters_of(rwsem.for_each_waiter(lock), emit)
  end,
  semaphore = function(lock, emit)
    emit("lock", nil, ("%d more can take it"):format(semaphore.count(lock)))
    local holder, err = kvm_error.try(semaphore.last_holder, lock)
    if err and err.code ~= "notfound" then error(err, 0) end
    emit("owner", holder, "the last that took it")
    waiters_of(semaphore.for_each_waiter(lock), emit)
  end,
  rt_mutex = function(lock, emit)
    local owner = rtmutex.owner(lock)
    emit("lock", nil, owner and "locked" or "free")
    emit("owner", owner)
    waiters_of(rtmutex.for_each_waiter(lock), emit)
  end,
  percpu_rw_semaphore = function(lock, emit)
    local readers = percpu_rwsem.readers(lock)
    local text = {no = "free", read = "locked by %d readers", write = "locked for writing", wait = "a writer waits for %d readers"}
    emit("lock", nil, text[percpu_rwsem.state(lock)]:format(readers))
    emit("waiter", percpu_rwsem.waiting_writer(lock), "write")
    for task, how in percpu_rwsem.for_each_waiter(lock) do emit("waiter", task, how) end
  end,
  completion = function(lock, emit)
    local done = completion.done(lock)
    emit("lock", nil, done == math.huge and "completed for all" or ("completed %d times more than waited for"):format(done))
    for task in completion.for_each_task(lock) do emit("waiter", task) end
  end,
  swait_queue_head = function(head, emit)
    for task in swait.for_each_task(head) do emit("waiter", task) end
  end,
  wait_queue_head = function(head, emit)
    for entry in wait.for_each_entry(head) do
      local exclusive, func = wait.is_exclusive(entry), wait.func(entry)
      emit("waiter", wait.task(entry), exclusive and func .. ", exclusive" or func, {addr = object.addr(entry), func = func,
        exclusive = exclusive})
    end
  end,
}
KINDS.rt_mutex_base = KINDS.rt_mutex

-- What stands at SYMBOL or ADDR, and the path of a member behind it: "init_task.signal.wait_chldexit" with the type task_struct.
local function target(k, opts)
  local base, path = opts.addr:match "^([^.]+)%.?(.*)$"
  if not base then kvm_error.fail("inval", "%q is no address", opts.addr) end
  local name = (opts.type or "wait_queue_head"):gsub("^struct%s+", "")
  local o = kvm_error.check(k:object(words.address(k, base), "struct " .. name))
  for member in path:gmatch "[^.]+" do
    local t = object.typeof(o):strip()
    if not t:field(member) then kvm_error.fail("notfound", "%s has no member %s", t:spell(), member) end
    o = o[member]
    if not object.is_object(o) then kvm_error.fail("inval", "%s of %q leads to no struct", member, opts.addr) end
  end
  local kind = object.typeof(o):strip():name()
  if not KINDS[kind] then kvm_error.fail("inval", "%s is no lock and no wait queue that is known", object.typeof(o):spell()) end
  return o, KINDS[kind]
end

--- Who holds a lock and who waits.
-- @param k an open handle
-- @tparam table opts addr (address or symbol, and the members that lead to the lock), type (struct name; "wait_queue_head" without)
-- @treturn function an iterator of records: role ("lock" first, of those that are no mere queues; "owner", "waiter"), pid, comm, task
--  (`struct task_struct *`; nil for an entry of a wait queue that wakes no task), what (state of a lock; what a waiter waits to do, or the
--  function that is called), of wait queues' entries also addr (`struct wait_queue_entry *`), func, exclusive; partial (keys that could not
--  be read); what is damaged as kvm.cmd.walk tells it
-- @raise kvm.Error `notfound`: no such symbol, type or member; `inval`: no lock
-- @usage for r in require "kvm.cmd.waitq".run(k, {addr = "cgroup_mutex", type = "mutex"}) do assert(r.role or r.stopped) end
function M.run(k, opts)
  local o, tell = target(k, opts)
  return walk.records(function(emit)
    tell(o, function(role, task, what, more)
      if role == "owner" and not task or role == "waiter" and not task and not more then return end
      local rec = more or {}
      rec.role, rec.what, rec.task = role, what, task and object.addr(task)
      if task then
        rec.pid = walk.field(rec, "pid", function() return task.pid end)
        rec.comm = walk.field(rec, "comm", function() return task.comm end)
      end
      emit(rec)
    end)
  end)
end

return M
