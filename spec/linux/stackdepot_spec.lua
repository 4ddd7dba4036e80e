-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local stackdepot = require "kvm.linux.stackdepot"

local S = memory.START
local POOLS, POOL = S, S + 0x1000
local RECORD <const> = "struct stack_record { unsigned int hash, size; union handle_parts handle; unsigned long entries[4]; };"

-- The forms of a handle: the pool 1, the offset 3 << 4.
local FORMS <const> = {
  {name = "7.2", handle = 2 | 3 << 17, symbols = {stack_pools = S + 0x100, stack_max_pools = S + 0x108},
    parts = "union handle_parts { unsigned int handle; struct { unsigned int pool_index_plus_1:17, offset:10, extra:5; }; };"},
  {name = "6.12", handle = 2 | 3 << 17, symbols = {stack_pools = POOLS},
    parts = "union handle_parts { unsigned int handle; struct { unsigned int pool_index_plus_1:17, offset:10, extra:5; }; };"},
  {name = "6.5", handle = 1 | 3 << 16, symbols = {stack_pools = POOLS},
    parts = "union handle_parts { unsigned int handle; struct { unsigned int pool_index:16, offset:10, valid:1, extra:5; }; };"},
  {name = "6.1", handle = 1 | 3 << 16 | 1 << 26, symbols = {stack_slabs = POOLS},
    parts = "union handle_parts { unsigned int handle; struct { unsigned int slabindex:16, offset:10, valid:1, extra:5; }; };"},
}

for _, form in ipairs(FORMS) do
  describe("kvm.linux.stackdepot of " .. form.name, function()
    harness.guard()
    local k
    before_each(function()
      k = memory.open(form.parts .. RECORD)
      memory.symbols(form.symbols)
      assert(k:write(S, ("\0"):rep(memory.SIZE)))
      assert(k:write(POOLS, ("<i8i8"):pack(memory.UNMAPPED, POOL)))
      assert(k:write(S + 0x100, ("<i8"):pack(POOLS)))
      memory.set(k, "struct stack_record", POOL + 0x30, {size = 2, handle = form.handle, ["entries[0]"] = 0x11, ["entries[1]"] = 0x22})
    end)
    after_each(memory.forget)

    it("gives a stack", function()
      assert.are.same({0x11, 0x22}, stackdepot.fetch(k, form.handle))
      assert.are.same({}, stackdepot.fetch(k, 0))
    end)

    it("tells of what is no stack of the handle", function()
      memory.set(k, "struct stack_record", POOL + 0x30, {handle = form.handle + (1 << 27)})
      local _, err = kvm.try(stackdepot.fetch, k, form.handle)
      assert.are.same({"format", POOL + 0x30}, {err.code, err.addr})
      memory.set(k, "struct stack_record", POOL + 0x30, {handle = form.handle, size = 1 << 20})
      _, err = kvm.try(stackdepot.fetch, k, form.handle)
      assert.are.equal("format", err.code)
      assert(k:write(POOLS + 8, ("<i8"):pack(memory.UNMAPPED)))
      _, err = kvm.try(stackdepot.fetch, k, form.handle)
      assert.are.equal("fault", err.code)
      assert(k:write(POOLS + 8, ("<i8"):pack(0)))
      assert.are.same({}, stackdepot.fetch(k, form.handle))
    end)
  end)
end

describe("kvm.linux.stackdepot of a kernel without one", function()
  harness.guard()

  it("says so", function()
    local _, err = kvm.try(stackdepot.fetch, memory.open(FORMS[1].parts), 5)
    assert.matches("^this kernel has no stack depot %(CONFIG_STACKDEPOT%)", err.message)
    _, err = kvm.try(stackdepot.fetch, memory.open(), 5)
    assert.are.equal("notfound", err.code)
  end)
end)
