-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local seqlock = require "kvm.linux.seqlock"

describe("kvm.linux.seqlock", function()
  harness.guard()

  it("tells counters of all kinds, and whether somebody writes", function()
    local k = memory.open [[
      struct seqcount { unsigned int sequence; };
      struct seqcount_spinlock { struct seqcount seqcount; };
      struct seqlock { struct seqcount_spinlock seqcount; int lock; };
    ]]
    for value, writing in pairs {[8] = false, [9] = true} do
      assert(k:write(memory.START, ("<I4"):pack(value)))
      for _, t in ipairs {"struct seqcount", "struct seqcount_spinlock", "struct seqlock"} do
        local seq = k:object(memory.START, t)
        assert.are.same({value, writing}, {seqlock.sequence(seq), seqlock.is_writing(seq)})
      end
    end
  end)
end)
