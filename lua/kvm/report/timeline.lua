-- SPDX-License-Identifier: BSD-2-Clause
-- Spans of time in rows, before one end. The axis is logarithmic: what was last is wide, what was long ago is there yet.
local format = require "kvm.format"
local markup = require "kvm.flame_graph.markup"
local svg = require "kvm.report.svg"

local M = {}

local ROW <const>, TOP <const> = 26, 22
local LABEL <const> = 8 -- percent, of the names of rows
local LEAST_NS <const> = 1000 -- the end of the axis: what is nearer is drawn there
local SLIVER <const> = 0.12 -- percent: the width of what is shorter

local function decades(ns) return math.log(math.max(ns, LEAST_NS) / LEAST_NS, 10) end

-- Where a moment so long before the end is, in percent; whole: decades of the axis.
local function place(ns, whole) return LABEL + (100 - LABEL) * (1 - decades(ns) / whole) end

-- Of spans that would hide each other the one that ended last is drawn.
local function visible(spans, whole)
  local out, left_out, taken = {}, 0, {}
  table.sort(spans, function(a, b)
    if a.to_ago ~= b.to_ago then return a.to_ago < b.to_ago end
    return a.from_ago < b.from_ago
  end)
  for _, span in ipairs(spans) do
    local x1, x2 = place(span.from_ago, whole), place(span.to_ago, whole)
    local width = math.max(x2 - x1, SLIVER)
    local x = math.min(x1, 100 - width)
    local slot = x // SLIVER
    if width == SLIVER and taken[slot] then
      left_out = left_out + 1
    else
      taken[slot] = true
      out[#out + 1] = {span = span, x = x, width = width}
    end
  end
  return out, left_out
end

local function ago(ns)
  if ns < 1000000 then return ("%d us"):format(ns // 1000) end
  if ns < 1000000000 then return ("%.4g ms"):format(ns / 1e6) end
  return format.duration(ns)
end

local function axis(out, whole, height)
  for n = 0, math.floor(whole) do
    local ns = LEAST_NS * math.tointeger(10 ^ n)
    local x = place(ns, whole)
    local label = ns < 1000000 and ("%d us"):format(ns // 1000) or ns < 1000000000 and ("%d ms"):format(ns // 1000000)
      or ("%d s"):format(ns // 1000000000)
    out[#out + 1] = ('<line x1="%s" x2="%s" y1="%d" y2="%d"/><text class="faint" x="%s" y="14" text-anchor="%s">%s</text>'):format(
      svg.percent(x), svg.percent(x), TOP - 4, height, svg.percent(x), n == 0 and "end" or "middle", label)
  end
end

local function title(span)
  local ends = span.is_open and "runs yet" or "until " .. ago(span.to_ago) .. " before"
  return ("%s: from %s before the end, %s"):format(span.name, ago(span.from_ago), ends)
end

--- A drawing of rows of spans.
-- @tparam {table,...} rows name, spans ({{name, from_ago, to_ago (nanoseconds before the end), is_open, class, link},...})
-- @treturn string SVG; nil where there are no spans
-- @treturn integer how many spans are too narrow to be seen beside others
-- @usage local rows = {{name = "CPU 0", spans = {{name = "init", from_ago = 2000000, to_ago = 0, is_open = true, class = "g1"}}}}
-- assert(require "kvm.report.timeline".html(rows):find "runs yet")
function M.html(rows)
  local longest, count = 0, 0
  for _, row in ipairs(rows) do
    for _, span in ipairs(row.spans) do longest, count = math.max(longest, span.from_ago), count + 1 end
  end
  if count == 0 then return nil end
  local whole, height, hidden = math.max(decades(longest), 1), TOP + #rows * ROW, 0
  local out = {}
  axis(out, whole, height)
  for i, row in ipairs(rows) do
    local y = TOP + (i - 1) * ROW
    out[#out + 1] = ('<text x="0" y="%d">%s</text>'):format(y + 16, markup.escape(row.name))
    local spans, left_out = visible(row.spans, whole)
    hidden = hidden + left_out
    for _, v in ipairs(spans) do
      out[#out + 1] = svg.box {x = svg.percent(v.x), y = tostring(y + 2), width = svg.percent(v.width), height = tostring(ROW - 5),
        class = v.span.class, title = title(v.span), lines = v.width > 4 and {v.span.name} or nil, link = v.span.link}
    end
  end
  return ('<svg class="timeline" width="100%%" height="%d" role="img" aria-label="what ran last on each CPU">%s</svg>'):format(height,
    table.concat(out, "\n")), hidden
end

return M
