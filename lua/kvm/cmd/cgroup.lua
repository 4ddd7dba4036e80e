-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm cgroup: the tree of control groups (version 2) with what is in them.
local cgroup = require "kvm.linux.cgroup"
local object = require "kvm.object"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"

local M = {
  name = "cgroup",
  summary = "control groups and what is in them",
  operands = {},
  options = {{flags = "-t --tasks", help = "the processes of each"}},
  columns = {
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

-- Processes by the address of their group.
local function members(k, emit)
  local out = {}
  for p, task in tasks.each(k) do
    walk.part(emit, function()
      local at = object.addr(cgroup.of_task(task))
      out[at] = out[at] or {}
      table.insert(out[at], p.pid)
    end)
  end
  return out
end

local function record(group, pids)
  local rec = {addr = object.addr(group)}
  rec.path = walk.field(rec, "path", cgroup.path, group)
  rec.level = walk.field(rec, "level", function() return group.level end)
  rec.memory_bytes, rec.tasks = walk.field(rec, "memory_bytes", cgroup.usage, group)
  rec.pids = pids and (pids[rec.addr] or {})
  rec.processes = rec.pids and table.concat(rec.pids, " ")
  return rec
end

--- Control groups.
-- @param k an open handle
-- @tparam[opt] table opts tasks (the processes of each)
-- @treturn function an iterator of records: path, level (0: the root), memory_bytes and tasks (what the controllers count; nil where they
--  are off), pids ({integer,...}: processes, with tasks), addr (`struct cgroup *`), partial (keys that could not be read); what is
--  damaged as kvm.cmd.walk tells it
-- @raise kvm.Error `notfound`: this kernel has no control groups (CONFIG_CGROUPS)
-- @usage for g in require "kvm.cmd.cgroup".run(k) do assert(g.stopped or g.addr) end
function M.run(k, opts)
  local root = cgroup.root(k)
  return walk.records(function(emit)
    local pids = opts and opts.tasks and members(k, emit)
    for group in cgroup.for_each_descendant(root) do emit(record(group, pids)) end
  end)
end

return M
