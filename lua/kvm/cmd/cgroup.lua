-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm cgroup: the trees of control groups, version 2's and those of version 1, with what is in them.
local cgroup = require "kvm.linux.cgroup"
local object = require "kvm.object"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"

local M = {
  name = "cgroup",
  summary = "control groups and what is in them",
  operands = {},
  options = {
    {flags = "-t --tasks", help = "the processes of each"},
    {flags = "-c --controllers", help = "the controllers instead, as /proc/cgroups has them"},
  },
  columns = {
    {name = "hierarchy", kind = "integer", title = "HIER", width = 4},
    {name = "controller", kind = "string", title = "CONTROLLER", width = 12, left = true, only = "controllers"},
    {name = "groups", kind = "integer", title = "GROUPS", width = 6, only = "controllers"},
    {name = "enabled", kind = "boolean", title = "ENABLED", width = 7, left = true, only = "controllers"},
    {name = "level", kind = "integer"},
    {name = "memory_bytes", kind = "size", title = "MEMORY", width = 8},
    {name = "tasks", kind = "integer", title = "TASKS", width = 6},
    {name = "pids", kind = "numbers"},
    {name = "addr", kind = "hex", title = "CGROUP", width = 18, left = true},
    {name = "partial", kind = "strings"},
    {name = "path", kind = "string", title = "PATH", left = true, width = 24},
    {name = "processes", kind = "string", title = "PROCESSES", left = true, width = 0, only = "tasks", json = false},
  },
}

-- Processes by the address of their group in a hierarchy.
local function members(k, root, emit)
  local out = {}
  for p, task in tasks.each(k) do
    walk.part(emit, function()
      local group = cgroup.of_task(task, root)
      if not group then return end
      local at = object.addr(group)
      out[at] = out[at] or {}
      table.insert(out[at], p.pid)
    end)
  end
  return out
end

local function record(group, hierarchy, pids)
  local rec = {addr = object.addr(group), hierarchy = hierarchy}
  rec.path = walk.field(rec, "path", cgroup.path, group)
  rec.level = walk.field(rec, "level", function() return group.level end)
  rec.memory_bytes, rec.tasks = walk.field(rec, "memory_bytes", cgroup.usage, group)
  rec.pids = pids and (pids[rec.addr] or {})
  rec.processes = rec.pids and table.concat(rec.pids, " ")
  return rec
end

local function controllers(k, emit)
  for _, c in ipairs(cgroup.subsystems(k)) do
    emit {controller = c.name, hierarchy = c.hierarchy, groups = c.groups, enabled = c.enabled}
  end
end

local function groups(k, emit, with_tasks)
  for root in cgroup.for_each_root(k) do
    walk.part(emit, function()
      local hierarchy, pids = root.hierarchy_id, with_tasks and members(k, root, emit) or nil
      for group in cgroup.for_each_descendant(root.cgrp) do emit(record(group, hierarchy, pids)) end
    end)
  end
end

--- Control groups.
-- @param k an open handle
-- @tparam[opt] table opts tasks (the processes of each), controllers
-- @treturn function an iterator of records: hierarchy (0: version 2), path, level (0: the root), memory_bytes and tasks (what the
--  controllers count; nil where they are off), pids ({integer,...}: processes, with tasks), addr (`struct cgroup *`); with controllers:
--  controller (name), hierarchy, groups (their number), enabled; partial (keys that could not be read); what is damaged as kvm.cmd.walk
--  tells it
-- @raise kvm.Error `notfound`: this kernel has no control groups (CONFIG_CGROUPS)
-- @usage for g in require "kvm.cmd.cgroup".run(k) do assert(g.stopped or g.addr) end
function M.run(k, opts)
  opts = opts or {}
  cgroup.root(k) -- raises what the kernel lacks
  return walk.records(function(emit)
    if opts.controllers then controllers(k, emit) else groups(k, emit, opts.tasks) end
  end)
end

return M
