-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local plist = require "kvm.linux.plist"

describe("kvm.linux.plist", function()
  harness.guard()
  local k, head
  local HEAD = memory.START
  local function node(i) return memory.START + 0x100 + 0x40 * i end
  local function ring(nodes, offset)
    for i, at in ipairs(nodes) do
      local next_at = nodes[i % #nodes + 1]
      assert(k:write(at + offset(at), ("<I8"):pack(next_at + offset(next_at))))
      assert(k:write(next_at + offset(next_at) + 8, ("<I8"):pack(at + offset(at))))
    end
  end

  -- Nodes of these priorities; FIRSTS: those in prio_list.
  local function make(priorities, firsts)
    k = memory.open("struct plist_head { struct list_head node_list; }; "
      .. "struct plist_node { int prio; struct list_head prio_list, node_list; }; "
      .. "struct item { struct plist_node node; long id; };")
    head = k:object(HEAD, "struct plist_head")
    local all, chosen = {HEAD}, {}
    for i, prio in ipairs(priorities) do
      all[i + 1] = node(i)
      assert(k:write(node(i), ("<i4i4I8I8I8I8i8"):pack(prio, 0, 0, 0, 0, 0, i)))
    end
    for i, n in ipairs(firsts) do chosen[i] = node(n) end
    ring(all, function(at) return at == HEAD and 0 or 24 end)
    ring(chosen, function() return 8 end)
  end

  it("gives nodes by priority, and validates them", function()
    make({-5, -5, 0, 7, 7}, {1, 3, 4})
    assert.are.same({1, 2, 3, 4, 5}, (memory.collect(plist.for_each_entry("struct item", head, "node"), function(o) return o.id end)))
    assert.are.equal(5, plist.validate(head))
    make({}, {})
    assert.are.equal(0, plist.validate(head))
  end)

  it("tells what is out of order", function()
    make({1, 3, 2}, {1, 2, 3})
    local got, err = memory.collect(plist.for_each(head), function(n) return n.prio end)
    assert.are.same({{1, 3}, "format", node(3)}, {got, err.code, err.addr})
    for _, firsts in ipairs {{1}, {1, 3}, {1, 2, 3}, {1, 3, 4, 5}} do
      make({1, 1, 2, 3}, firsts[4] and {1, 3, 4, 2} or firsts)
      assert.are.equal("format", select(2, plist.validate(head)).code)
    end
    assert.has_error(function() plist.for_each(k:object(HEAD, "struct item")) end)
  end)
end)
