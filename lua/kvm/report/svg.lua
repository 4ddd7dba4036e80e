-- SPDX-License-Identifier: BSD-2-Clause
-- Drawings of a report whose widths are percents of their own: text keeps its size on a phone as on paper, and what does not fit into
-- a box is cut off by the SVG that it stands in. No attribute `style`: the page's policy has no place for it.
local markup = require "kvm.flame_graph.markup"

local M = {}

--- A number as an attribute: at most three digits behind the point.
-- @tparam number v
-- @treturn string
-- @usage assert(require "kvm.report.svg".number(0.50) == "0.5")
function M.number(v)
  local text = ("%.3f"):format(v):gsub("0+$", ""):gsub("%.$", "")
  return text
end

--- A percentage.
-- @tparam number v of 100
-- @treturn string
-- @usage assert(require "kvm.report.svg".percent(12.5) == "12.5%")
function M.percent(v) return M.number(v) .. "%" end

--- Lines of text in a box that cuts them off, under each other.
-- @tparam {string,...} lines of any text: it is escaped
-- @tparam[opt=14] number y of the first line, pixels
-- @treturn string
-- @usage assert(require "kvm.report.svg".lines({"<"}):find "&lt;")
function M.lines(lines, y)
  local out = {}
  for i, line in ipairs(lines) do
    out[i] = ('<text x="4" y="%d">%s</text>'):format((y or 14) + (i - 1) * 15, markup.escape(line))
  end
  return table.concat(out)
end

--- A box: a part of a drawing with a title, that may be a link.
-- @tparam table b x, y, width, height (strings, as attributes have them), class, title (any text), lines ({string,...}), link (a fragment)
-- @treturn string
-- @usage assert(require "kvm.report.svg".box({x = "0", y = "0", width = "5%", height = "9", class = "k", title = "a"}):find "<title>a<")
function M.box(b)
  local text = ('<svg class="box %s" x="%s" y="%s" width="%s" height="%s"><title>%s</title><rect width="100%%" height="100%%"/>%s</svg>')
    :format(b.class, b.x, b.y, b.width, b.height, markup.escape(b.title), b.lines and M.lines(b.lines) or "")
  return b.link and ('<a href="#%s">%s</a>'):format(markup.escape(b.link), text) or text
end

return M
