-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local rbtree = require "kvm.linux.rbtree"

local DECLARATIONS = [[
  struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right; struct rb_node *rb_left; };
  struct rb_root { struct rb_node *rb_node; };
  struct rb_root_cached { struct rb_root rb_root; struct rb_node *rb_leftmost; };
  struct leaf { long key; struct rb_node node; };
]]
local ROOT, CACHED = memory.START, memory.START + 16
local function at(key) return memory.START + 0x100 + 0x40 * key end -- an entry; its node lies 8 behind

-- The tree of the keys 1 to 7, and of 8 below 7; the lowest level is red.
local TREE = {[4] = {0, 2, 6, 1}, [2] = {4, 1, 3, 1}, [6] = {4, 5, 7, 1}, [1] = {2, 0, 0, 1}, [3] = {2, 0, 0, 1},
  [5] = {6, 0, 0, 1}, [7] = {6, 0, 8, 1}, [8] = {7, 0, 0, 0}}

describe("kvm.linux.rbtree", function()
  harness.guard()
  local k, root, cached

  local function node(key) return key == 0 and 0 or at(key) + 8 end
  before_each(function()
    k = memory.open(DECLARATIONS)
    root, cached = k:object(ROOT, "struct rb_root"), k:object(CACHED, "struct rb_root_cached")
    memory.set(k, "struct rb_root", ROOT, {rb_node = node(4)})
    memory.set(k, "struct rb_root_cached", CACHED, {["rb_root.rb_node"] = node(4), rb_leftmost = node(1)})
    for key, n in pairs(TREE) do
      memory.set(k, "struct leaf", at(key), {key = key, ["node.__rb_parent_color"] = node(n[1]) | n[4], ["node.rb_left"] = node(n[2]),
        ["node.rb_right"] = node(n[3])})
    end
  end)

  local function keys(step) return memory.collect(step, function(o) return o.key end) end
  local function walk(how, ...) return keys(rbtree[how]("struct leaf", root, "node", ...)) end

  it("gives entries in order, backwards, and each before those below", function()
    assert.are.same({1, 2, 3, 4, 5, 6, 7, 8}, (walk "for_each_entry"))
    assert.are.same({8, 7, 6, 5, 4, 3, 2, 1}, (walk "for_each_entry_reverse"))
    assert.are.same({4, 2, 1, 3, 6, 5, 7, 8}, (walk "for_each_entry_preorder"))
    assert.are.same({1, 2, 3, 4, 5, 6, 7, 8}, (keys(rbtree.for_each_entry(k:type "struct leaf", cached, "node"))))
    local nodes = memory.collect(rbtree.for_each(root), kvm.addr)
    assert.are.same({node(1), node(8), 8}, {nodes[1], nodes[8], #nodes})
    assert.are.same({node(8)}, {memory.collect(rbtree.for_each_reverse(root), kvm.addr)[1]})
  end)

  it("gives each behind those below, and only what is asked for", function()
    assert.are.same({1, 3, 2, 5, 8, 7, 6, 4}, (walk "for_each_entry_postorder"))
    assert.are.same({1, 2, 3, 4}, (walk("for_each_entry_below", function(o) return o.key ~= 6 end)))
    assert.are.same({4, 5, 6, 7, 8}, (walk("for_each_entry_below", function(o) return o.key >= 4 end)))
  end)

  it("goes from a node to its neighbours", function()
    for key = 1, 8 do
      local o = k:object(node(key), "struct rb_node")
      assert.are.same({key < 8 and node(key + 1) or nil, key > 1 and node(key - 1) or nil},
        {rbtree.next(o) and kvm.addr(rbtree.next(o)), rbtree.prev(o) and kvm.addr(rbtree.prev(o))})
    end
    memory.set(k, "struct leaf", at(3), {["node.__rb_parent_color"] = node(6) | 1})
    for _, f in ipairs {"next", "prev"} do
      assert.are.equal(node(3), select(2, kvm.try(rbtree[f], k:object(node(3), "struct rb_node"))).addr)
      assert.has_error(function() rbtree[f](root) end)
    end
  end)

  it("finds the first, the last, and one by its key", function()
    assert.are.equal(1, rbtree.first("struct leaf", root, "node").key)
    assert.are.equal(8, rbtree.last("struct leaf", root, "node").key)
    for key = 0, 9 do
      local steps = 0
      local found = rbtree.find("struct leaf", root, "node", function(o)
        steps = steps + 1
        return key - o.key
      end)
      assert.are.equal(TREE[key] and key or nil, found and found.key)
      assert.is_true(steps <= 4)
    end
  end)

  it("knows an empty tree", function()
    assert.is_false(rbtree.empty(root))
    memory.set(k, "struct rb_root", ROOT, {rb_node = 0})
    assert.is_true(rbtree.empty(root))
    assert.are.same({{}, 0}, {(walk "for_each_entry"), rbtree.validate(root)})
    assert.is_nil(rbtree.first("struct leaf", root, "node"))
    assert.is_nil(rbtree.find("struct leaf", root, "node", function() return 0 end))
  end)

  it("stops where a node does not lead back, at its place", function()
    memory.set(k, "struct leaf", at(5), {["node.__rb_parent_color"] = node(2) | 1})
    local got, err = walk "for_each_entry"
    assert.are.same({{1, 2, 3, 4}, "format", node(5)}, {got, err.code, err.addr})
    got, err = walk "for_each_entry_reverse"
    assert.are.same({{8, 7, 6}, node(5)}, {got, err.addr})
  end)

  it("does not run in a circle", function()
    memory.set(k, "struct leaf", at(8), {["node.rb_right"] = node(4)})
    local got, err = walk "for_each_entry"
    assert.are.same({{1, 2, 3, 4, 5, 6, 7, 8}, "format", node(4)}, {got, err.code, err.addr})
    memory.set(k, "struct leaf", at(8), {["node.rb_right"] = 0})
    memory.set(k, "struct leaf", at(7), {["node.rb_left"] = node(8)})
    got, err = walk "for_each_entry"
    assert.are.same({{1, 2, 3, 4, 5, 6, 8, 7}, node(8)}, {got, err.addr})
    assert.are.equal(node(8), select(2, walk "for_each_entry_preorder").addr)
  end)

  it("stops at memory that is not there, and at a bound", function()
    memory.set(k, "struct leaf", at(3), {["node.rb_left"] = memory.UNMAPPED})
    local got, err = walk "for_each_entry"
    assert.are.same({{1, 2}, "fault"}, {got, err.code})
    memory.set(k, "struct leaf", at(3), {["node.rb_left"] = 0})
    got, err = walk("for_each_entry", 2)
    assert.are.same({{1, 2}, "format"}, {got, err.code})
  end)

  it("validates links, colours and the cached leftmost", function()
    assert.are.same({8, 8}, {rbtree.validate(root), rbtree.validate(cached)})
    local function damage(key, members, where)
      local before = k:read(at(key), 32)
      memory.set(k, "struct leaf", at(key), members)
      local n, err = rbtree.validate(root)
      assert.are.same({nil, "format", where}, {n, err.code, err.addr})
      assert(k:write(at(key), before))
    end
    damage(7, {["node.__rb_parent_color"] = node(6)}, node(8))             -- red below red
    damage(8, {["node.__rb_parent_color"] = node(7) | 1}, node(7))         -- one black node more on the right
    damage(4, {["node.__rb_parent_color"] = 0}, node(4))                   -- a red root
    damage(1, {["node.__rb_parent_color"] = node(6) | 1}, node(1))
    memory.set(k, "struct rb_root_cached", CACHED, {rb_leftmost = node(2)})
    assert.are.equal(node(2), select(2, rbtree.validate(cached)).addr)
  end)

  it("refuses what is no tree", function()
    for _, name in ipairs {"for_each", "for_each_reverse", "empty", "validate"} do
      assert.has_error(function() rbtree[name](k:object(ROOT, "struct leaf")) end)
      assert.has_error(function() rbtree[name](5) end)
    end
    assert.has_error(function() rbtree.for_each_entry("struct leaf", 5, "node") end)
  end)
end)
