-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local words = require "kvm.cmd.words"

local function kernel()
  return fake.new {symbols = {alpha = 0xffffffff81000000, add = 0xffffffff82000000}}
end

describe("kvm.cmd.words", function()
  it("reads addresses", function()
    local k = kernel()
    local alpha = k.symbols.alpha
    for text, addr in pairs {
      alpha = alpha, ["alpha+0x10"] = alpha + 16, ["alpha+10"] = alpha + 10, ["alpha-8"] = alpha - 8,
      ["0xffff888000001000"] = 0xffff888000001000, ffff888000001000 = 0xffff888000001000, ["1000"] = 0x1000,
      ["0x1000+0x8"] = 0x1008, ["0"] = 0, ["0x0000000000000000001f"] = 0x1f, add = k.symbols.add, ["0xadd"] = 0xadd,
    } do
      assert.are.equal(addr, words.address(k, text), text)
    end
  end)

  it("refuses what is no address", function()
    for _, text in ipairs {"nosuch", "", "+", "0x", "0xg", "12345678901234567", "alpha+x", "-1"} do
      local ok, err = pcall(words.address, kernel(), text)
      assert.is_false(ok, text)
      assert.are.equal("notfound", err.code)
    end
  end)

  it("makes patterns of names", function()
    assert.are.equal("^a%.b.*%%%[$", words.glob "a.b*%[")
    assert.truthy(("kworker/0:1"):find(words.glob "kworker*"))
    assert.is_nil(("xkworker"):find(words.glob "kworker*"))
  end)
end)
