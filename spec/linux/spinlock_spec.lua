-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local spinlock = require "kvm.linux.spinlock"

local DECLARATIONS = [[
  struct cpumask { unsigned long bits[%d]; };
  struct qspinlock { struct { int counter; } val; };
  struct raw_spinlock { struct qspinlock raw_lock; };
  struct spinlock { union { struct raw_spinlock rlock; }; };
  struct ticket { int owner; };
]]

describe("kvm.linux.spinlock", function()
  harness.guard()

  -- What a word says, in a kernel for 64 WORDS CPUs.
  local function state(word, words, t)
    local k = memory.open(DECLARATIONS:format(words or 128))
    assert(k:write(memory.START, ("<I4"):pack(word)))
    return spinlock.state(k:object(memory.START, t or "struct spinlock"))
  end

  it("tells who is at it", function()
    assert.are.same({locked = false, pending = false}, state(0))
    assert.are.same({locked = true, pending = false}, state(1))
    assert.are.same({locked = true, pending = true}, state(0x101))
    assert.are.same({locked = true, pending = false, last_cpu = 5}, state(6 << 18 | 1, 128, "struct raw_spinlock"))
    assert.are.same({locked = false, pending = false, last_cpu = 0}, state(1 << 18 | 3 << 16, 128, "struct qspinlock"))
  end)

  it("knows the kernels for so many CPUs that pending is a bit", function()
    assert.are.same({locked = true, pending = true, last_cpu = 5}, state(6 << 11 | 0x101, 256))
  end)

  it("refuses others", function()
    assert.are.equal("unsupported", select(2, kvm.try(state, 0, 1, "struct ticket")).code)
  end)
end)
