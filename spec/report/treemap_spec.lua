-- SPDX-License-Identifier: BSD-2-Clause
local treemap = require "kvm.report.treemap"

describe("kvm.report.treemap", function()
  it("gives each its share of the area, inside of it, none over another", function()
    math.randomseed(1)
    for _ = 1, 20 do
      local items, sum = {}, 0
      for i = 1, math.random(1, 40) do
        items[i] = {bytes = math.random(1, 1 << math.random(1, 20))}
        sum = sum + items[i].bytes
      end
      table.sort(items, function(a, b) return a.bytes > b.bytes end)
      treemap.place(items, {x = 10, y = 20, w = 300, h = 100})
      for i, a in ipairs(items) do
        assert.is_true(math.abs(a.w * a.h - 30000 * a.bytes / sum) < 0.01)
        assert.is_true(a.x > 9.999 and a.y > 19.999 and a.x + a.w < 310.001 and a.y + a.h < 120.001)
        for j = i + 1, #items do
          local b = items[j]
          local wide = math.min(a.x + a.w, b.x + b.w) - math.max(a.x, b.x)
          local high = math.min(a.y + a.h, b.y + b.h) - math.max(a.y, b.y)
          assert.is_true(wide < 0.001 or high < 0.001)
        end
      end
    end
  end)

  it("escapes names, and is none where nobody has memory", function()
    local html = treemap.html {{name = "<a>", bytes = 8192, named = {{name = "<b>", bytes = 4096}}}, {name = "c", bytes = 4096, named = {}}}
    assert.is_nil(html:find "<[ab]>")
    assert.is_truthy(html:find("&lt;b&gt;", 1, true) and html:find("8.0 KiB", 1, true))
    assert.is_nil(treemap.html {})
  end)
end)
