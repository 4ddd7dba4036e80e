-- SPDX-License-Identifier: BSD-2-Clause
local bars = require "kvm.report.bars"

describe("kvm.report.bars", function()
  it("has a bar for each, with its number, as long as that is large", function()
    local html = bars.html({{name = "<S>", count = 30, link = "tasks?q=S"}, {name = "D", count = 3}}, "tasks")
    assert.is_nil(html:find("<S>", 1, true))
    assert.is_truthy(html:find("&lt;S&gt;", 1, true) and html:find(">30<", 1, true) and html:find(">3<", 1, true))
    local widths = {}
    for width in html:gmatch 'width="([%d.]+)%%"' do widths[#widths + 1] = tonumber(width) end
    table.sort(widths)
    assert.is_true(math.abs(widths[2] / widths[1] - 10) < 0.5, table.concat(widths, " ")) -- behind them the whole
  end)
end)
