-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local maple_tree = require "kvm.linux.maple_tree"
local memory = require "spec.support.memory"

local DECLARATIONS = [[
  enum maple_type { maple_dense, maple_leaf_64, maple_range_64, maple_arange_64 };
  struct maple_tree { unsigned int ma_lock; unsigned int ma_flags; void *ma_root; };
  struct maple_metadata { unsigned char end, gap; };
  struct maple_range_64 { void *parent; unsigned long pivot[15]; union { void *slot[16]; struct { void *pad[15];
    struct maple_metadata meta; }; }; };
  struct maple_arange_64 { void *parent; unsigned long pivot[9]; void *slot[10]; unsigned long gap[10]; struct maple_metadata meta; };
  struct maple_node { union { struct { void *parent; void *slot[31]; }; struct maple_range_64 mr64; struct maple_arange_64 ma64; }; };
]]
local DENSE, LEAF, RANGE, ARANGE = 0, 1, 2, 3
local TREE = memory.START
local function node(i) return memory.START + 0x100 * (i + 1) end
local function child(i, kind) return node(i) | kind << 3 | 4 end
local function root(i, kind) return node(i) | kind << 3 | 4 | 2 end
local PTR = memory.START + 0x1800

describe("kvm.linux.maple_tree", function()
  harness.guard()
  local k, tree

  local function word(addr, v) assert(k:write(addr, ("<i8"):pack(v))) end
  -- parent: nil for the root
  local function make(i, kind, parent, slot, pivots, slots)
    local prefix = ({[DENSE] = "", [LEAF] = "mr64.", [RANGE] = "mr64.", [ARANGE] = "ma64."})[kind]
    local t = k:type("struct maple_node"):strip()
    word(node(i), parent and (node(parent) | slot << 3 | 6) or (TREE | 1))
    for n, pivot in ipairs(pivots) do word(node(i) + t:field(prefix .. "pivot").offset + 8 * (n - 1), pivot) end
    for n = 1, #slots do word(node(i) + t:field(prefix .. "slot").offset + 8 * (n - 1), slots[n]) end
    if kind ~= DENSE then assert(k:write(node(i) + t:field(prefix .. "meta.end").offset, string.char(#slots - 1))) end
  end
  local function set_root(entry) memory.set(k, "struct maple_tree", TREE, {ma_root = entry}) end

  before_each(function()
    k = memory.open(DECLARATIONS)
    tree = k:object(TREE, "struct maple_tree")
    memory.set(k, "struct maple_tree", TREE, {ma_root = root(0, ARANGE), ma_flags = 0})
    make(0, ARANGE, nil, 0, {0xfff, 0x4fff}, {child(1, LEAF), child(2, RANGE), child(3, LEAF)})
    make(1, LEAF, 0, 0, {0xff, 0x1ff, 0xfff}, {0, PTR, 0})
    make(2, RANGE, 0, 1, {0x1fff}, {child(4, LEAF), child(5, DENSE)})
    make(3, LEAF, 0, 2, {0x5fff}, {PTR + 0x30, 0})
    make(4, LEAF, 2, 0, {0x1000, 0x1fff}, {PTR + 0x10, 257 << 2 | 2})
    make(5, DENSE, 2, 1, {}, {PTR + 0x20, 0, PTR + 0x28})
  end)

  local ALL = {{0x100, 0x1ff, PTR}, {0x1000, 0x1000, PTR + 0x10}, {0x2000, 0x2000, PTR + 0x20}, {0x2002, 0x2002, PTR + 0x28},
    {0x5000, 0x5fff, PTR + 0x30}}
  local function triples(step) return memory.collect(step, function(...) return {...} end) end

  it("gives ranges and entries of nodes of all types", function()
    assert.are.same(ALL, (triples(maple_tree.for_each(tree))))
    assert.are.same({ALL[2], ALL[3]}, (triples(maple_tree.for_each(tree, 0x200, 0x2000))))
    assert.are.same({ALL[1]}, (triples(maple_tree.for_each(tree, 0x150, 0x160))))
    assert.are.equal(5, maple_tree.validate(tree))
    local first = maple_tree.for_each_entry("struct maple_range_64", tree, 0x5000)()
    assert.are.equal(PTR + 0x30, require "kvm".addr(first))
  end)

  it("gives the entry of an index", function()
    for index, want in pairs {[0] = 0, [0xff] = 0, [0x100] = PTR, [0x1ff] = PTR, [0x200] = 0, [0x1000] = PTR + 0x10, [0x1001] = 0,
      [0x2001] = 0, [0x2002] = PTR + 0x28, [0x5fff] = PTR + 0x30, [0x6000] = 0, [-1] = 0} do
      assert.are.equal(want, maple_tree.load(tree, index), index)
    end
  end)

  it("has one entry in the root, or none", function()
    set_root(PTR)
    assert.are.same({{0, 0, PTR}}, (triples(maple_tree.for_each(tree))))
    assert.are.same({PTR, 0}, {maple_tree.load(tree, 0), maple_tree.load(tree, 1)})
    set_root(0)
    assert.are.same({}, (triples(maple_tree.for_each(tree))))
  end)

  it("stops at a node that does not fit, at its place", function()
    local function broken(where, at, value, count)
      local before = k:read(at, 8)
      word(at, value)
      local got, err = triples(maple_tree.for_each(tree))
      assert.are.same({count, "format", where}, {#got, err.code, err.addr})
      local n, why = maple_tree.validate(tree)
      assert.are.same({nil, where}, {n, why.addr})
      assert(k:write(at, before))
    end
    broken(node(2), node(2), node(1) | 1 << 3 | 6, 1)  -- another parent
    broken(node(2), node(2), node(0) | 2 << 3 | 6, 1)  -- another slot
    broken(node(0), node(0), TREE + 8 | 1, 0)          -- another tree
    broken(node(1), node(1) + 16, 0x50, 0)             -- pivots that do not ascend
    broken(node(1), node(1) + 16, 0x1000, 0)           -- a pivot behind the node's end
    broken(node(0), node(0) + 8 + 72 + 8, PTR, 1)      -- no node in a node above leaves
    broken(node(2), node(0) + 8 + 72 + 8, node(2) | 9 << 3 | 4, 1) -- a type that there is not
  end)

  it("ends nodes where they say, or where their pivots do", function()
    local slots, ranges = {}, {}
    for i = 1, 16 do slots[i], ranges[i] = PTR + 8 * i, {(i - 1) * 16, i * 16 - 1, PTR + 8 * i} end
    local function pivots(n) local out = {} for i = 1, n do out[i] = i * 16 - 1 end return out end
    set_root(root(1, LEAF))
    for _, n in ipairs {1, 3, 14, 15} do -- behind the last slot: old contents
      make(1, LEAF, nil, 0, pivots(15), slots)
      make(1, LEAF, nil, 0, {}, {table.unpack(slots, 1, n)})
      word(node(1) + 8 + 14 * 8, n == 15 and -1 or 0)
      local got = triples(maple_tree.for_each(tree))
      assert.are.same({n, {(n - 1) * 16, -1, slots[n]}, ranges[1][3]}, {#got, got[n], got[1][3]})
    end
    make(1, LEAF, nil, 0, pivots(15), slots)
    word(node(1) + 128 + 15 * 8, slots[16]) -- all are in use: the number of the last one has no room
    assert.are.equal(16, #triples(maple_tree.for_each(tree)))
    word(node(1) + 8 + 14 * 8, 0)
    assert(k:write(node(1) + 248, "\16"))
    assert.are.same({"format", node(1)}, {select(2, triples(maple_tree.for_each(tree))).code, select(2, maple_tree.validate(tree)).addr})
  end)

  it("validates what nodes say of gaps", function()
    memory.set(k, "struct maple_tree", TREE, {ma_flags = 1})
    local gap, meta = node(0) + 160, node(0) + 240
    for i, size in ipairs {0xe00, 29, -0x6000} do word(gap + 8 * (i - 1), size) end
    make(2, ARANGE, 0, 1, {0x1fff}, {child(4, LEAF), child(5, DENSE)})
    word(node(0) + 8 + 72 + 8, child(2, ARANGE))
    make(4, LEAF, 2, 0, {0x1000, 0x1fff}, {PTR + 0x10, 257 << 2 | 2})
    word(node(2) + 160, 0)
    word(node(2) + 168, 28)
    word(gap + 8, 28) -- behind the last entry of the dense node
    assert(k:write(meta + 1, "\2"))
    assert(k:write(node(2) + 241, "\1"))
    assert.are.equal(5, maple_tree.validate(tree))
    local function broken(where, at, bytes)
      local before = k:read(at, #bytes)
      assert(k:write(at, bytes))
      local n, err = maple_tree.validate(tree)
      assert.are.same({nil, "format", where}, {n, err and err.code, err and err.addr})
      assert(k:write(at, before))
    end
    broken(node(0), gap, ("<i8"):pack(0xe01))
    broken(node(2), node(2) + 168, ("<i8"):pack(27))
    broken(node(0), meta + 1, "\1")
    broken(node(0), meta + 1, "\9")
    memory.set(k, "struct maple_tree", TREE, {ma_flags = 0})
    word(gap, 0)
    assert.are.equal(5, maple_tree.validate(tree))
  end)

  it("knows dead nodes", function()
    word(node(2), node(2))
    local got, err = triples(maple_tree.for_each(tree))
    assert.are.same({1, node(2)}, {#got, err.addr})
    assert.matches("dead", err.message)
  end)

  it("stops at memory that is not there", function()
    word(node(0) + 8 + 72 + 8, memory.UNMAPPED | LEAF << 3 | 4)
    local got, err = triples(maple_tree.for_each(tree))
    assert.are.same({1, "fault"}, {#got, err.code})
  end)

  it("refuses what is no tree", function()
    assert.has_error(function() maple_tree.load(k:object(TREE, "struct maple_node"), 0) end)
    assert.has_error(function() maple_tree.for_each(1) end)
    assert.has_error(function() maple_tree.validate(1) end)
  end)
end)
