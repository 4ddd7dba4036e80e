-- SPDX-License-Identifier: BSD-2-Clause
-- Credentials that two processes share. The kernel gives each process its own struct cred: only threads share one (copy_creds with
-- CLONE_THREAD, kernel/cred.c). Two processes with one, or a process with init_cred, are the mark of an exploit that wrote
-- task_struct.real_cred. Threads of the kernel are passed over, and tasks that the dump lacks. Compared is
-- real_cred: cred alone may be borrowed for a while (override_creds). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"
local sched = require "kvm.linux.sched"
local types = require "kvm.type"

local M = {name = "shared_cred", title = "credentials that processes share"}

local MOST_NAMED <const> = 10

local function named(t) return ("pid %d (%s)"):format(t.pid, t.comm) end

-- Tasks by the address of their credentials.
local function by_cred(context)
  local k, out = context.k, {}
  local offset = types.offsetof(k, "struct task_struct", "real_cred")
  for _, t in ipairs(context:tasks()) do
    local cred = kvm_error.try(k.ptr, k, t.addr + offset)
    if cred and cred ~= 0 then
      local tasks = out[cred] or {}
      tasks[#tasks + 1], out[cred] = t, tasks
    end
  end
  return out
end

-- The tasks that are no threads of the kernel, and whether they are of several processes.
local function processes_of(k, tasks)
  local out, several, offset = {}, false, types.offsetof(k, "struct task_struct", "flags")
  for _, t in ipairs(tasks) do
    local flags = t.tgid ~= 0 and kvm_error.try(k.u32, k, t.addr + offset)
    if flags and flags & sched.PF_KTHREAD == 0 then
      out[#out + 1] = t
      several = several or t.tgid ~= out[1].tgid
    end
  end
  return out, several
end

local function tell(context, report, cred, tasks, is_init)
  local k, names, pids = context.k, {}, {}
  local uid = k:u32(cred + types.offsetof(k, "struct cred", "uid"))
  for _, t in ipairs(tasks) do
    pids[#pids + 1] = t.pid
    if #names < MOST_NAMED then names[#names + 1] = named(t) end
  end
  local more = #tasks > #names and (" and %d more"):format(#tasks - #names) or ""
  report {severity = is_init and "critical" or "error", confidence = "certain", pids = pids,
    title = is_init and ("pid %d runs with the credentials of the kernel itself (init_cred)"):format(pids[1])
      or ("processes share the credentials of uid %d: %s%s"):format(uid, table.concat(names, ", "), more),
    evidence = {("struct cred 0x%x, uid %d, is real_cred of %s%s"):format(cred, uid, table.concat(names, ", "), more)}}
end

--- Looks for credentials of more than one process.
-- @param context of the checks
-- @tparam function report takes findings
-- @raise kvm.Error
function M.run(context, report)
  local init = kallsyms.address(context.k, "init_cred")
  local shared, addrs = {}, {}
  for cred, tasks in pairs(by_cred(context)) do
    if #tasks > 1 or cred == init then
      local processes, several = processes_of(context.k, tasks)
      if several or cred == init and #processes > 0 then shared[cred], addrs[#addrs + 1] = processes, cred end
    end
  end
  table.sort(addrs, math.ult)
  for _, cred in ipairs(addrs) do tell(context, report, cred, shared[cred], cred == init) end
end

return M
