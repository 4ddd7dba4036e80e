-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local badargs = require "spec.support.badargs"
local image = require "spec.support.image"
local elfcore = require "spec.support.build.elfcore"

describe("registers", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  it("are those of the notes, with the process id", function()
    local regs, pid = k:registers(0)
    assert.are.equal(image.TEXT + 0x104, regs.rip)
    assert.are.equal(image.DATA + 64, regs.rsp)
    assert.are.equal(0, regs.rax)
    assert.are.equal(0, pid)
    regs, pid = k:registers(1)
    assert.are.equal(image.TEXT, regs.rip)
    assert.are.equal(42, pid)
  end)

  it("have the kernel's names", function()
    local names = {}
    for name, value in pairs((k:registers(0))) do
      names[#names + 1] = name
      assert.are.equal("integer", math.type(value))
    end
    table.sort(names)
    assert.are.equal("cs ds eflags es fs fs_base gs gs_base orig_rax r10 r11 r12 r13 r14 r15 r8 r9 rax rbp rbx rcx rdi rdx rip rsi "
      .. "rsp ss", table.concat(names, " "))
  end)

  it("are notfound for a CPU that left none", function()
    for _, cpu in ipairs{2, -1, 1 << 40} do
      local regs, message, code = k:registers(cpu)
      assert.is_nil(regs)
      assert.are.equal(("no registers of CPU %d: the dump has those of 2"):format(cpu), message)
      assert.are.equal("notfound", code)
    end
  end)

  it("are damaged where the note is too short", function()
    local text = CORE:match("OSRELEASE=.-CRASHTIME=%d+\n")
    local note = elfcore.prstatus_note(1)
    note.desc = note.desc:sub(1, 300)
    local h = harness.open(harness.temp(image.build{notes = {note, elfcore.vmcoreinfo_note(text)}}))
    local regs, message, code = h:registers(0)
    assert.is_nil(regs)
    assert.are.equal("format", code)
    assert.matches("300 bytes, not 336", message, 1, true)
  end)

  it("are read of a descriptor that lies elsewhere", function()
    local desc = require "spec.support.stacks".prstatus {rip = -1, rsp = 0x5678, cs = 0x33, pid = 77}
    local regs, pid = k:registers(desc)
    assert.are.same({-1, 0x5678, 0x33, 77}, {regs.rip, regs.rsp, regs.cs, pid})
    assert.is_nil(regs.cr3)
    for _, short in ipairs {"", desc:sub(1, 335)} do
      local none, message, code = k:registers(short)
      assert.is_nil(none)
      assert.are.same({("NT_PRSTATUS: %d bytes, not 336"):format(#short), "format"}, {message, code})
    end
  end)

  it("raise for wrong arguments", function()
    assert.is_true(badargs.check(k.registers, "registers", {k, 0}, {"any", "integer|string"}) > 5)
  end)
end)
