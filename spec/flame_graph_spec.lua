-- SPDX-License-Identifier: BSD-2-Clause
local graph = require "kvm.flame_graph"
local harness = require "spec.support.harness"

local EVIL <const> = "a;b<script>alert(1)</script>&\"']]>\27[2J\n\xff\xef\xbf\xbf\xe2\x80\xae"

local function svg_of(stacks, opts) return graph.svg(graph.tree(stacks), opts) end

-- The elements of a document, each start tag with its end; fails on what is no XML.
local function check_nesting(text)
  local open, count = {}, 0
  text = text:gsub("<!%[CDATA%[.-%]%]>", ""):gsub("^<%?xml[^>]*%?>", "")
  for close, name, rest in text:gmatch "<(/?)(%a+)([^<>]*)>" do
    if close == "/" then
      assert.are.equal(table.remove(open), name)
    elseif rest:sub(-1) ~= "/" then
      open[#open + 1] = name
    end
    count = count + 1
  end
  assert.are.equal(0, #open)
  local _, brackets = text:gsub("<", "")
  assert.are.equal(count, brackets)
  assert.is_nil(text:gsub("&#?%w+;", ""):find "&")
end

describe("kvm.flame_graph", function()
  harness.guard()

  local STACKS = {
    {root = "init", names = {"f", "g"}},
    {root = "init", names = {"f"}, count = 2},
    {root = "cat", names = {"f", "h [m]"}, count = 5},
    {root = "init", names = {"f", "g"}, count = 3},
  }

  it("merges stacks from their outermost function on", function()
    local tree = graph.tree(STACKS)
    local init = tree.by_name.init
    assert.are.same({11, 6, 0, 6, 2, 4}, {tree.count, init.count, init.own, init.by_name.f.count, init.by_name.f.own,
      init.by_name.f.by_name.g.own})
  end)

  it("writes folded text, sorted, each stack once", function()
    assert.are.equal("cat;f;h [m] 5\ninit;f 2\ninit;f;g 4\n", graph.folded(graph.tree(STACKS)))
    assert.are.equal("f 1\n", graph.folded(graph.tree {{names = {"f"}}}))
    assert.are.equal("[no frames] 1\nidle 1\n", graph.folded(graph.tree {{names = {}}, {root = "idle", names = {}}}))
    assert.are.equal("", graph.folded(graph.tree {}))
  end)

  it("does not depend on the order of stacks", function()
    local turned = {}
    for i, s in ipairs(STACKS) do turned[#STACKS + 1 - i] = s end
    assert.are.equal(svg_of(STACKS), svg_of(turned))
    assert.are.equal(graph.folded(graph.tree(STACKS)), graph.folded(graph.tree(turned)))
  end)

  it("keeps what parts frames and lines out of folded names", function()
    local text = graph.folded(graph.tree {{root = EVIL, names = {"x y;z\n", "g 7"}}})
    assert.are.equal(1, select(2, text:gsub("\n", "")))
    assert.are.equal(2, select(2, text:gsub(";", "")))
    assert.matches("^a\\x3bb<script>.*;x y\\x3bz\\n;g 7 1\n$", text)
  end)

  it("names a stack from its outermost function on, and marks what can't be told", function()
    assert.are.same({"entry", "work [m]", "[irq stack]", "0xffff0010"}, graph.names {
      {pc = 0xffff0010, how = "registers", stack = "irq"}, {name = "old", how = "scan", stack = "task"},
      {name = "work", module = "m", how = "orc", stack = "task"}, {name = "entry", how = "orc", stack = "task"}, complete = true})
    assert.are.same({"[incomplete]", "f"}, graph.names {{name = "f", how = "switch"}})
    assert.are.same({"[user mode]"}, graph.names {user = {}})
    assert.are.same({"[no stack]"}, graph.names {})
  end)

  it("draws a part of a page without style and script", function()
    local text = svg_of(STACKS, {title = "T", part = true})
    check_nesting(text)
    assert.matches("^<svg class=\"flame\"", text)
    assert.is_nil(text:find "<script" or text:find "<style" or text:find "<%?xml")
  end)

  it("refuses counts that are none", function()
    for _, count in ipairs {0, -1, 1.5, "2"} do
      local ok, err = pcall(graph.tree, {{names = {"f"}, count = count}})
      assert.are.same({false, "inval"}, {ok, err.code})
    end
  end)

  it("draws every frame, with a title", function()
    local text, size = svg_of(STACKS, {title = "T"})
    check_nesting(text)
    assert.are.same({frames = 7, left_out = 0}, size)
    assert.matches("<title>T</title>", text, 1, true)
    assert.matches("<title>all (11 stacks, 100.00%)</title>", text, 1, true)
    assert.matches("<title>g (4 stacks, 36.36%)</title>", text, 1, true)
    assert.matches("<title>h [m] (5 stacks, 45.45%)</title>", text, 1, true)
    assert.matches('width="1200"', text)
    assert.matches('width="500"', (svg_of(STACKS, {width = 500})))
  end)

  it("places frames above their callers, side by side", function()
    local text = svg_of(STACKS, {width = 1120})
    local at = {}
    for name, x, y, w in text:gmatch '<title>([^<]-) %([^<]*</title><rect x="(.-)" y="(.-)" width="(.-)"' do
      at[#at + 1] = {name, tonumber(x), tonumber(y), tonumber(w)}
    end
    assert.are.same({"all", 10, 111, 1100}, at[1])
    assert.are.same({"cat", 10, 94, 500}, at[2])
    assert.are.same({"h [m]", 10, 60, 500}, at[4])
    assert.are.same({"init", 510, 94, 600}, at[5])
    assert.are.same({"g", 510, 60, 400}, at[7])
  end)

  it("tells kinds apart, and gives a name one colour", function()
    local text = svg_of {{root = "[x]", names = {"[irq stack]", "0xffffffffc0000000", "f", "h [m]"}}, {root = "y", names = {"f"}}}
    local kinds, colours = {}, {}
    for kind, name, colour in text:gmatch 'class="frame (%a+)"[^>]*><title>([^<]-) %([^<]*</title><rect[^>]*fill="(#%x+)"' do
      kinds[name], colours[name] = kind, colours[name] or colour
      assert.are.equal(colours[name], colour)
    end
    assert.are.same({all = "root", ["[x]"] = "root", y = "root", ["[irq stack]"] = "marker", ["0xffffffffc0000000"] = "marker",
      f = "kernel", ["h [m]"] = "module"}, kinds)
    assert.are_not.equal(colours.f, colours["h [m]"])
  end)

  it("lets nothing of a name through", function()
    local text = svg_of({{root = EVIL, names = {EVIL, EVIL .. " [" .. EVIL .. "]"}}}, {title = EVIL})
    check_nesting(text)
    assert.are.equal(1, select(2, text:gsub("<script", "")))
    assert.are.equal(1, select(2, text:gsub("]]>", "", nil)))
    assert.matches("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;]]&gt;\\x1b[2J\\n\\xff\\xef\\xbf\\xbf", text, 1, true)
    assert.is_nil(text:find "[%c\127]" and text:gsub("\n", ""):find "[%c\127]")
    assert.is_truthy(utf8.len(text))
  end)

  it("refers to nothing outside", function()
    local text = svg_of(STACKS):gsub('xmlns="http://www.w3.org/2000/svg"', ""):gsub('"http://www.w3.org/[12][%w/]+"', "")
    for _, what in ipairs {"://", "href", "src=", "@import", "url(", "<!DOCTYPE", "<!ENTITY"} do
      assert.is_nil(text:find(what, 1, true), what)
    end
  end)

  it("clips text to its frame, by characters", function()
    local long = ("\xc3\xa9"):rep(300)
    local text = svg_of({{root = long, names = {}, count = 1}, {root = "tiny", names = {}, count = 1000}}, {width = 500})
    assert.is_nil(text:find(">\xc3\xa9%.*</text>"))
    text = svg_of({{root = long, names = {}}}, {width = 300})
    local words = text:match '<text x="13" y="%d+">(\xc3[^<]*)</text>'
    assert.are.equal((300 - 20 - 6) // 6.7, utf8.len(words))
    assert.matches("%.%.$", words)
  end)

  it("leaves out what can't be seen, and says so", function()
    local stacks = {{root = "wide", names = {"f"}, count = 1000000}}
    for i = 1, 500 do stacks[#stacks + 1] = {root = "narrow" .. i, names = {"g", "h"}} end
    local text, size = svg_of(stacks)
    assert.are.same({frames = 3, left_out = 1500}, size)
    assert.matches("1500 frames narrower than 0.1 px are left out", text, 1, true)
    assert.is_true(#text < 20000)
    assert.is_nil(svg_of(STACKS):find("left out", 1, true))
  end)

  it("draws deep stacks", function()
    local names = {}
    for i = 1, 5000 do names[i] = "f" .. i end
    local text, size = svg_of {{names = names}}
    assert.are.equal(5001, size.frames)
    check_nesting(text)
    assert.matches("f5000 1\n$", graph.folded(graph.tree {{names = names}}))
  end)

  it("refuses to draw nothing, and on nothing", function()
    for _, bad in ipairs {{{}, {}}, {STACKS, {width = 100}}, {STACKS, {width = 1e9}}, {STACKS, {width = 300.5}}} do
      local ok, err = pcall(svg_of, bad[1], bad[2])
      assert.are.same({false, "inval"}, {ok, err.code})
    end
  end)
end)
