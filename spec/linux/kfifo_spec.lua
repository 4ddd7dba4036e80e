-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kfifo = require "kvm.linux.kfifo"
local kvm = require "kvm"
local memory = require "spec.support.memory"

local DECLARATIONS = [[
  struct __kfifo { unsigned int in, out, mask, esize; void *data; };
  struct kfifo { union { struct __kfifo kfifo; unsigned char *type; }; unsigned char buf[0]; };
]]
local FIFO, DATA = memory.START, memory.START + 0x100

describe("kvm.linux.kfifo", function()
  harness.guard()
  local k, fifo

  local function set(members) memory.set(k, "struct __kfifo", FIFO, members) end
  local function raised(code, f, ...)
    local _, err = kvm.try(f, ...)
    assert.are.equal(code, err and err.code)
  end
  before_each(function()
    k = memory.open(DECLARATIONS)
    fifo = k:object(FIFO, "struct __kfifo")
    set {["in"] = 13, out = 6, mask = 7, esize = 4, data = DATA}
    assert(k:write(DATA, ("<i4i4i4i4i4i4i4i4"):pack(8, 9, 10, 11, 12, -1, 6, 7)))
  end)

  it("gives elements over the end of the buffer", function()
    assert.are.same({7, 8}, {kfifo.len(fifo)})
    assert.are.same({6, 7, 8, 9, 10, 11, 12}, (memory.collect(kfifo.for_each_entry("int", fifo))))
    assert.are.same({6, 7, 8, 9, 10, 11, 12}, (memory.collect(kfifo.for_each_entry("int", k:object(FIFO, "struct kfifo")))))
    set {["in"] = 3, out = -2} -- past 2^32
    assert.are.same({6, 7, 8, 9, 10}, (memory.collect(kfifo.for_each_entry(k:type "int", fifo))))
    set {["in"] = 6, out = 6}
    assert.are.same({}, (memory.collect(kfifo.for_each_entry("int", fifo))))
    set {data = 0}
    assert.are.same({0, 0}, {kfifo.len(fifo)})
  end)

  it("gives records", function()
    set {["in"] = 20, out = 12, mask = 15, esize = 1}
    assert(k:write(DATA, "xyz\0\1c" .. ("\0"):rep(6) .. "\2ab\3"))
    set {["in"] = 22}
    assert.are.same({"ab", "xyz", "", "c"}, (memory.collect(kfifo.for_each_record(fifo, 1))))
    assert(k:write(DATA, "\2\0hi\0\0"))
    set {["in"] = 6, out = 0}
    assert.are.same({"hi", ""}, (memory.collect(kfifo.for_each_record(fifo, 2))))
  end)

  it("stops at lengths that can't be", function()
    set {["in"] = 8, out = 0, mask = 15, esize = 1}
    assert(k:write(DATA, "\1a\9bcdef"))
    local got, err = memory.collect(kfifo.for_each_record(fifo, 1))
    assert.are.same({{"a"}, "format", FIFO}, {got, err.code, err.addr})
    set {["in"] = 1}
    assert.are.equal("format", select(2, memory.collect(kfifo.for_each_record(fifo, 2))).code)
  end)

  it("refuses counts that can't be, and other types", function()
    set {["in"] = 15}
    raised("format", kfifo.len, fifo)
    set {["in"] = 7, mask = 6}
    raised("format", kfifo.len, fifo)
    set {mask = 0x7fffffff, esize = 0x7fffffff}
    raised("format", kfifo.len, fifo)
    set {mask = 7, esize = 4}
    raised("inval", kfifo.for_each_entry, "long", fifo)
    raised("inval", kfifo.for_each_record, fifo, 1)
    set {esize = 1}
    raised("inval", kfifo.for_each_record, fifo, 4)
    for _, what in ipairs {5, k:object(FIFO, "struct list_head")} do assert.has_error(function() kfifo.len(what) end) end
    set {esize = 4, data = memory.UNMAPPED}
    assert.are.equal("fault", select(2, memory.collect(kfifo.for_each_entry("int", fifo))).code)
  end)
end)
