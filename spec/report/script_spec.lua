-- SPDX-License-Identifier: BSD-2-Clause
-- The page of the sample in a browser, by its address alone: what is asked for behind "#" is what a reader can click and type.
local browser = require "spec.support.browser"
local command = require "spec.support.command"
local harness = require "spec.support.harness"
local script = require "kvm.report.script"

describe("kvm.report.script", function()
  harness.guard()

  it("can stand in an element script", function()
    assert.is_nil(script:find("</", 1, true))
    assert.is_nil(script:find("<!--", 1, true))
  end)

  if not browser.path() then
    pending "in a browser: there is no Chromium"
    return
  end

  local file
  setup(function()
    file = harness.temp() .. ".html"
    assert.are.equal(0, select(3, command.run("report", "examples/panic.kdump", "-o", file)))
  end)
  teardown(function() os.remove(file) end)

  -- The cells of a table's rows, as text; what the console said must be nothing.
  local function rows(id, behind)
    local dom, console = browser.run(file, behind)
    assert.is_nil(console)
    local part = dom:match(('<div id="table%%-%s".-</table>'):format(id)) or error("no table " .. id)
    local out = {}
    for row in part:match "<tbody.->(.*)</tbody>":gmatch "<tr.->(.-)</tr>" do
      local cells = {}
      for cell in row:gmatch "<td.->(.-)</td>" do cells[#cells + 1] = cell:gsub("<[^>]*>", "") end
      out[#out + 1] = cells
    end
    return out, dom
  end

  it("draws tables without a complaint", function()
    local list, dom = rows("tasks", "")
    assert.is_true(#list > 30)
    for _, id in ipairs {"stacks", "log", "modules", "mounts", "slabs"} do
      assert.is_truthy(dom:find('id="table-' .. id .. '"', 1, true) or dom:find('<section id="' .. id .. '"', 1, true), id)
    end
    assert.is_truthy(dom:find '<p class="verdict')
  end)

  it("searches all columns", function()
    local list = rows("tasks", "#tasks?q=kthreadd")
    assert.is_true(#list >= 1 and #list < 5)
    for _, row in ipairs(list) do assert.is_truthy(table.concat(row, " "):find "kthreadd") end
    assert.are.equal(0, #rows("tasks", "#tasks?q=no-such-task-at-all"))
  end)

  it("sorts numbers as numbers, both ways", function()
    local function pids(how)
      local out = {}
      for i, row in ipairs(rows("tasks", "#tasks?sort=" .. how)) do
        for _, cell in ipairs(row) do
          local n = cell:match "^%d+$"
          if n then
            out[i] = tonumber(n)
            break
          end
        end
      end
      return out
    end
    local up, down = pids "tid", pids "-tid"
    for i = 2, #up do assert.is_true(up[i - 1] <= up[i]) end
    for i = 2, #down do assert.is_true(down[i - 1] >= down[i]) end
    assert.is_true(up[1] < 3 and down[1] > 100)
  end)

  it("filters the log by level", function()
    local all, few = rows("log", "#log"), rows("log", "#log?level=2")
    assert.is_true(#few > 0 and #few < #all)
  end)
end)
