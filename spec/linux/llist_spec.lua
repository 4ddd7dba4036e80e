-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local llist = require "kvm.linux.llist"

describe("kvm.linux.llist", function()
  harness.guard()
  local k, head
  local HEAD = memory.START
  local function item(i) return memory.START + 0x100 + 0x10 * i end

  -- A list of the items 1 to N; the last leads to BACK.
  local function make(n, back)
    k = memory.open("struct llist_node { struct llist_node *next; }; struct llist_head { struct llist_node *first; }; "
      .. "struct item { long id; struct llist_node node; };")
    head = k:object(HEAD, "struct llist_head")
    assert(k:write(HEAD, ("<I8"):pack(n > 0 and item(1) + 8 or 0)))
    for i = 1, n do assert(k:write(item(i), ("<i8I8"):pack(i, i < n and item(i + 1) + 8 or back or 0))) end
  end
  local function ids() return memory.collect(llist.for_each_entry("struct item", head, "node"), function(o) return o.id end) end

  it("gives nodes and entries, also from one of them on", function()
    make(3)
    assert.are.same({1, 2, 3}, (ids()))
    local nodes = memory.collect(llist.for_each(head))
    assert.are.equal(3, #nodes)
    assert.are.same({2, 3}, (memory.collect(llist.for_each_entry("struct item", nodes[2], "node"), function(o) return o.id end)))
    assert.are.same({3, false}, {llist.validate(head), llist.empty(head)})
    make(0)
    assert.are.same({0, true, {}}, {llist.validate(head), llist.empty(head), (ids())})
  end)

  it("does not run in circles of any length", function()
    for n = 1, 40 do
      for back = 1, n do
        make(n, item(back) + 8)
        local got, err = ids()
        assert.are.equal("format", err.code)
        assert.is_true(#got >= n and #got < 4 * n + 4)
        assert.are.equal("format", select(2, llist.validate(head)).code)
      end
    end
  end)

  it("stops where it can't go on, and where there are too many", function()
    make(3, memory.UNMAPPED)
    local got, err = ids()
    assert.are.same({{1, 2, 3}, "fault"}, {{table.unpack(got, 1, 3)}, err.code})
    make(3)
    assert.are.equal("format", select(2, llist.validate(head, 2)).code)
    assert.are.equal(3, llist.validate(head, 3))
    assert.has_error(function() llist.for_each(k:object(HEAD, "struct item")) end)
  end)
end)
