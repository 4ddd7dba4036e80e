-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local timerqueue = require "kvm.linux.timerqueue"

local DECLARATIONS = [[
  struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right; struct rb_node *rb_left; };
  struct rb_root { struct rb_node *rb_node; };
  struct rb_root_cached { struct rb_root rb_root; struct rb_node *rb_leftmost; };
  struct rb_node_linked { struct rb_node node; struct rb_node_linked *prev, *next; };
  struct rb_root_linked { struct rb_root rb_root; struct rb_node_linked *rb_leftmost; };
  struct timerqueue_node { struct rb_node node; long expires; };
  struct timerqueue_head { struct rb_root_cached rb_root; };
  struct timerqueue_linked_node { struct rb_node_linked node; long expires; };
  struct timerqueue_linked_head { struct rb_root_linked rb_root; };
  struct timer { long id; struct timerqueue_node node; };
  struct linked { long id; struct timerqueue_linked_node node; };
]]
local HEAD = memory.START
local function at(i) return memory.START + 0x100 * i end -- a timer; its node lies 8 behind

describe("kvm.linux.timerqueue", function()
  harness.guard()
  local k, head

  -- Node 2 above 1 and 3, which are red.
  local function make(struct, path)
    local n = {at(1) + 8, at(2) + 8, at(3) + 8}
    for i, m in ipairs {{n[2], 0, 0}, {1, n[1], n[3]}, {n[2], 0, 0}} do
      memory.set(k, struct, at(i), {id = i, ["node.expires"] = i * 10, [path .. "__rb_parent_color"] = m[1], [path .. "rb_left"] = m[2],
        [path .. "rb_right"] = m[3]})
    end
    return n
  end
  before_each(function()
    k = memory.open(DECLARATIONS)
    head = k:object(HEAD, "struct timerqueue_head")
    local n = make("struct timer", "node.node.")
    memory.set(k, "struct timerqueue_head", HEAD, {["rb_root.rb_root.rb_node"] = n[2], ["rb_root.rb_leftmost"] = n[1]})
  end)

  local function ids(step) return memory.collect(step, function(o) return o.id end) end

  it("gives nodes and entries in order", function()
    assert.are.same({10, 20, 30}, (memory.collect(timerqueue.for_each(head), function(n) return n.expires end)))
    assert.are.same({1, 2, 3}, (ids(timerqueue.for_each_entry("struct timer", head, "node"))))
    assert.are.same({10, 3}, {timerqueue.getnext(head).expires, timerqueue.validate(head)})
    local got, err = memory.collect(timerqueue.for_each(head, 2))
    assert.are.same({2, "format"}, {#got, err.code})
    memory.set(k, "struct timerqueue_head", HEAD, {["rb_root.rb_root.rb_node"] = 0, ["rb_root.rb_leftmost"] = 0})
    assert.are.same({0, nil}, {timerqueue.validate(head), timerqueue.getnext(head)})
  end)

  it("reads queues whose nodes are linked", function()
    local linked, n = k:object(HEAD, "struct timerqueue_linked_head"), make("struct linked", "node.node.node.")
    for i = 1, 3 do
      memory.set(k, "struct linked", at(i), {["node.node.prev"] = n[i - 1] or 0, ["node.node.next"] = n[i + 1] or 0})
    end
    assert.are.same({1, 2, 3}, (ids(timerqueue.for_each_entry("struct linked", linked, "node"))))
    assert.are.same({10, 3}, {timerqueue.getnext(linked).expires, timerqueue.validate(linked)})
    for i, damage in ipairs {{["node.node.prev"] = n[3]}, {["node.node.next"] = n[1]}, {["node.node.next"] = n[1]}} do
      local before = k:read(at(i), 64)
      memory.set(k, "struct linked", at(i), damage)
      local count, err = timerqueue.validate(linked)
      assert.are.same({nil, "format", n[i]}, {count, err.code, err.addr})
      assert(k:write(at(i), before))
    end
  end)

  it("finds nodes that are out of order, and damaged trees", function()
    memory.set(k, "struct timer", at(2), {["node.expires"] = 31})
    local n, err = timerqueue.validate(head)
    assert.are.same({nil, "format", at(3) + 8}, {n, err.code, err.addr})
    memory.set(k, "struct timer", at(2), {["node.expires"] = 20, ["node.node.rb_right"] = memory.UNMAPPED})
    n, err = timerqueue.validate(head)
    assert.are.same({nil, "fault"}, {n, err.code})
  end)

  it("refuses what is no queue", function()
    for _, f in ipairs {timerqueue.for_each, timerqueue.getnext, timerqueue.validate} do
      assert.has_error(function() f(k:object(HEAD, "struct timer")) end)
    end
    assert.has_error(function() timerqueue.for_each_entry("struct timer", 5, "node") end)
    assert.are.equal("struct timerqueue_node", kvm.typeof(timerqueue.getnext(head)):spell())
  end)
end)
