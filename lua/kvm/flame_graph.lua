-- SPDX-License-Identifier: BSD-2-Clause
-- Flame graphs: stacks merged from their outermost function on, each function as wide as the number of stacks that go through it. As
-- folded text, one line for each different stack (the input of other tools for flame graphs), and as one SVG that needs nothing else:
-- its script (flame_graph/script.lua) zooms and searches; without it, each frame still has its title.
-- A frame's kind is told by its name: "name [module]" is a module's, "[...]" and "0x..." are markers of what has no name.
local format = require "kvm.format"
local kvm_error = require "kvm.error"
local markup = require "kvm.flame_graph.markup"
local script = require "kvm.flame_graph.script"

local M = {}

local DEFAULT_WIDTH <const> = 1200
local LEAST_WIDTH <const> = 0.1 -- pixels: what is narrower can't be seen
local MARGIN <const>, TOP <const>, BOTTOM <const> = 10, 60, 30
local ROW <const> = 17
local CHAR_WIDTH <const> = 6.7 -- of 11 px monospace, a little more than it is (0.6 em), so that text stays inside

-- --- the names of a stack

local function name_of(frame)
  if not frame.name then return ("0x%x"):format(frame.pc) end
  return frame.module and ("%s [%s]"):format(frame.name, frame.module) or frame.name
end

--- What a stack is called by in a flame graph. Frames that were only looked for ("scan") are no callers, and are left out.
-- @tparam table frames as kvm.stack gives them
-- @treturn {string,...} names, the outermost first, with markers of what can't be told
-- @usage assert(require "kvm.flame_graph".names({{name = "f", how = "switch"}, complete = true})[1] == "f")
function M.names(frames)
  if #frames == 0 then return {frames.user and "[user mode]" or "[no stack]"} end
  local names = {}
  if not frames.complete then names[1] = "[incomplete]" end
  local on
  for i = #frames, 1, -1 do
    local frame = frames[i]
    if frame.how ~= "scan" then
      if on and frame.stack and frame.stack ~= on then names[#names + 1] = ("[%s stack]"):format(frame.stack) end
      on = frame.stack or on
      names[#names + 1] = name_of(frame)
    end
  end
  return names
end

-- --- the tree

local function child_of(node, name)
  local child = node.by_name[name]
  if not child then
    child = {name = name, count = 0, own = 0, by_name = {}}
    node.by_name[name] = child
  end
  return child
end

-- Children in the order of their names.
local function sorted(node)
  local list = {}
  for _, child in pairs(node.by_name) do list[#list + 1] = child end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

--- A tree of stacks.
-- @tparam {table,...} stacks root (string; nil: none), names (of functions, the outermost first), count (integer above 0; default 1)
-- @treturn table the node of all: name, count, own (stacks that end there), by_name (nodes by name)
-- @raise kvm.Error `inval` on a count that is not above 0
-- @usage assert(require "kvm.flame_graph".tree({{root = "init", names = {"schedule"}, count = 2}}).count == 2)
function M.tree(stacks)
  local all = {name = "all", count = 0, own = 0, by_name = {}, is_root = true}
  for _, s in ipairs(stacks) do
    local count = s.count or 1
    if math.type(count) ~= "integer" or count <= 0 then kvm_error.fail("inval", "a stack counts %s times", tostring(count)) end
    local node = all
    local function enter(name)
      node = child_of(node, name)
      node.count = node.count + count
    end
    all.count = all.count + count
    if s.root then
      enter(s.root)
      node.is_root = true
    end
    for _, name in ipairs(s.names) do enter(name) end
    if node == all then enter "[no frames]" end
    node.own = node.own + count
  end
  return all
end

-- Calls visit(node, depth, at) for each node, a caller before its callees; at: how many stacks are left of it. Where visit gives false, its
-- callees are passed over. Without recursion: a stack may be deep.
local function walk(tree, visit)
  local todo = {{tree, 0, 0}}
  while #todo > 0 do
    local node, depth, at = table.unpack(table.remove(todo))
    if visit(node, depth, at) ~= false then
      local children = sorted(node)
      local right = at
      for _, child in ipairs(children) do right = right + child.count end
      for i = #children, 1, -1 do -- the first is taken first
        right = right - children[i].count
        todo[#todo + 1] = {children[i], depth + 1, right}
      end
    end
  end
end

-- --- folded text

-- A semicolon parts frames: one in a name is written as its byte.
local function folded_name(name)
  return (format.escape(name):gsub(";", "\\x3b"))
end

--- The different stacks as folded lines.
-- @tparam table tree as tree() gives it
-- @treturn {table,...} stack (names with ";" between, the outermost first; what is not printable, and ";", as \xNN), count; sorted
-- @usage local graph = require "kvm.flame_graph"
-- assert(graph.lines(graph.tree {{root = "a", names = {"f", "g"}}})[1].stack == "a;f;g")
function M.lines(tree)
  local lines, path = {}, {}
  walk(tree, function(node, depth)
    if depth > 0 then path[depth] = folded_name(node.name) end
    if node.own > 0 then lines[#lines + 1] = {stack = table.concat(path, ";", 1, depth), count = node.own} end
  end)
  table.sort(lines, function(a, b) return a.stack < b.stack end)
  return lines
end

--- Folded text: "comm;outer;inner COUNT", a line for each different stack.
-- @tparam table tree as tree() gives it
-- @treturn string sorted lines
-- @usage local graph = require "kvm.flame_graph"
-- assert(graph.folded(graph.tree {{root = "a", names = {"f", "g"}}}) == "a;f;g 1\n")
function M.folded(tree)
  local out = {}
  for i, line in ipairs(M.lines(tree)) do out[i] = ("%s %d\n"):format(line.stack, line.count) end
  return table.concat(out)
end

-- --- the SVG

-- Ranges of red, green, blue. All are light: the text on them is black.
local COLOURS = {
  root = {{120, 50}, {170, 50}, {225, 30}},
  kernel = {{225, 30}, {140, 80}, {60, 50}},
  module = {{110, 60}, {195, 45}, {110, 60}},
  marker = {{185, 20}, {180, 20}, {190, 20}},
}

local function kind_of(node)
  if node.is_root then return "root" end
  if node.name:find "^%[.*%]$" or node.name:find "^0x%x+$" then return "marker" end
  return node.name:find " %[[^%]]+%]$" and "module" or "kernel"
end

-- FNV-1a, 32 bits, and its bits mixed: names that differ in their last letter get different colours.
local function hash(name)
  local h = 0x811c9dc5
  for i = 1, #name do h = ((h ~ name:byte(i)) * 0x01000193) & 0xffffffff end
  h = ((h ~ (h >> 16)) * 0x85ebca6b) & 0xffffffff
  return h ~ (h >> 13)
end

local function colour(kind, name)
  local h, parts = hash(name), {}
  for i, range in ipairs(COLOURS[kind]) do
    parts[i] = range[1] + (h & 0xff) * range[2] // 255
    h = h >> 8
  end
  return ("#%02x%02x%02x"):format(table.unpack(parts))
end

-- As much of NAME as there is room for; the same as clipped() of the script.
local function clipped(name, room)
  local fits = math.floor((room - 6) / CHAR_WIDTH)
  local len = utf8.len(name)
  if len <= fits then return name end
  return fits < 3 and "" or name:sub(1, utf8.offset(name, fits - 1) - 1) .. ".."
end

--- The style of the SVG, for a page that the graph is a part of. What is in it is the graph's alone.
M.STYLE = [[
.flame { color-scheme: light dark; --paper: #ffffff; --ink: #1a1a1a; --faint: #5a5a5a; --match: #ff6bff; }
@media (prefers-color-scheme: dark) { .flame { --paper: #16181c; --ink: #eaeaea; --faint: #a8a8a8; } }
.flame .paper { fill: var(--paper); }
.flame text { font: 11px monospace; fill: var(--ink); }
.flame #heading { font: bold 15px sans-serif; }
.flame #status, .flame #note { font: 12px sans-serif; fill: var(--faint); }
.flame .frame { cursor: pointer; outline: none; }
.flame .frame text { fill: #000000; pointer-events: none; }
.flame .frame:hover rect, .flame .frame:focus rect { stroke: var(--ink); stroke-width: 1.5; }
.flame .outer { opacity: 0.55; }
.flame .match rect { fill: var(--match); }
.flame .bar { display: flex; gap: 8px; align-items: center; font: 12px sans-serif; color: var(--ink); }
.flame .bar button, .flame .bar input { font: inherit; }
]]

-- The frames that are wide enough, and how many are not.
local function visible(tree, scale)
  local list, left_out, deepest = {}, 0, 0
  walk(tree, function(node, depth, at)
    if node.count * scale < LEAST_WIDTH then
      walk(node, function() left_out = left_out + 1 end)
      return false
    end
    list[#list + 1] = {node = node, depth = depth, at = at}
    deepest = math.max(deepest, depth)
  end)
  return list, left_out, deepest
end

local function number(v)
  return (("%.2f"):format(v):gsub("%.?0+$", ""))
end

local function frame_element(frame, tree, scale, bottom)
  local node = frame.node
  local x, y, w = MARGIN + frame.at * scale, bottom - frame.depth * ROW, node.count * scale
  local kind = kind_of(node)
  local name = markup.printable(node.name)
  local words = clipped(name, w)
  return ('<g class="frame %s" data-at="%d" data-count="%d" data-depth="%d"><title>%s (%d %s, %.2f%%)</title>'
    .. '<rect x="%s" y="%d" width="%s" height="%d" fill="%s" rx="1"/>%s</g>\n'):format(kind, frame.at, node.count, frame.depth,
    markup.escape(name), node.count, node.count == 1 and "stack" or "stacks", 100 * node.count / tree.count, number(x), y, number(w),
    ROW - 1, colour(kind, name),
    words ~= "" and ('<text x="%s" y="%d">%s</text>'):format(number(x + 3), y + 12, markup.escape(words)) or "")
end

--- The tree as SVG: one file, which loads nothing.
-- @tparam table tree as tree() gives it
-- @tparam[opt] table opts title (string), width (pixels, default 1200), part (true: without STYLE and the script of kvm.flame_graph.script,
-- which are the page's that it is a part of)
-- @treturn string the SVG
-- @treturn table frames (drawn), left_out (narrower than 0.1 pixels)
-- @raise kvm.Error `inval` on a tree without stacks, or a width below 200 or above 100000
-- @usage local graph = require "kvm.flame_graph"
-- assert(graph.svg(graph.tree {{root = "a", names = {"f"}}}, {title = "stacks"}):find "^<%?xml")
function M.svg(tree, opts)
  opts = opts or {}
  local width, title = opts.width or DEFAULT_WIDTH, opts.title or "Stacks"
  if tree.count == 0 then kvm_error.fail("inval", "a flame graph needs a stack at least") end
  if math.type(width) ~= "integer" or width < 200 or width > 100000 then
    kvm_error.fail("inval", "a width of %s pixels: 200 to 100000", tostring(width))
  end
  local scale = (width - 2 * MARGIN) / tree.count
  local list, left_out, deepest = visible(tree, scale)
  local bottom = TOP + deepest * ROW
  local height = bottom + ROW + BOTTOM
  local size = {frames = #list, left_out = left_out}
  local note = left_out > 0 and ("%d frames narrower than %s px are left out"):format(left_out, LEAST_WIDTH) or ""
  local out = {
    opts.part and "" or '<?xml version="1.0" encoding="UTF-8"?>\n',
    ('<svg class="flame" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" data-width="%d" data-margin="%d" '
      .. 'data-char-width="%s" data-total="%d" data-left-out="%d">\n'):format(width, height, width, height, width, MARGIN, CHAR_WIDTH,
      tree.count, left_out),
    ("<title>%s</title>\n"):format(markup.escape(title)),
    opts.part and "" or ("<style>\n%s</style>\n"):format(M.STYLE),
    '<rect class="paper" width="100%" height="100%"/>\n',
    ('<text id="heading" x="%d" y="20">%s</text>\n'):format(MARGIN, markup.escape(title)),
    ('<text id="note" x="%d" y="20" text-anchor="end">%s</text>\n'):format(width - MARGIN, note),
  }
  for _, frame in ipairs(list) do out[#out + 1] = frame_element(frame, tree, scale, bottom) end
  out[#out + 1] = ('<text id="status" x="%d" y="%d"></text>\n'):format(MARGIN, height - 10)
  if not opts.part then out[#out + 1] = ("<script><![CDATA[\n%s]]></script>\n"):format(script) end
  out[#out + 1] = "</svg>\n"
  return table.concat(out), size
end

return M
