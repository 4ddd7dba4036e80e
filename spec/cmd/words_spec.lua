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

  it("takes the copy of a CPU of a variable that each has", function()
    local k = fake.new {symbols = {
      __per_cpu_start = 0, __per_cpu_end = 0x200, rq = 0x40, __per_cpu_offset = 0x1000, nr_cpu_ids = 0x2000, plain = 0x3000,
    }}
    k:map(0x1000, ("<I8I8"):pack(0x10000, 0x20000)):map(0x2000, ("<I4"):pack(2))
    assert.are.same({true, false}, {words.of_each_cpu(k, 0x40), words.of_each_cpu(k, 0x3000)})
    assert.are.equal(0x10040, words.address(k, "rq:0"))
    assert.are.equal(0x20048, words.address(k, "rq:1+8"))
    for text, want in pairs {
      rq = "rq is a variable of each CPU: rq:0 is CPU 0's", ["rq:2"] = "there is no CPU 2",
      ["plain:0"] = "plain is no variable of each CPU",
    } do
      local ok, e = pcall(words.address, k, text)
      assert.are.same({false, "inval", want}, {ok, e.code, e.message})
    end
    for _, text in ipairs {"no_such:0", "rq:", "rq:x", "1000:0"} do
      assert.are.equal("notfound", select(2, pcall(words.address, k, text)).code, text)
    end
  end)

  it("takes numbers", function()
    local got = {}
    for n in words.each_number({"10", 10, "0xffffffffffffffff"}, function(n) return n end) do got[#got + 1] = n end
    assert.are.same({16, 10, -1}, got)
    local ok, e = pcall(words.each_number, {"10", "1x"}, print)
    assert.are.same({false, "inval", '"1x" is no hexadecimal number'}, {ok, e.code, e.message})
  end)

  it("makes patterns of names", function()
    assert.are.equal("^a%.b.*%%%[$", words.glob "a.b*%[")
    assert.truthy(("kworker/0:1"):find(words.glob "kworker*"))
    assert.is_nil(("xkworker"):find(words.glob "kworker*"))
  end)
end)
