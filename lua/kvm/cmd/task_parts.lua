-- SPDX-License-Identifier: BSD-2-Clause
-- What ps tells of a task when asked to: a part for each option, which adds its fields to a record. No command: a helper of ps.
local cgroup = require "kvm.linux.cgroup"
local cred = require "kvm.linux.cred"
local dcache = require "kvm.linux.dcache"
local fs_struct = require "kvm.linux.fs_struct"
local nsproxy = require "kvm.linux.nsproxy"
local object = require "kvm.object"
local pid = require "kvm.linux.pid"
local rq = require "kvm.linux.rq"
local signal = require "kvm.linux.signal"
local walk = require "kvm.cmd.walk"

local M = {}

-- Each value of a list of tables, in words: FORMAT of the values of the keys.
local function words(list, format, ...)
  local out = {}
  for i, item in ipairs(list or {}) do
    local values = {}
    for n, key in ipairs {...} do values[n] = item[key] end
    out[i] = format:format(table.unpack(values))
  end
  return table.concat(out, " ")
end

--- Resource limits in words.
-- @tparam ?{table,...} list as kvm.linux.signal.limits
-- @treturn string
-- @usage assert(require "kvm.cmd.task_parts".limit_words {{name = "Max open files", soft = -1}} == "Max open files unlimited")
function M.limit_words(list)
  local out = {}
  for i, limit in ipairs(list or {}) do out[i] = ("%s %s"):format(limit.name, limit.soft == -1 and "unlimited" or limit.soft) end
  return table.concat(out, "; ")
end

local CREDENTIALS <const> = {
  {"fsuid", function(task) return cred.ids(task).fsuid end}, {"fsgid", function(task) return cred.ids(task).fsgid end},
  {"groups", cred.groups}, {"no_new_privs", cred.no_new_privs}, {"seccomp", cred.seccomp},
}

local function credentials(rec, task)
  walk.fields(rec, CREDENTIALS, task)
  local masks = walk.field(rec, "capabilities", cred.capabilities, task)
  for name, bits in pairs(masks or {}) do rec["cap_" .. name] = bits end
  rec.capabilities = masks and cred.capability_names(masks.effective)
end

local function namespaces(task)
  local out = {}
  for _, kind in ipairs(nsproxy.KINDS) do
    local ns = nsproxy.of_task(task, kind)
    out[#out + 1] = ns and {kind = kind, inum = nsproxy.inum(ns), addr = object.addr(ns)} or nil
  end
  return out
end

-- The numbers of the first task's namespaces: most tasks share them, and the words name only those that are others.
local function namespace_part(k)
  local first = nsproxy.inums(k:object "init_task")
  return function(rec, task)
    rec.namespaces = walk.field(rec, "namespaces", namespaces, task)
    rec.ns_pids = walk.field(rec, "ns_pids", pid.ns_numbers, task)
    local others = {}
    for _, ns in ipairs(rec.namespaces or {}) do
      if ns.inum ~= first[ns.kind] and not ns.kind:find "_for_children$" then others[#others + 1] = ns end
    end
    rec.ns = words(others, "%s:%d", "kind", "inum")
  end
end

local PATHS <const> = {
  {"root", fs_struct.root}, {"cwd", fs_struct.cwd}, {"umask", fs_struct.umask},
  {"exe", function(task)
    local exe = task.mm and task.mm.exe_file
    return exe and (dcache.d_path(exe.f_path)) or nil
  end},
}

local function limits(rec, task)
  rec.limits = walk.field(rec, "limits", signal.limits, task)
  rec.limit_words = M.limit_words(rec.limits)
end

-- Groups of tasks are found by what they share, a css_set.
local function cgroup_part(k)
  local roots, known = {}, {}
  for root in cgroup.for_each_root(k) do roots[#roots + 1] = root end
  local function paths(task)
    local set = object.addr(task.cgroups)
    if not known[set] then
      local out = {}
      for _, root in ipairs(roots) do
        local group = cgroup.of_task(task, root)
        out[#out + 1] = group and {hierarchy = root.hierarchy_id, path = cgroup.path(group)} or nil
      end
      known[set] = out
    end
    return known[set]
  end
  return function(rec, task)
    rec.cgroups = walk.field(rec, "cgroups", paths, task)
    rec.cgroup_words = words(rec.cgroups, "%s", "path")
  end
end

local function last_run_part(k)
  local now = rq.clock(k)
  local last_run = rq.last_run_reader(k)
  return function(rec, task)
    rec.asleep_ns = walk.field(rec, "asleep_ns", rq.asleep, task, now)
    rec.ran_from_ns, rec.ran_until_ns = walk.field(rec, "ran_from_ns", last_run, task, rec.cpu)
  end
end

local function environ_part(k)
  return function(rec)
    if rec.mm == 0 then return end
    local env, _, code = k:environ(rec)
    rec.environ, rec.environ_code = env, code
  end
end

--- What makes a part of an open kernel, by option: gives a function of a record of k:procs, which has what it adds, and its
-- `struct task_struct`.
M.MAKERS = {
  credentials = function() return credentials end,
  namespaces = namespace_part,
  paths = function() return function(rec, task) walk.fields(rec, PATHS, task) end end,
  limits = function() return limits end,
  cgroups = cgroup_part,
  environ = environ_part,
  last_run = last_run_part,
}

--- The parts that options ask for.
-- @param k an open handle
-- @tparam table opts keys of MAKERS
-- @treturn {function,...}
-- @raise kvm.Error where the kernel lacks what a part tells
-- @usage assert(#require "kvm.cmd.task_parts".of(k, {paths = true}) == 1)
function M.of(k, opts)
  local out = {}
  for key, make in pairs(M.MAKERS) do
    if opts[key] then out[#out + 1] = make(k) end
  end
  return out
end

return M
