-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local new_file = require "kvm.cmd.new_file"

describe("kvm.cmd.new_file", function()
  harness.guard()

  it("writes a file, and replaces none", function()
    local path = harness.temp()
    os.remove(path)
    new_file.check(path)
    new_file.write(path, "a\0b")
    local file <close> = assert(io.open(path, "rb"))
    assert.are.equal("a\0b", file:read "a")
    local _, err = kvm.try(new_file.check, path)
    assert.are.equal("inval", err.code)
    assert.is_truthy(err.message:find("exists, and is not replaced", 1, true))
  end)

  it("tells why a file can't be written", function()
    local _, err = kvm.try(new_file.write, "/nowhere/x", "")
    assert.are.equal("io", err.code)
    assert.is_truthy(err.message:find("/nowhere/x", 1, true))
    _, err = kvm.try(new_file.write, "/dev/full", ("x"):rep(1 << 16))
    assert.are.equal("io", err.code)
  end)
end)
