-- SPDX-License-Identifier: BSD-2-Clause
local svg = require "kvm.report.svg"

describe("kvm.report.svg", function()
  it("writes numbers short", function()
    assert.are.same({"0.5", "12.5%", "3"}, {svg.number(0.50), svg.percent(12.5), svg.number(3.0)})
  end)

  it("escapes what it shows", function()
    local box = svg.box {x = "0", y = "0", width = "5%", height = "9", class = "k", title = "<script>", lines = {"a&b"}, link = "tasks?q=1"}
    assert.is_nil(box:find("<script>", 1, true))
    assert.is_truthy(box:find("&lt;script&gt;", 1, true) and box:find("a&amp;b", 1, true) and box:find('#tasks?q=1"', 1, true))
  end)
end)
