-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local hlist = require "kvm.linux.hlist"
local kvm = require "kvm"
local memory = require "spec.support.memory"

local DECLARATIONS = [[
  struct hlist_node { struct hlist_node *next, **pprev; };
  struct hlist_head { struct hlist_node *first; };
  struct hlist_nulls_node { struct hlist_nulls_node *next, **pprev; };
  struct hlist_nulls_head { struct hlist_nulls_node *first; };
  struct item { long n; struct hlist_node node; };
  struct nulls_item { long n; struct hlist_nulls_node node; };
]]
local HEAD = memory.START
local function item(i) return memory.START + 0x100 + 0x40 * i end

describe("kvm.linux.hlist", function()
  harness.guard()
  local k

  local function u64(addr, v) assert(k:write(addr, ("<I8"):pack(v))) end
  -- Items hang at HEAD in that order; END is what the last one leads to.
  local function hang(at, list, last)
    local from = at
    for _, i in ipairs(list) do
      u64(item(i), i)
      u64(from, item(i) + 8)
      u64(item(i) + 16, from)
      from = item(i) + 8
    end
    u64(from, last or 0)
  end
  before_each(function()
    k = memory.open(DECLARATIONS)
    hang(HEAD, {1, 2, 3})
  end)

  local function numbers(step) return memory.collect(step, function(o) return o.n end) end
  local function head(at) return k:object(at or HEAD, "struct hlist_head") end

  it("gives nodes and entries", function()
    assert.are.same({item(1) + 8, item(2) + 8, item(3) + 8}, (memory.collect(hlist.for_each(head()), kvm.addr)))
    assert.are.same({1, 2, 3}, (numbers(hlist.for_each_entry("struct item", head(), "node"))))
    assert.are.same({1, 2, 3}, (numbers(hlist.for_each_entry(k:type "struct item", head(), "node", 3))))
    assert.are.same({3, 3}, {hlist.count(head()), hlist.validate(head())})
    assert.is_false(hlist.empty(head()))
    hang(HEAD, {})
    assert.is_true(hlist.empty(head()))
    assert.are.same({}, (numbers(hlist.for_each_entry("struct item", head(), "node"))))
  end)

  it("ends a nulls list at its odd value", function()
    hang(HEAD, {1, 2}, 0x21)
    local nulls = k:object(HEAD, "struct hlist_nulls_head")
    assert.are.same({1, 2}, (numbers(hlist.for_each_entry("struct nulls_item", nulls, "node"))))
    hang(HEAD, {}, 0x21)
    assert.is_true(hlist.empty(nulls))
    assert.are.equal(0, hlist.count(nulls))
  end)

  it("gives the entries of a table", function()
    hang(HEAD, {})
    hang(HEAD + 8, {1, 2})
    hang(HEAD + 16, {})
    hang(HEAD + 24, {5})
    assert.are.same({1, 2, 5}, (numbers(hlist.for_each_in_table("struct item", k:object(HEAD, "struct hlist_head[4]"), "node"))))
    assert.are.same({1, 2, 5}, (numbers(hlist.for_each_in_table("struct item", head(), "node", 4))))
    assert.are.same({1, 2}, (numbers(hlist.for_each_in_table("struct item", k:object(HEAD, "struct hlist_head[3]"), "node"))))
    local _, err = kvm.try(hlist.for_each_in_table, "struct item", head(), "node", 1 << 40)
    assert.are.equal("format", err.code)
    u64(item(1) + 16, 5)
    local got
    got, err = numbers(hlist.for_each_in_table("struct item", head(), "node", 4))
    assert.are.same({{}, "format"}, {got, err.code})
  end)

  it("stops where a node does not lead back, and does not run in a circle", function()
    u64(item(3) + 16, item(1) + 8)
    local got, err = numbers(hlist.for_each_entry("struct item", head(), "node"))
    assert.are.same({{1, 2}, "format", item(3) + 8}, {got, err.code, err.addr})
    hang(HEAD, {1, 2, 3}, item(2) + 8)
    got, err = numbers(hlist.for_each_entry("struct item", head(), "node"))
    assert.are.same({{1, 2, 3}, "format"}, {got, err.code})
    local n
    n, err = hlist.validate(head())
    assert.are.same({nil, "format", item(2) + 8}, {n, err.code, err.addr})
  end)

  it("stops at memory that is not there, and at a bound", function()
    hang(HEAD, {1}, memory.UNMAPPED)
    local got, err = numbers(hlist.for_each_entry("struct item", head(), "node"))
    assert.are.same({{1}, "fault"}, {got, err.code})
    hang(HEAD, {1, 2, 3})
    got, err = numbers(hlist.for_each_entry("struct item", head(), "node", 2))
    assert.are.same({{1, 2}, "format"}, {got, err.code})
  end)

  it("refuses what is no list", function()
    for _, name in ipairs {"for_each", "empty", "count"} do
      assert.has_error(function() hlist[name](k:object(HEAD, "struct item")) end)
    end
  end)
end)
