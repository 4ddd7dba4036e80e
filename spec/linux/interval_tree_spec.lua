-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local interval_tree = require "kvm.linux.interval_tree"
local memory = require "spec.support.memory"

local DECLARATIONS = [[
  struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right; struct rb_node *rb_left; };
  struct rb_root { struct rb_node *rb_node; };
  struct rb_root_cached { struct rb_root rb_root; struct rb_node *rb_leftmost; };
  struct interval_tree_node { struct rb_node rb; unsigned long start, last, __subtree_last; };
]]
local ROOT = memory.START
local function at(i) return memory.START + 0x40 * i end

-- By number: parent, left, right, colour, start, last, the highest last value below
local TREE = {{2, 0, 0, 1, 0, 5, 5}, {0, 1, 4, 1, 10, 90, 90}, {4, 0, 0, 0, 20, 25, 25}, {2, 3, 5, 1, 30, 31, 70}, {4, 0, 0, 0, 60, 70, 70}}

describe("kvm.linux.interval_tree", function()
  harness.guard()
  local k, root

  local function node(i) return i == 0 and 0 or at(i) end
  before_each(function()
    k = memory.open(DECLARATIONS)
    root = k:object(ROOT, "struct rb_root_cached")
    memory.set(k, "struct rb_root_cached", ROOT, {["rb_root.rb_node"] = at(2), rb_leftmost = at(1)})
    for i, n in ipairs(TREE) do
      memory.set(k, "struct interval_tree_node", at(i), {["rb.__rb_parent_color"] = node(n[1]) | n[4], ["rb.rb_left"] = node(n[2]),
        ["rb.rb_right"] = node(n[3]), start = n[5], last = n[6], __subtree_last = n[7]})
    end
  end)

  local function starts(...)
    return memory.collect(interval_tree.for_each(root, interval_tree.RANGES, ...), function(n) return n.start end)
  end

  it("gives the entries that overlap a range", function()
    assert.are.same({0, 10, 20, 30, 60}, (starts()))
    for _, case in ipairs {{0, 0, {0}}, {6, 9, {}}, {5, 10, {0, 10}}, {26, 29, {10}}, {31, 60, {10, 30, 60}}, {80, 1000, {10}},
      {91, 1000, {}}} do
      assert.are.same(case[3], (starts(case[1], case[2])))
    end
  end)

  it("does not go where nothing overlaps", function()
    memory.set(k, "struct interval_tree_node", at(5), {["rb.__rb_parent_color"] = 0})
    memory.set(k, "struct interval_tree_node", at(4), {__subtree_last = 31})
    assert.are.same({10}, (starts(80, 90)))
  end)

  it("validates order and the highest values", function()
    assert.are.equal(5, interval_tree.validate(root, interval_tree.RANGES))
    local function damage(i, members, where)
      local before = k:read(at(i), 48)
      memory.set(k, "struct interval_tree_node", at(i), members)
      local n, err = interval_tree.validate(root, interval_tree.RANGES)
      assert.are.same({nil, "format", at(where)}, {n, err.code, err.addr})
      assert(k:write(at(i), before))
    end
    damage(4, {__subtree_last = 69}, 4)
    damage(5, {last = 71}, 5)
    damage(3, {start = 9}, 3)
    damage(1, {["rb.__rb_parent_color"] = at(4) | 1}, 1)
  end)

  it("stops where the tree is damaged", function()
    memory.set(k, "struct interval_tree_node", at(3), {["rb.__rb_parent_color"] = at(2)})
    local got, err = starts()
    assert.are.same({{0, 10}, "format", at(3)}, {got, err.code, err.addr})
    memory.set(k, "struct interval_tree_node", at(4), {["rb.rb_left"] = memory.UNMAPPED})
    got, err = starts()
    assert.are.same({{0, 10}, "fault"}, {got, err.code})
  end)

  it("wants to know what the tree is of", function()
    assert.has_error(function() interval_tree.for_each(root, "struct interval_tree_node") end)
    assert.has_error(function() interval_tree.validate(root) end)
  end)
end)
