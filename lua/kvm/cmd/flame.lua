-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm flame: all stacks of a dump as one flame graph: folded text, or an SVG. What can't be told of a stack stands in it as a marker:
-- frames that were only looked for (kvm.stack, "scan") are no callers, and are left out.
local cpumask = require "kvm.linux.cpumask"
local flame_graph = require "kvm.flame_graph"
local kvm_error = require "kvm.error"
local new_file = require "kvm.cmd.new_file"
local sched = require "kvm.linux.sched"
local stack = require "kvm.stack"
local walk = require "kvm.cmd.walk"

local M = {
  name = "flame",
  summary = "all stacks as a flame graph",
  options = {
    {flags = "--svg", value = "FILE", help = "write it as an SVG for a browser; default: folded text"},
    {flags = "--by", value = "WHAT", help = "what stacks begin with: comm (default), state, cpu, none"},
    {flags = "-s --state", value = "LETTERS", help = "tasks in such a state alone, as ps shows them: D"},
    {flags = "-a --active", help = "what the CPUs were doing alone"},
  },
  columns = {
    {name = "stack", kind = "string"},
    {name = "count", kind = "integer"},
    {name = "path", kind = "string"},
    {name = "bytes", kind = "integer"},
    {name = "frames", kind = "integer"},
    {name = "left_out", kind = "integer"},
  },
  no_match = "no task matches",
}

local ROOTS = {
  comm = function(t) return t.comm end,
  state = function(t) return ("%s (%s)"):format(t.state, sched.STATES[t.state] or "unknown") end,
  cpu = function(t) return t.cpu and ("CPU %d"):format(t.cpu) or "no CPU" end,
  none = function() return nil end,
}

local function root_of(by)
  local root = ROOTS[by or "comm"]
  if not root then kvm_error.fail("inval", "--by %q: one of comm, state, cpu, none is expected", by) end
  return root
end

-- --- which stacks

local function each_active(k, _, emit, add)
  for _, cpu in ipairs(cpumask.of(k, "online")) do
    walk.part(emit, function()
      local _, _, comm = sched.identity(k, sched.current(k, cpu))
      add({comm = comm, state = "R", cpu = cpu}, stack.of(k):of_cpu(cpu) or {})
    end)
  end
end

local function each_task(k, opts, emit, add)
  for t in sched.each_task(k) do
    if not opts.state or opts.state:find(t.state, 1, true) then
      walk.part(emit, function()
        local frames = stack.of(k):of_task(t.addr)
        add({comm = t.comm, state = t.state, cpu = frames.cpu or t.cpu}, frames)
      end)
    end
  end
end

-- What is damaged goes to emit; what is whole is in the tree.
local function tree_of(k, opts, emit)
  local root, stacks = root_of(opts.by), {}
  local function add(t, frames) stacks[#stacks + 1] = {root = root(t), names = flame_graph.names(frames)} end
  walk.part(emit, opts.active and each_active or each_task, k, opts, emit, add)
  return flame_graph.tree(stacks)
end

local function title_of(k, opts, tree)
  local of = opts.active and "the CPUs" or opts.state and "tasks in state " .. opts.state or "all tasks"
  return ("%d %s of %s, Linux %s"):format(tree.count, tree.count == 1 and "stack" or "stacks", of, k:info().release or "?")
end

local function write_svg(k, opts, tree)
  local text, size = flame_graph.svg(tree, {title = title_of(k, opts, tree)})
  new_file.write(opts.svg, text)
  return {path = opts.svg, count = tree.count, bytes = #text, frames = size.frames, left_out = size.left_out}
end

--- All stacks, merged.
-- @param k an open handle
-- @tparam[opt] table opts svg (path of a new file), by ("comm", "state", "cpu", "none"), state (letters), active (boolean)
-- @treturn function an iterator of records: stack (names with ";" between, the outermost first), count; with svg one record: path, count
--   (of stacks), bytes, frames (drawn), left_out (narrower than 0.1 pixels); what is damaged as kvm.cmd.walk tells it
-- @raise kvm.Error `inval` on an unknown --by, and when the file exists
-- @usage for r in require "kvm.cmd.flame".run(k, {by = "state"}) do assert(r.stopped or r.count > 0) end
function M.run(k, opts)
  opts = opts or {}
  root_of(opts.by)
  if opts.svg then new_file.check(opts.svg) end
  return walk.records(function(emit)
    local tree = tree_of(k, opts, emit)
    if tree.count == 0 then return end
    if opts.svg then return emit(write_svg(k, opts, tree)) end
    for _, line in ipairs(flame_graph.lines(tree)) do emit(line) end
  end)
end

--- A record as a line of text.
function M.text(rec)
  if rec.stack then return ("%s %d\n"):format(rec.stack, rec.count) end
  local format = require "kvm.format"
  local text = ("%s: %d stacks, %d frames, %s"):format(format.escape(rec.path), rec.count, rec.frames, format.size(rec.bytes))
  if rec.left_out > 0 then text = ("%s; %d more are too narrow to be seen"):format(text, rec.left_out) end
  return text .. "\n"
end

return M
