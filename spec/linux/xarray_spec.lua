-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local idr = require "kvm.linux.idr"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local xarray = require "kvm.linux.xarray"

-- As a kernel with CONFIG_BASE_SMALL has it: 16 slots.
local DECLARATIONS = [[
  struct xarray { unsigned int xa_lock; unsigned int xa_flags; void *xa_head; };
  struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent; struct xarray *array; void *slots[16];
    unsigned long marks[3][1]; };
  struct idr { struct xarray idr_rt; unsigned int idr_base; unsigned int idr_next; };
]]
local XA = memory.START
local function node(i) return memory.START + 0x100 + 0x100 * i end
local function as_entry(i) return node(i) + 2 end
local PTR = memory.START + 0x1000
local function sibling(slot) return slot << 2 | 2 end
local RETRY, ZERO = 256 << 2 | 2, 257 << 2 | 2

describe("kvm.linux.xarray", function()
  harness.guard()
  local k, xa

  local function make(i, shift, parent, offset, slots, marks)
    local used, values = 0, 0
    for slot in pairs(slots) do
      local entry = slots[slot] & 3 == 2 and slots[slots[slot] >> 2] or slots[slot] -- a sibling's
      used, values = used + 1, values + (entry & 1)
    end
    memory.set(k, "struct xa_node", node(i), {shift = shift, offset = offset, parent = parent and node(parent) or 0, array = XA,
      count = used, nr_values = values})
    local field = k:type("struct xa_node"):strip():field "slots"
    for slot = 0, 15 do assert(k:write(node(i) + field.offset + 8 * slot, ("<i8"):pack(slots[slot] or 0))) end
    for mark, bits in pairs(marks or {}) do
      assert(k:write(node(i) + k:type("struct xa_node"):strip():field("marks").offset + 8 * mark, ("<I8"):pack(bits)))
    end
  end
  local function head(entry) memory.set(k, "struct xarray", XA, {xa_head = entry}) end
  before_each(function()
    k = memory.open(DECLARATIONS)
    xa = k:object(XA, "struct xarray")
    memory.set(k, "struct xarray", XA, {xa_head = as_entry(0), xa_flags = 0})
    make(0, 4, nil, 0, {[0] = as_entry(1), [2] = as_entry(2), [8] = PTR, [9] = sibling(8)}, {[0] = 1 << 0 | 1 << 8, [1] = 0})
    make(1, 0, 0, 0, {[1] = PTR + 0x10, [3] = 7, [4] = PTR + 0x20, [5] = sibling(4), [6] = sibling(4), [7] = sibling(4), [15] = RETRY},
      {[0] = 1 << 3})
    make(2, 0, 0, 2, {[0] = ZERO, [15] = PTR + 0x30})
  end)

  local ALL = {{1, PTR + 0x10, 1}, {3, 7, 1}, {4, PTR + 0x20, 4}, {0x20, ZERO, 1}, {0x2f, PTR + 0x30, 1}, {0x80, PTR, 32}}
  local function triples(step) return memory.collect(step, function(...) return {...} end) end

  it("gives entries with their indices", function()
    assert.are.same(ALL, (triples(xarray.for_each(xa))))
    assert.are.same({ALL[3], ALL[4]}, (triples(xarray.for_each(xa, 4, 0x20))))
    assert.are.same({ALL[2], ALL[6]}, (triples(xarray.for_each_marked(xa, 0))))
    assert.are.same({}, (triples(xarray.for_each_marked(xa, 1))))
    assert.are.equal(6, xarray.validate(xa))
  end)

  it("gives the entry of an index", function()
    for index, want in pairs {[0] = 0, [1] = PTR + 0x10, [3] = 7, [4] = PTR + 0x20, [7] = PTR + 0x20, [8] = 0, [15] = 0, [0x20] = 0,
      [0x2f] = PTR + 0x30, [0x80] = PTR, [0x9f] = PTR, [0xa0] = 0, [0x100] = 0, [-1] = 0} do
      assert.are.equal(want, xarray.load(xa, index), index)
    end
  end)

  it("has one entry in the head, or none", function()
    head(PTR)
    assert.are.same({{0, PTR, 1}}, (triples(xarray.for_each(xa))))
    assert.are.same({PTR, 0}, {xarray.load(xa, 0), xarray.load(xa, 1)})
    assert.are.same({}, (triples(xarray.for_each(xa, 1))))
    head(0)
    assert.are.same({}, (triples(xarray.for_each(xa))))
    assert.are.equal(0, xarray.load(xa, 0))
  end)

  it("tells values from pointers", function()
    assert.is_true(xarray.is_value(7))
    assert.are.equal(3, xarray.to_value(7))
    assert.is_false(xarray.is_value(PTR))
    assert.is_true(xarray.is_zero(ZERO))
  end)

  it("stops at a node that does not fit, at its place", function()
    for _, damage in ipairs {{array = XA + 8}, {parent = node(1)}, {offset = 3}, {shift = 4}, {shift = 64}} do
      make(2, 0, 0, 2, {[15] = PTR})
      memory.set(k, "struct xa_node", node(2), damage)
      local got, err = triples(xarray.for_each(xa))
      assert.are.same({{ALL[1], ALL[2], ALL[3]}, "format", node(2)}, {got, err.code, err.addr})
      local n, why = xarray.validate(xa)
      assert.are.same({nil, node(2)}, {n, why.addr})
      assert.are.equal(PTR + 0x10, xarray.load(xa, 1))
      assert.has_error(function() xarray.load(xa, 0x2f) end)
    end
  end)

  it("validates what nodes say of their slots", function()
    local function broken(where, i, members)
      local before = k:read(node(i), 24)
      memory.set(k, "struct xa_node", node(i), members)
      local n, err = xarray.validate(xa)
      assert.are.same({nil, "format", node(where)}, {n, err and err.code, err and err.addr})
      assert(k:write(node(i), before))
    end
    broken(0, 0, {count = 5})
    broken(1, 1, {count = 6})
    broken(1, 1, {nr_values = 0})
    broken(2, 2, {nr_values = 1})
    local marks = node(0) + k:type("struct xa_node"):strip():field("marks").offset
    for bits, mark in pairs {[1 << 8] = 0, [1 << 2 | 1 | 1 << 8] = 0, [1] = 1} do
      local before = k:read(marks + 8 * mark, 8)
      assert(k:write(marks + 8 * mark, ("<I8"):pack(bits)))
      local n, err = xarray.validate(xa)
      assert.are.same({nil, node(0)}, {n, err and err.addr})
      assert(k:write(marks + 8 * mark, before))
    end
    -- A slot of an IDR is in use as long as it is not marked free, also with NULL in it.
    memory.set(k, "struct xarray", XA, {xa_head = as_entry(2), xa_flags = 4})
    make(2, 0, nil, 0, {[0] = PTR, [1] = 0}, {[0] = 0xfffc})
    assert.are.equal(1, xarray.validate(xa))
    memory.set(k, "struct xarray", XA, {xa_flags = 0})
    assert.is_nil((xarray.validate(xa)))
  end)

  it("gives pointers as objects", function()
    kvm.cdef(k, "struct leaf { long id; };")
    for i, at in ipairs {PTR, PTR + 0x10, PTR + 0x20, PTR + 0x30} do memory.set(k, "struct leaf", at, {id = i}) end
    local got = memory.collect(xarray.for_each_entry("struct leaf", xa), function(i, o) return {i, o.id} end)
    assert.are.same({{1, 2}, {4, 3}, {0x2f, 4}, {0x80, 1}}, got) -- no value, nothing that only reserves
  end)

  it("does not run in a circle", function()
    make(0, 4, nil, 0, {[0] = as_entry(0)})
    local got, err = triples(xarray.for_each(xa))
    assert.are.same({{}, "format", node(0)}, {got, err.code, err.addr})
  end)

  it("stops at memory that is not there", function()
    make(0, 4, nil, 0, {[0] = as_entry(1), [1] = memory.UNMAPPED + 2})
    local got, err = triples(xarray.for_each(xa))
    assert.are.same({3, "fault"}, {#got, err.code})
  end)

  it("is what an IDR is made of", function()
    local at = memory.START + 0x80
    memory.set(k, "struct idr", at, {["idr_rt.xa_head"] = as_entry(0), idr_base = 5})
    for i = 0, 2 do memory.set(k, "struct xa_node", node(i), {array = at}) end
    local object = k:object(at, "struct idr")
    local ids = memory.collect(idr.for_each(object))
    assert.are.same({6, 8, 9, 0x25, 0x34, 0x85}, ids)
    assert.are.same({PTR + 0x10, 0, PTR + 0x30}, {idr.find(object, 6), idr.find(object, 7), idr.find(object, 0x34)})
    assert.has_error(function() idr.find(xa, 1) end)
    assert.has_error(function() xarray.load(object, 1) end)
  end)
end)
