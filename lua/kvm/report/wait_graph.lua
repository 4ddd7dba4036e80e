-- SPDX-License-Identifier: BSD-2-Clause
-- Who waits for whom: tasks and locks as boxes, from left to right a task, the lock it waits for, the task that holds it, the lock that
-- one waits for. What leads back to the left is a circle: a deadlock.
local svg = require "kvm.report.svg"

local M = {}

local BOX_WIDTH <const>, BOX_HEIGHT <const> = 200, 40
local COLUMN <const>, ROW <const>, GAP <const>, MARGIN <const> = 260, 52, 24, 10
local MOST_WAITERS <const>, MOST_NODES <const> = 8, 400

-- --- nodes: key, lines, class, link, to (nodes)

local function graph_of(waits)
  local nodes, by_key, waiters, left_out = {}, {}, {}, 0
  local function node(key, fields)
    local known = by_key[key]
    if not known then
      known = fields
      known.to, known.from = {}, {}
      by_key[key], nodes[#nodes + 1] = known, known
    end
    return known
  end
  local function task(t)
    return node("task " .. t.key, {class = "task", lines = {t.comm, "pid " .. t.pid}, link = "tasks?row=" .. t.pid})
  end
  local function edge(from, to)
    for _, known in ipairs(from.to) do
      if known == to then return end
    end
    from.to[#from.to + 1], to.from[#to.from + 1] = to, from
  end
  local is_owner = {}
  for _, w in ipairs(waits) do
    if w.owner then is_owner[w.owner.key] = true end
  end
  for _, w in ipairs(waits) do
    waiters[w.lock] = (waiters[w.lock] or 0) + 1
    if #nodes >= MOST_NODES and not by_key["lock " .. w.lock] then
      left_out = left_out + 1
    else
      local lock = node("lock " .. w.lock, {class = "lock", lines = {w.lock_name, w.held}})
      if waiters[w.lock] > MOST_WAITERS and not is_owner[w.task.key] then
        local more = node("more " .. w.lock, {class = "task", lines = {}})
        more.lines[1] = ("%d more"):format(waiters[w.lock] - MOST_WAITERS)
        edge(more, lock)
      else
        edge(task(w.task), lock)
      end
      if w.owner then edge(lock, task(w.owner)) end
    end
  end
  return nodes, left_out
end

-- --- columns

-- Nodes so that each comes before those that it leads to; what leads back is in `back`. A node leads to one other in all that is drawn:
-- a task waits for one lock, a lock has one owner.
local function ordered(nodes)
  local order, state, back = {}, {}, {}
  local function visit(first)
    local path, at = {}, first
    while at and not state[at] do
      state[at] = "open"
      path[#path + 1] = at
      at = at.to[1]
    end
    if at and state[at] == "open" then back[path[#path]] = at end
    for i = #path, 1, -1 do
      state[path[i]] = "done"
      order[#order + 1] = path[i]
    end
  end
  for _, n in ipairs(nodes) do
    if #n.from == 0 then visit(n) end
  end
  for _, n in ipairs(nodes) do visit(n) end
  return order, back
end

-- Each node's column; those of a circle are marked.
local function rank(nodes)
  local order, back = ordered(nodes)
  for _, n in ipairs(nodes) do n.column = 0 end
  for i = #order, 1, -1 do
    local n = order[i]
    local to = not back[n] and n.to[1]
    if to then to.column = math.max(to.column, n.column + 1) end
  end
  for last, first in pairs(back) do
    local n = first
    repeat
      n.in_circle, n = true, n.to[1]
    until n == first
    last.back = first
  end
end

local function component_of(first, seen)
  local out, todo = {}, {first}
  seen[first] = true
  while #todo > 0 do
    local n = table.remove(todo)
    out[#out + 1] = n
    for _, list in ipairs {n.to, n.from} do
      for _, other in ipairs(list) do
        if not seen[other] then
          seen[other] = true
          todo[#todo + 1] = other
        end
      end
    end
  end
  return out
end

-- Places the nodes: those that hang together under each other; returns width and height.
local function place(nodes)
  local seen, top, width = {}, MARGIN, 0
  for _, first in ipairs(nodes) do
    if not seen[first] then
      local rows, deepest, circle = {}, 0, false
      local component = component_of(first, seen)
      for _, n in ipairs(nodes) do n.is_here = false end
      for _, n in ipairs(component) do n.is_here = true end
      for _, n in ipairs(nodes) do
        if n.is_here then
          local row = rows[n.column] or 0
          n.x, n.y = MARGIN + n.column * COLUMN, top + row * ROW
          rows[n.column], deepest = row + 1, math.max(deepest, row + 1)
          width, circle = math.max(width, n.x + BOX_WIDTH), circle or n.in_circle
        end
      end
      top = top + deepest * ROW + (circle and GAP or 0) + GAP
    end
  end
  return width + MARGIN, top
end

-- --- the drawing

local function line(n, to)
  local x1, y1, x2, y2 = n.x + BOX_WIDTH, n.y + BOX_HEIGHT // 2, to.x, to.y + BOX_HEIGHT // 2
  local bend = (x2 - x1) // 2
  local class = n.in_circle and to.in_circle and "edge circle" or "edge"
  if n.back == to then
    x1, y1, x2, y2 = n.x + BOX_WIDTH // 2, n.y + BOX_HEIGHT, to.x + BOX_WIDTH // 2, to.y + BOX_HEIGHT
    local low = math.max(y1, y2) + GAP + 8
    return ('<path class="edge circle" d="M%d %dC%d %d %d %d %d %d" marker-end="url(#arrow)"/>'):format(x1, y1, x1, low, x2, low,
      x2, y2 + 6)
  end
  return ('<path class="%s" d="M%d %dC%d %d %d %d %d %d" marker-end="url(#arrow)"/>'):format(class, x1, y1, x1 + bend, y1, x2 - bend, y2,
    x2 - 6, y2)
end

--- The drawing.
-- @tparam {table,...} waits task ({key, pid, comm}), lock (its key), lock_name, held (text of who holds it, where that is no task; nil),
-- owner (a task, or nil)
-- @treturn string SVG; nil where nobody waits
-- @treturn integer how many waits are left out
-- @usage local a, b = {key = 1, pid = 1, comm = "a"}, {key = 2, pid = 2, comm = "b"}
-- local waits = {{task = a, lock = "l", lock_name = "mutex l", owner = b}, {task = b, lock = "m", lock_name = "mutex m", owner = a}}
-- assert(require "kvm.report.wait_graph".html(waits):find "edge circle")
function M.html(waits)
  if #waits == 0 then return nil end
  local nodes, left_out = graph_of(waits)
  rank(nodes)
  local width, height = place(nodes)
  local out = {('<svg class="waits" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="who waits for whom">')
    :format(width, height, width, height), '<defs><marker id="arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" '
    .. 'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z"/></marker></defs>'}
  for _, n in ipairs(nodes) do
    for _, to in ipairs(n.to) do out[#out + 1] = line(n, to) end
  end
  for _, n in ipairs(nodes) do
    out[#out + 1] = svg.box {x = tostring(n.x), y = tostring(n.y), width = tostring(BOX_WIDTH), height = tostring(BOX_HEIGHT),
      class = n.class .. (n.in_circle and " circle" or ""), title = table.concat(n.lines, ", "), lines = n.lines, link = n.link}
  end
  out[#out + 1] = "</svg>"
  return table.concat(out, "\n"), left_out
end

return M
