-- SPDX-License-Identifier: BSD-2-Clause
-- What long work calls while it lasts (csrc/bind/progress.c): seen through kvm.open of a packed dump, which is unpacked.
local harness = require "spec.support.harness"
local kvm = require "kvm"

describe("a progress function", function()
  harness.guard()

  it("must be one", function()
    for _, wrong in ipairs {1, "f", true, {}} do
      assert.error_matches(function() kvm.open {core = "/nonexistent", progress = wrong} end, "bad option 'progress'")
    end
  end)

  it("is not called for what takes no time", function()
    local calls = 0
    local k = assert(kvm.open {core = "examples/panic.kdump", progress = function() calls = calls + 1 end})
    k:close()
    assert.are.equal(0, calls)
  end)
end)
