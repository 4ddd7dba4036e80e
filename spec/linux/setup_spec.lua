-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local setup = require "kvm.linux.setup"

describe("kvm.linux.setup", function()
  harness.guard()
  after_each(memory.forget)

  it("tells the command line and the machine", function()
    local k, at = memory.open(), memory.START
    assert(k:write(at, ("<I8"):pack(at + 64) .. "A Machine, BIOS 1\0"))
    assert(k:write(at + 64, "root=/dev/vda quiet\0"))
    memory.symbols {saved_command_line = at, dump_stack_arch_desc_str = at + 8}
    assert.are.equal("root=/dev/vda quiet", setup.command_line(k))
    assert.are.equal("A Machine, BIOS 1", setup.hardware(k))
    assert(k:write(at, ("<I8"):pack(memory.UNMAPPED) .. ("x"):rep(300)))
    assert.are.equal("fault", select(2, kvm.try(setup.command_line, k)).code)
    assert.are.equal(128, #setup.hardware(k))
  end)

  it("raises where a kernel has neither", function()
    local k = memory.open()
    assert.are.equal("notfound", select(2, kvm.try(setup.command_line, k)).code)
    assert.are.equal("notfound", select(2, kvm.try(setup.hardware, k)).code)
  end)
end)
