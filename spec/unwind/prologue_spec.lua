-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local prologue = require "kvm.unwind.prologue"

local START <const>, CALLER <const>, STACK <const> = 0x10000, 0x20000, 0x30000

-- A function that begins with CODE, called at CALLER (TARGET: the function that is called there); its return address is the word of the
-- stack at SLOT bytes.
local function made(code, slot, target)
  local k = fake.new {}
  k:map(START, code .. ("\x90"):rep(128 - #code))
  k:map(CALLER, "\xe8" .. ("<i4"):pack((target or START) - (CALLER + 5)))
  local stack = {}
  for i = 0, 31 do stack[i + 1] = ("<I8"):pack(i * 8 == slot and CALLER + 5 or i) end
  k:map(STACK, table.concat(stack))
  return k
end

local function step(k, behind) return prologue.step(k, START, {rip = START + behind, rsp = STACK, rbp = 0x99}) end

describe("kvm.unwind.prologue", function()
  it("knows how compilers begin functions", function()
    -- push %rbx; mov $...,%edx; sub $0xb0,%rsp, as __crash_kexec of Linux 6.1 does
    assert.are.same({rip = CALLER + 5, rsp = STACK + 0xc0, rbp = 0x99},
      step(made("\x53\xba\x18\0\0\0\x48\x81\xec\xb0\0\0\0", 0xb8), 40))
    -- nopl of the tracer; push %rbp; mov %rsp,%rbp; push %r12; sub $0x10,%rsp: the caller's rbp is the third word
    assert.are.same({rip = CALLER + 5, rsp = STACK + 0x28, rbp = 3},
      step(made("\x0f\x1f\x44\0\0\x55\x48\x89\xe5\x41\x54\x48\x83\xec\x10", 0x20), 40))
    -- endbr64; call __fentry__; xor %eax,%eax; sub
    assert.are.same({rip = CALLER + 5, rsp = STACK + 0x10, rbp = 0x99},
      step(made("\xf3\x0f\x1e\xfa\xe8\1\2\3\4\x31\xc0\x48\x83\xec\x08", 8), 40))
  end)

  it("does not guess", function()
    local code = "\x53\x48\x83\xec\x10"
    assert.is_nil(step(made(code, 0x18, START + 16), 40)) -- the call is one of another function
    assert.is_nil(step(made(code, 0x20), 40)) -- what lies there is no return address
    assert.is_nil(step(made(code, 0x18), 1)) -- rip is before the stack was taken
    assert.is_nil(step(made("\xcc" .. code, 0x18), 40))
    assert.is_nil(step(made("", 8), 40)) -- it takes nothing
  end)

  it("raises where the stack is not there", function()
    local k = made("\x53\x48\x81\xec\0\x10\0\0", 8)
    local ok, err = pcall(step, k, 40)
    assert.are.same({false, "fault"}, {ok, err.code})
    assert.is_nil(prologue.step(fake.new {}, START, {rip = START + 8, rsp = STACK}))
  end)
end)
