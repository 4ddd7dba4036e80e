-- SPDX-License-Identifier: BSD-2-Clause
-- The script in a browser that has no window, where there is one: a second script is put behind it, which clicks and types, and
-- writes what it sees into the document.
local browser = require "spec.support.browser"
local graph = require "kvm.flame_graph"
local harness = require "spec.support.harness"
local script = require "kvm.flame_graph.script"

local STACKS = {
  {root = "cat", names = {"entry", "read", "wait [m]", "schedule"}, count = 4},
  {root = "cat", names = {"entry", "write"}, count = 1},
  {root = "<script>alert(1)</script>]]>", names = {"entry", "schedule", "schedule"}, count = 3},
  {root = "idle", names = {"entry"}, count = 2},
}

-- Runs TEST, the body of a function, in a browser: what it told, by its keys, and what the console says.
local function in_browser(svg, test)
  local driver = ([=[<script><![CDATA[
    const told = [];
    function tell(key, value) { told.push(key + "=" + value); }
    function frame(name, nth) {
      return Array.from(document.querySelectorAll(".frame"), function (g) { return g; }).filter(function (g) {
        return g.querySelector("title").textContent.startsWith(name + " (");
      })[nth || 0];
    }
    function click(e) { e.dispatchEvent(new MouseEvent("click", {bubbles: true})); }
    function press(key, e) { (e || document.activeElement).dispatchEvent(new KeyboardEvent("keydown", {key: key, bubbles: true})); }
    function search(text) {
      const input = document.getElementById("search");
      input.value = text;
      input.dispatchEvent(new Event("input", {bubbles: true}));
    }
    function shown() {
      return Array.from(document.querySelectorAll(".frame")).filter(function (g) { return g.style.display !== "none"; }).length;
    }
    function wide(g) { return Math.round(+g.querySelector("rect").getAttribute("width")); }
    function words(g) { const t = g.querySelector("text"); return t ? t.textContent : ""; }
    function focused() { return document.activeElement.querySelector("title").textContent; }
    try { %s } catch (e) { tell("raised", e); }
    const out = document.createElementNS("http://www.w3.org/2000/svg", "desc");
    out.textContent = "{{" + told.join("|") + "}}";
    document.documentElement.appendChild(out);
  ]]></script></svg>]=]):format(test)
  local file = harness.temp() .. ".svg"
  local f = assert(io.open(file, "w"))
  f:write((svg:gsub("</svg>%s*$", function() return driver end)))
  f:close()
  local text, console = browser.run(file)
  os.remove(file)
  local seen = {}
  for key, value in (text:match "<desc>{{(.-)}}" or "nothing=" .. text):gmatch "([^|=]+)=([^|]*)" do seen[key] = value end
  seen.console = console
  return seen
end

describe("kvm.flame_graph.script", function()
  harness.guard()

  it("can stand in CDATA", function()
    assert.is_nil(script:find("]]>", 1, true))
    assert.is_nil(script:find "[^\n -~]")
  end)

  if not browser.path() then
    pending "in a browser: there is no Chromium"
    return
  end

  local function run(test, opts)
    local svg = graph.svg(graph.tree(STACKS), opts)
    return in_browser(svg, test)
  end

  it("zooms by click, and resets", function()
    local seen = run [[
      tell("all", shown());
      click(frame("wait [m]").querySelector("rect"));
      tell("zoomed", shown());
      tell("wide", [wide(frame("wait [m]")), wide(frame("cat")), wide(frame("schedule", 2))]);
      tell("outer", [frame("cat").classList.contains("outer"), frame("wait [m]").classList.contains("outer")]);
      tell("enabled", !document.getElementById("reset").disabled);
      click(document.getElementById("reset"));
      tell("again", shown());
      tell("narrow", wide(frame("wait [m]")));
    ]]
    assert.are.same({all = "13", zoomed = "6", wide = "1180,1180,1180", outer = "true,false", enabled = "true", again = "13",
      narrow = "472"},
      seen)
  end)

  it("searches, and counts each stack once", function()
    local seen = run [[
      search("SCHED");
      tell("found", document.getElementById("result").textContent);
      tell("marked", document.querySelectorAll(".match").length);
      search("^(read|write)$");
      tell("both", document.getElementById("result").textContent);
      search("[");
      tell("bad", document.getElementById("result").textContent + document.querySelectorAll(".match").length);
      search("");
      tell("none", document.getElementById("result").textContent + document.querySelectorAll(".match").length);
    ]]
    assert.are.same({found = "70.00% (7) match", marked = "3", both = "50.00% (5) match", bad = "no regular expression0", none = "0"}, seen)
  end)

  it("goes by keys", function()
    local seen = run [[
      frame("all").focus();
      press("ArrowUp"); press("ArrowRight"); tell("right", focused());
      press("ArrowUp"); press("ArrowUp"); tell("up", focused());
      tell("status", document.getElementById("status").textContent);
      press("Enter"); tell("zoomed", shown());
      press("ArrowDown"); tell("down", focused());
      press("Escape"); tell("reset", wide(frame("write")));
      press("/"); tell("search", document.activeElement.id);
      search("read"); press("Escape"); tell("cleared", document.querySelectorAll(".match").length);
      tell("stops", document.querySelectorAll(".frame[tabindex='0']").length);
    ]]
    assert.are.same({right = "cat (5 stacks, 50.00%)", up = "read (4 stacks, 40.00%)", status = "read (4 stacks, 40.00%)", zoomed = "6",
      down = "entry (5 stacks, 50.00%)", reset = "118", search = "search", cleared = "0", stops = "1"}, seen)
  end)

  it("writes as much text as there is room for", function()
    local seen = run([[
      tell("before", words(frame("write")));
      click(frame("write"));
      tell("after", words(frame("write")));
      tell("alerts", document.querySelectorAll("script").length);
      const over = Array.from(document.querySelectorAll(".frame text")).filter(function (t) {
        return t.textContent && t.getBBox().width > +t.parentNode.querySelector("rect").getAttribute("width");
      });
      tell("over", over.length);
    ]], {width = 300})
    assert.are.same({before = "w..", after = "write", alerts = "2", over = "0"}, seen)
  end)
end)
