-- SPDX-License-Identifier: BSD-2-Clause
local timeline = require "kvm.report.timeline"

local MS <const> = 1000000

describe("kvm.report.timeline", function()
  it("draws spans in the rows of their CPUs", function()
    local html, narrow = timeline.html {
      {name = "CPU 0", spans = {{name = "<init>", from_ago = 20 * MS, to_ago = 10 * MS, class = "g1"},
        {name = "bash", from_ago = 10 * MS, to_ago = 0, is_open = true, class = "g2"}}},
      {name = "CPU 1", spans = {}},
    }
    assert.is_truthy(html:find("&lt;init&gt;", 1, true) and html:find("runs yet", 1, true) and html:find("CPU 1", 1, true))
    assert.are.equal(0, narrow)
  end)

  it("is none where nothing ran", function()
    assert.is_nil((timeline.html {{name = "CPU 0", spans = {}}}))
  end)
end)
