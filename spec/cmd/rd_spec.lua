-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local rd = require "kvm.cmd.rd"

local BASE = 0xffff888000001000

local function kernel()
  local k = fake.new {symbols = {banner = BASE}}
  return k:map(BASE, "Linux version 6.\1\2\3\4\5\6\7\xff" .. ("\0"):rep(100))
end

local function text(opts)
  local out = {}
  opts.addr = opts.addr or "banner"
  for rec in rd.run(kernel(), opts) do out[#out + 1] = rd.text(rec, opts) end
  return table.concat(out)
end

describe("kvm.cmd.rd", function()
  it("prints 64-bit numbers and text, as crash does", function()
    assert.are.equal("ffff888000001000:  65762078756e694c 2e36206e6f697372   Linux version 6.\n"
      .. "ffff888000001010:  ff07060504030201                    ........\n", text {count = 3})
  end)

  it("prints other widths", function()
    assert.are.equal("ffff888000001000:  756e694c                              Linu\n", text {width32 = true})
    assert.are.equal("ffff888000001000:  694c 756e                                 Linu\n", text {width = 16, count = 2})
    assert.are.equal("ffff888000001000:  4c 69 6e                                          Lin\n", text {width = 8, count = "3"})
  end)

  it("prints text only, numbers only, raw bytes", function()
    assert.are.equal("ffff888000001000:  Linux version 6.\nffff888000001010:  ........\n", text {ascii = true, count = 24})
    assert.are.equal("ffff888000001000:  65762078756e694c\n", text {no_ascii = true})
    assert.are.equal("Linux version 6.\1\2\3\4\5\6\7\xff", text {raw = true, count = 24})
  end)

  it("gives records", function()
    local rec = rd.run(kernel(), {addr = BASE + 16, width = 32, count = 2})()
    assert.are.same({addr = BASE + 16, width_bits = 32, values = {0x04030201, 0xff070605}, text = "........",
      bytes = "\1\2\3\4\5\6\7\xff"}, rec)
  end)

  it("reads in the space that is asked for", function()
    local k, asked = kernel(), {}
    function k.read(_, addr, len, space)
      asked[#asked + 1] = space
      return ("x"):rep(len), addr
    end
    rd.run(k, {addr = 0, physical = true})()
    rd.run(k, {addr = 0, user = 42})()
    assert.are.same({"physical", 42}, asked)
  end)

  it("gives the lines before the first that can't be read", function()
    local k = fake.new():map(0x1000, ("x"):rep(32))
    local step = rd.run(k, {addr = 0x1000, count = 10})
    assert.are.same({0x1000, 0x1010}, {step().addr, step().addr})
    local ok, err = pcall(step)
    assert.are.same({false, "fault", 0x1020}, {ok, err.code, err.addr})
  end)

  it("refuses counts and widths that make no sense", function()
    for _, opts in ipairs {{count = "x"}, {count = 0}, {count = "-1"}, {count = 1 << 50}, {width = 24}, {count = "1.5"}} do
      opts.addr = "banner"
      local ok, err = pcall(rd.run, kernel(), opts)
      assert.is_false(ok)
      assert.is_string(err.usage)
    end
  end)
end)
