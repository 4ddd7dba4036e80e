-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local refcount = require "kvm.linux.refcount"

describe("kvm.linux.refcount", function()
  harness.guard()

  it("tells counts and what they mean", function()
    local k = memory.open "struct ref { struct { int counter; } refs; }; struct kref { struct ref refcount; };"
    for value, state in pairs {[3] = "used", [0] = "free", [-0x40000000] = "saturated", [-1] = "saturated"} do
      assert(k:write(memory.START, ("<i4"):pack(value)))
      for _, t in ipairs {"struct ref", "struct kref"} do
        local ref = k:object(memory.START, t)
        assert.are.same({value, state}, {refcount.read(ref), refcount.state(ref)})
      end
    end
  end)
end)
