-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local mm = require "kvm.linux.mm"

describe("kvm.linux.mm", function()
  it("multiplies pages", function()
    local k = fake.new {symbols = {_totalram_pages = 0x1000}}
    k:map(0x1000, ("<I8"):pack(119041))
    assert.are.equal(119041 * 4096, mm.totalram_bytes(k))
  end)
end)
