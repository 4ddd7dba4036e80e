-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local idr = require "kvm.linux.idr"
local kvm = require "kvm"
local memory = require "spec.support.memory"

local DECLARATIONS = [[
  struct xarray { unsigned int xa_lock; unsigned int xa_flags; void *xa_head; };
  struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent; struct xarray *array; void *slots[64];
    unsigned long marks[3][1]; };
  struct idr { struct xarray idr_rt; unsigned int idr_base; unsigned int idr_next; };
  struct given { int n; };
  struct ida { struct xarray xa; };
  struct ida_bitmap { unsigned long bitmap[16]; };
]]

describe("kvm.linux.idr", function()
  harness.guard()
  local IDR, NODE, GIVEN = memory.START, memory.START + 0x100, memory.START + 0x400
  local k, object

  before_each(function()
    k = memory.open(DECLARATIONS)
    object = k:object(IDR, "struct idr")
    memory.set(k, "struct idr", IDR, {["idr_rt.xa_head"] = NODE + 2, idr_base = 1})
    memory.set(k, "struct xa_node", NODE, {array = IDR})
    local slots = k:type("struct xa_node"):strip():field("slots").offset
    for i = 0, 2 do
      assert(k:write(NODE + slots + 16 * i, ("<i8"):pack(GIVEN + 8 * i)))
      assert(k:write(GIVEN + 8 * i, ("<i4"):pack(10 + i)))
    end
  end)

  it("gives what has numbers", function()
    assert.are.same({{1, GIVEN}, {3, GIVEN + 8}, {5, GIVEN + 16}}, (memory.collect(idr.for_each(object), function(...) return {...} end)))
    local got = memory.collect(idr.for_each_entry("struct given", object), function(id, o) return {id, o.n, kvm.addr(o)} end)
    assert.are.same({{1, 10, GIVEN}, {3, 11, GIVEN + 8}, {5, 12, GIVEN + 16}}, got)
    assert.are.same({GIVEN + 8, 0}, {idr.find(object, 3), idr.find(object, 2)})
  end)

  it("validates", function()
    memory.set(k, "struct idr", IDR, {["idr_rt.xa_flags"] = 0})
    memory.set(k, "struct xa_node", NODE, {count = 3})
    assert.are.equal(3, idr.validate(object))
    memory.set(k, "struct xa_node", NODE, {count = 4})
    assert.are.equal(NODE, select(2, idr.validate(object)).addr)
    assert.has_error(function() idr.validate(k:object(IDR, "struct xarray")) end)
  end)

  it("gives the numbers of an IDA", function()
    local ida, slots = k:object(IDR, "struct ida"), k:type("struct xa_node"):strip():field("slots").offset
    local bits = memory.START + 0x1000
    assert(k:write(bits, ("<I8"):pack(1 << 5) .. ("\0"):rep(112) .. ("<I8"):pack(1 << 63)))
    for i, entry in pairs {[0] = 1 | 1 << 63, [2] = bits, [4] = 5 << 1 | 1} do
      assert(k:write(NODE + slots + 8 * i, ("<i8"):pack(entry)))
    end
    assert.are.same({62, 2053, 3071, 4096, 4098}, (memory.collect(idr.for_each_id(ida))))
    for id, want in pairs {[62] = true, [61] = false, [63] = false, [1000] = false, [1024] = false, [2053] = true, [3071] = true,
      [3070] = false, [4098] = true, [-1] = false, [1 << 40] = false} do
      assert.are.equal(want, idr.has_id(ida, id), id)
    end
    assert(k:write(NODE + slots + 16, ("<i8"):pack(memory.UNMAPPED)))
    local got, err = memory.collect(idr.for_each_id(ida))
    assert.are.same({{62}, "fault"}, {got, err.code})
    for _, f in ipairs {idr.for_each_id, idr.has_id} do assert.has_error(function() f(object, 1) end) end
  end)

  it("stops where it is damaged", function()
    memory.set(k, "struct xa_node", NODE, {array = 0})
    local got, err = memory.collect(idr.for_each(object))
    assert.are.same({{}, "format", NODE}, {got, err.code, err.addr})
  end)
end)
