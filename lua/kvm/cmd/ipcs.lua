-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm ipcs: System V shared memory, semaphores and message queues, as ipcs(1) and /proc/sysvipc have them; POSIX message queues.
local kvm_error = require "kvm.error"
local ipc = require "kvm.linux.ipc"
local mqueue = require "kvm.linux.mqueue"
local object = require "kvm.object"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"

local M = {
  name = "ipcs",
  summary = "System V IPC: shared memory, semaphores, messages; POSIX message queues",
  operands = {},
  options = {
    {flags = "-m --shm", help = "only shared memory"},
    {flags = "-s --sem", help = "only semaphores"},
    {flags = "-q --msg", help = "only message queues"},
    {flags = "-p --posix", help = "only POSIX message queues"},
    {flags = "-n --namespace", value = "PID", type = "integer", help = "as this process sees them (default: the first namespace)"},
    {flags = "-x --contents", help = "the messages, and the values of semaphores"},
  },
  columns = {
    {name = "kind", kind = "string", title = "KIND", width = 5, left = true},
    {name = "id", kind = "integer", title = "ID", width = 10},
    {name = "key", kind = "hex", title = "KEY", width = 10},
    {name = "mode", kind = "integer"},
    {name = "perms", kind = "string", title = "PERMS", width = 5},
    {name = "uid", kind = "integer", title = "UID", width = 5},
    {name = "gid", kind = "integer"},
    {name = "cuid", kind = "integer"},
    {name = "cgid", kind = "integer"},
    {name = "bytes", kind = "integer", title = "BYTES", width = 10},
    {name = "count", kind = "integer", title = "COUNT", width = 6},
    {name = "pid", kind = "integer", title = "PID", width = 6},
    {name = "last_pid", kind = "integer", title = "LAST", width = 6},
    {name = "created", kind = "time"},
    {name = "first", kind = "time"},
    {name = "second", kind = "time"},
    {name = "values", kind = "numbers"},
    {name = "messages", kind = "records", columns = {{name = "type", kind = "integer"}, {name = "priority", kind = "integer"},
      {name = "text", kind = "string"}, {name = "addr", kind = "hex"}}},
    {name = "name", kind = "string", title = "NAME", width = 12, left = true},
    {name = "partial", kind = "strings"},
    {name = "addr", kind = "hex", title = "ADDRESS", left = true, width = 18},
    {name = "contents", kind = "string", title = "CONTENTS", left = true, width = 0, only = "contents", json = false},
  },
  no_match = "there is no System V IPC",
}

-- What each kind has: key, and how it is found.
local MEMBERS <const> = {
  shm = {
    {"bytes", function(o) return o.shm_segsz end}, {"count", function(o) return o.shm_nattch end},
    {"pid", function(o) return ipc.pid_of(o.shm_cprid) end}, {"last_pid", function(o) return ipc.pid_of(o.shm_lprid) end},
    {"created", function(o) return o.shm_ctim end}, {"first", function(o) return o.shm_atim end},
    {"second", function(o) return o.shm_dtim end},
  },
  sem = {
    {"count", function(o) return o.sem_nsems end}, {"created", function(o) return o.sem_ctime end},
  },
  msg = {
    {"bytes", function(o) return o.q_cbytes end}, {"count", function(o) return o.q_qnum end},
    {"pid", function(o) return ipc.pid_of(o.q_lspid) end}, {"last_pid", function(o) return ipc.pid_of(o.q_lrpid) end},
    {"created", function(o) return o.q_ctime end}, {"first", function(o) return o.q_stime end},
    {"second", function(o) return o.q_rtime end},
  },
}
local CONTENTS <const> = {
  shm = {},
  sem = {{"values", function(o)
    local out = {}
    for i, s in ipairs(ipc.semaphores(o)) do out[i] = s.value end
    return out
  end}},
  msg = {{"messages", function(o)
    local out = {}
    for m in ipc.messages(o) do out[#out + 1] = m end
    return out
  end}},
}
local PERM <const> = {
  {"id", function(p) return p.id end}, {"key", function(p) return p.key & 0xffffffff end}, {"mode", function(p) return p.mode end},
  {"uid", function(p) return p.uid.val end}, {"gid", function(p) return p.gid.val end}, {"cuid", function(p) return p.cuid.val end},
  {"cgid", function(p) return p.cgid.val end},
}

local function contents(rec)
  if rec.values then return table.concat(rec.values, " ") end
  local out = {}
  for i, m in ipairs(rec.messages or {}) do out[i] = ("%d:%q"):format(m.type or m.priority, m.text) end
  return table.concat(out, " ")
end

local function record(kind, o, perm, opts)
  local rec = {kind = kind, addr = object.addr(o)}
  walk.fields(rec, PERM, perm)
  rec.perms = rec.mode and ("%o"):format(rec.mode & 0x1ff)
  walk.fields(rec, MEMBERS[kind], o)
  if opts.contents then
    walk.fields(rec, CONTENTS[kind], o)
    rec.contents = contents(rec)
  end
  return rec
end

local POSIX <const> = {
  {"mode", function(q) return q.vfs_inode.i_mode end}, {"uid", function(q) return q.vfs_inode.i_uid.val end},
  {"gid", function(q) return q.vfs_inode.i_gid.val end}, {"bytes", function(q) return q.qsize end},
  {"count", function(q) return q.attr.mq_curmsgs end}, {"pid", function(q) return ipc.pid_of(q.notify_owner) end},
}

local function posix_record(name, queue, opts)
  local rec = {kind = "posix", name = name, addr = object.addr(queue)}
  walk.fields(rec, POSIX, queue)
  rec.perms = rec.mode and ("%o"):format(rec.mode & 0x1ff)
  if opts.contents then
    walk.fields(rec, {{"messages", mqueue.messages}}, queue)
    rec.contents = contents(rec)
  end
  return rec
end

--- System V IPC and POSIX message queues.
-- @param k an open handle
-- @tparam[opt] table opts shm, sem, msg, posix (only these), namespace (process id), contents
-- @treturn function an iterator of records: kind ("shm", "sem", "msg", "posix"), id, key, name (POSIX), mode, perms (octal text), uid, gid,
--  cuid, cgid, bytes (size of memory; in the queue), count (attached; semaphores; messages), pid (creator; last sender; of POSIX whom it
--  notifies), last_pid (last to attach or detach; last receiver), created, first, second (times, seconds since 1970: of change; attach or
--  send; detach or receive), addr, with contents values ({integer,...}) and messages ({type or priority, text, addr}), partial (keys that
--  could not be read); what is damaged as kvm.cmd.walk tells it
-- @raise kvm.Error `notfound`: this kernel has no System V IPC (CONFIG_SYSVIPC), or no such process
-- @usage for r in require "kvm.cmd.ipcs".run(k) do assert(r.stopped or r.kind) end
function M.run(k, opts)
  opts = opts or {}
  local ns = ipc.init_ns(k)
  if opts.namespace then
    local p, task = tasks.each(k, {opts.namespace})()
    if not p or not task.nsproxy then kvm_error.fail("notfound", "there is no process %d", opts.namespace) end
    ns = task.nsproxy.ipc_ns
  end
  local all = not (opts.shm or opts.sem or opts.msg or opts.posix)
  return walk.records(function(emit)
    for _, kind in ipairs {"shm", "sem", "msg"} do
      if all or opts[kind] then
        walk.part(emit, function()
          for o, perm in ipc.for_each(ns, kind) do emit(record(kind, o, perm, opts)) end
        end)
      end
    end
    if all and mqueue.is_there(k) or opts.posix then
      walk.part(emit, function()
        for name, queue in mqueue.for_each(ns) do emit(posix_record(name, queue, opts)) end
      end)
    end
  end)
end

return M
