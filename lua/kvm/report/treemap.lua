-- SPDX-License-Identifier: BSD-2-Clause
-- A treemap: boxes whose areas are sizes, those of one group together. Squarified (Bruls, Huizing, van Wijk: "Squarified Treemaps", 2000).
local format = require "kvm.format"
local markup = require "kvm.flame_graph.markup"
local svg = require "kvm.report.svg"

local M = {}

local WIDTH <const>, HEIGHT <const> = 1000, 420 -- for which the boxes are near squares; the height is in pixels
local MOST <const> = 60 -- boxes of a group
local COLOURS <const> = 12 -- classes g1 to g12 of the style; g0 is free memory

-- How far the worst box of a row of such areas, along a side, is from a square.
local function worst(sum, least, most, side)
  return math.max(side * side * most / (sum * sum), sum * sum / (side * side * least))
end

local function place_row(row, sum, r)
  local wide = r.w >= r.h
  local thick = wide and sum / r.h or sum / r.w
  local at = 0
  for _, item in ipairs(row) do
    local length = item.area / thick
    if wide then item.x, item.y, item.w, item.h = r.x, r.y + at, thick, length
    else item.x, item.y, item.w, item.h = r.x + at, r.y, length, thick end
    at = at + length
  end
  if wide then return {x = r.x + thick, y = r.y, w = r.w - thick, h = r.h} end
  return {x = r.x, y = r.y + thick, w = r.w, h = r.h - thick}
end

--- Places boxes in a rectangle.
-- @tparam {table,...} items with bytes above 0, the largest first; each gets x, y, w, h
-- @tparam table r x, y, w, h
-- @usage local items = {{bytes = 1}} require "kvm.report.treemap".place(items, {x = 0, y = 0, w = 2, h = 3}) assert(items[1].h == 3)
function M.place(items, r)
  local total = 0
  for _, item in ipairs(items) do total = total + item.bytes end
  for _, item in ipairs(items) do item.area = item.bytes / total * r.w * r.h end
  local i = 1
  local rest = r
  while i <= #items do
    local row, sum, side = {items[i]}, items[i].area, math.min(rest.w, rest.h)
    local ratio = worst(sum, sum, sum, side)
    while items[i + #row] do
      local following = items[i + #row].area
      local with = worst(sum + following, following, row[1].area, side)
      if with > ratio then break end
      row[#row + 1], sum, ratio = items[i + #row], sum + following, with
    end
    rest = place_row(row, sum, rest)
    i = i + #row
  end
end

-- The boxes of a group: who has it, and what nobody of them has.
local function boxes_of(group)
  local out, left, more = {}, group.bytes, 0
  for i, item in ipairs(group.named or {}) do
    if item.bytes and item.bytes > 0 then
      if i <= MOST then
        out[#out + 1] = {name = item.name, bytes = item.bytes, pid = item.pid}
        left = left - item.bytes
      else
        more = more + 1
      end
    end
  end
  if left > 0 then
    local name = #out == 0 and group.name or more > 0 and ("%d more"):format(more) or "others"
    out[#out + 1] = {name = name, bytes = left}
  end
  table.sort(out, function(a, b) return a.bytes > b.bytes end)
  return out
end

local function share(bytes, total) return ("%s, %.1f %%"):format(format.size(bytes), 100 * bytes / total) end

local function box(item, group, total)
  local lines
  if item.w > 40 and item.h > 17 then
    lines = {item.name}
    if item.h > 34 then lines[2] = format.size(item.bytes) end
  end
  local title = item.name == group.name and group.name or group.name .. ": " .. item.name
  return svg.box {x = svg.percent(100 * item.x / WIDTH), y = svg.percent(100 * item.y / HEIGHT), width = svg.percent(100 * item.w / WIDTH),
    height = svg.percent(100 * item.h / HEIGHT), class = group.class, title = ("%s (%s)"):format(title, share(item.bytes, total)),
    lines = lines, link = item.pid and "tasks?row=" .. item.pid}
end

local function legend(groups, total)
  local out = {}
  for i, group in ipairs(groups) do
    out[i] = ('<li><svg class="swatch %s"><rect width="100%%" height="100%%"/></svg> %s <span class="faint">%s%s</span></li>'):format(
      group.class, markup.escape(group.name), share(group.bytes, total),
      group.why and "; not known who: " .. markup.escape(group.why) or "")
  end
  return ('<ul class="legend">%s</ul>'):format(table.concat(out))
end

--- A treemap and its legend.
-- @tparam {table,...} groups name, bytes, named ({{name, bytes, pid},...}: who has it; the largest first), why (they are not known),
-- is_free (boolean); in any order
-- @treturn string HTML; nil where no group has any bytes
-- @usage assert(require "kvm.report.treemap".html({{name = "a", bytes = 4096}}):find "4.0 KiB")
function M.html(groups)
  local list, total = {}, 0
  for _, g in ipairs(groups) do
    if g.bytes > 0 then
      list[#list + 1], total = setmetatable({}, {__index = g}), total + g.bytes
    end
  end
  if total == 0 then return nil end
  table.sort(list, function(a, b) return a.bytes > b.bytes end)
  M.place(list, {x = 0, y = 0, w = WIDTH, h = HEIGHT})
  local out, colour = {}, 0
  for _, group in ipairs(list) do
    if not group.is_free then colour = colour % COLOURS + 1 end
    group.class = "g" .. (group.is_free and 0 or colour)
    local items = boxes_of(group)
    M.place(items, group)
    for _, item in ipairs(items) do out[#out + 1] = box(item, group, total) end
  end
  return ('<svg class="treemap" width="100%%" height="%d" role="img" aria-label="memory by owner">%s</svg>\n%s'):format(HEIGHT,
    table.concat(out, "\n"), legend(list, total))
end

return M
