-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local scan = require "kvm.unwind.scan"

describe("kvm.unwind.scan", function()
  local k = fake.new {}
  k:map(0x1000, ("<I8I8I8I8"):pack(7, 5, 7, 7))
  local function is_seven(pc) return pc == 7 end

  it("gives the words that may be return addresses, the lowest first", function()
    assert.are.same({{pc = 7, at = 0x1000}, {pc = 7, at = 0x1010}, {pc = 7, at = 0x1018}}, scan.words(k, 0x1000, 0x1020, is_seven))
    assert.are.same({{pc = 7, at = 0x1010}}, scan.words(k, 0x1001, 0x101f, is_seven)) -- whole words alone
    assert.are.same({}, scan.words(k, 0x1020, 0x1020, is_seven))
  end)

  it("raises what memory says", function()
    local ok, err = pcall(scan.words, k, 0x1000, 0x1028, is_seven)
    assert.are.same({false, "fault"}, {ok, err.code})
  end)
end)
