-- SPDX-License-Identifier: BSD-2-Clause
local wait_graph = require "kvm.report.wait_graph"

describe("kvm.report.wait_graph", function()
  local function task(n) return {key = n, pid = n, comm = "<t" .. n .. ">"} end

  it("draws who waits for whom, and circles as such", function()
    local a, b, c = task(1), task(2), task(3)
    local html, left = wait_graph.html {
      {task = a, lock = 10, lock_name = "mutex <x>", owner = b}, {task = b, lock = 11, lock_name = "mutex y", owner = a},
      {task = c, lock = 10, lock_name = "mutex <x>", owner = b},
    }
    assert.are.equal(0, left)
    assert.is_nil(html:find "<[tx]%d?>")
    assert.is_true(select(2, html:gsub("edge circle", "")) >= 2)
    assert.is_truthy(html:find("mutex &lt;x&gt;", 1, true))
    for n = 1, 3 do assert.is_truthy(html:find("&lt;t" .. n .. "&gt;", 1, true)) end
  end)

  it("has no circle where there is none, and nothing where nobody waits", function()
    local html = wait_graph.html {{task = task(1), lock = 10, lock_name = "l", owner = task(2)}}
    assert.is_nil(html:find("edge circle", 1, true))
    assert.is_nil((wait_graph.html {}))
  end)
end)
