-- SPDX-License-Identifier: BSD-2-Clause
local task_tree = require "kvm.cmd.task_tree"

-- {tid, ppid[, pid]}...: what came out, as "depth:tid".
local function sorted(...)
  local list, out = {}, {}
  for i, t in ipairs {...} do list[i] = {tid = t[1], ppid = t[2], pid = t[3] or t[1]} end
  for i, p in ipairs(task_tree.sort(list)) do out[i] = ("%d:%d"):format(p.depth, p.tid) end
  return table.concat(out, " ")
end

describe("kvm.cmd.task_tree", function()
  it("puts tasks below their parents, threads below their process", function()
    assert.are.equal("0:1 1:3 2:5 2:6 1:4 0:2", sorted({2, 0}, {6, 3}, {4, 1}, {1, 0}, {3, 1}, {5, 1, 3}))
  end)

  it("makes roots of those whose parents are not there", function()
    assert.are.equal("0:7 1:8 0:9", sorted({9, 4}, {8, 7}, {7, 4}))
    assert.are.equal("", sorted())
  end)

  it("gives all of those who are their own ancestors", function()
    assert.are.equal("0:1 0:2 1:3", sorted({1, 1}, {2, 3}, {3, 2}))
  end)

  it("does not mind how deep a tree is", function()
    local list = {}
    for i = 1, 200000 do list[i] = {tid = i, pid = i, ppid = i - 1} end
    list = task_tree.sort(list)
    assert.are.same({200000, 199999}, {#list, list[200000].depth})
  end)
end)
