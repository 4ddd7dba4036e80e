-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local sha256 = require "kvm.report.sha256"

describe("kvm.report.sha256", function()
  harness.guard()

  it("is what sha256sum says, around the ends of blocks", function()
    for _, size in ipairs {0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 1000} do
      local text, path = ("\0\255aZ"):rep(size):sub(1, size), harness.temp()
      local f = assert(io.open(path, "wb"))
      f:write(text)
      f:close()
      local pipe = assert(io.popen("sha256sum " .. path))
      local wanted = pipe:read "a":match "^%x+"
      pipe:close()
      assert.are.equal(wanted, (sha256.bytes(text):gsub(".", function(c) return ("%02x"):format(c:byte()) end)))
    end
  end)

  it("is written as a policy has it", function()
    assert.are.equal("'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='", sha256.source "")
  end)
end)
