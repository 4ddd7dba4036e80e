-- SPDX-License-Identifier: BSD-2-Clause
-- Counts as bars, the largest first.
local markup = require "kvm.flame_graph.markup"
local svg = require "kvm.report.svg"

local M = {}

local ROW <const> = 24
local LABEL <const>, ROOM <const> = 26, 62 -- percents: of the names, and of the longest bar; behind it is its number

--- A drawing of bars.
-- @tparam {table,...} items name, count, link (a fragment; nil)
-- @tparam string label what is counted
-- @treturn string SVG
-- @usage assert(require "kvm.report.bars".html({{name = "a", count = 2}}, "tasks"):find ">2<")
function M.html(items, label)
  local list, most, out = table.move(items, 1, #items, 1, {}), 1, {}
  table.sort(list, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.name < b.name
  end)
  for _, item in ipairs(list) do most = math.max(most, item.count) end
  for i, item in ipairs(list) do
    local y, width = (i - 1) * ROW, ROOM * item.count / most
    local name = ('<text x="%s" y="%d" text-anchor="end">%s</text>'):format(svg.percent(LABEL - 1), y + 16, markup.escape(item.name))
    out[#out + 1] = item.link and ('<a href="#%s">%s</a>'):format(markup.escape(item.link), name) or name
    out[#out + 1] = ('<rect class="bar-of" x="%s" y="%d" width="%s" height="%d"/><text x="%s" y="%d">%d</text>'):format(
      svg.percent(LABEL), y + 3, svg.percent(width), ROW - 6, svg.percent(LABEL + width + 0.7), y + 16, item.count)
  end
  return ('<svg class="bars" width="100%%" height="%d" role="img" aria-label="%s">%s</svg>'):format(#list * ROW, markup.escape(label),
    table.concat(out, "\n"))
end

return M
