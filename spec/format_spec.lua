-- SPDX-License-Identifier: BSD-2-Clause
local format = require "kvm.format"

describe("hex", function()
  it("is unsigned", function()
    assert.are.equal("0x0", format.hex(0))
    assert.are.equal("0xff", format.hex(255))
    assert.are.equal("0xffffffffffffffff", format.hex(-1))
    assert.are.equal("0x8000000000000000", format.hex(math.mininteger))
  end)

  it("is filled up to a width", function()
    assert.are.equal("0x00ff", format.hex(255, 4))
    assert.are.equal("0x12345", format.hex(0x12345, 4))
    assert.are.equal("0x00000000000000ff", format.address(255))
    assert.are.equal("0xffffffff81000000", format.address(0xffffffff81000000))
  end)
end)

describe("escape", function()
  it("leaves text as it is", function()
    for _, s in ipairs{"", "plain text, 100 % of it \\ /", "gr\u{fc}n", "\u{4e2d}\u{6587}", "\u{1f40c}"} do
      assert.are.equal(s, format.escape(s))
    end
  end)

  it("lets no control character of ASCII through", function()
    for c = 0, 255 do
      local s = format.escape("a" .. string.char(c) .. "b")
      assert.is_nil(s:find("[%c\127-\255]"), ("byte %d became %q"):format(c, s))
    end
    assert.are.equal("a\\nb\\tc\\rd\\x00e\\x1b[31mf\\x7f", format.escape("a\nb\tc\rd\0e\27[31mf\127"))
  end)

  it("keeps those it is told to keep", function()
    assert.are.equal("a\nb\tc\\rd\\x1b", format.escape("a\nb\tc\rd\27", "\n\t"))
  end)

  it("shows bytes that are not UTF-8", function()
    assert.are.equal("\\xff", format.escape("\xff"))
    assert.are.equal("\xc3\xa9\\x9bm", format.escape("\xc3\xa9\x9bm")) -- behind a character
    assert.are.equal("a\\xc3", format.escape("a\xc3"))
    assert.are.equal("\\xc3(", format.escape("\xc3("))
    assert.are.equal("\\xe4\\xb8", format.escape("\xe4\xb8"))
    assert.are.equal("\\xed\\xa0\\x80", format.escape("\xed\xa0\x80")) -- a surrogate
    assert.are.equal("\\xc0\\x80", format.escape("\xc0\x80"))         -- too long a form of NUL
    assert.are.equal("\\xf4\\x90\\x80\\x80", format.escape("\xf4\x90\x80\x80")) -- behind the last character
  end)

  it("shows characters that steer a terminal or turn the direction of text", function()
    assert.are.equal("\\xc2\\x9b31m", format.escape("\u{9b}31m"))
    for _, c in ipairs{0x80, 0x9f, 0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069} do
      assert.is_nil(format.escape("a" .. utf8.char(c) .. "b"):find("[\128-\255]"), ("U+%04X"):format(c))
    end
    for _, c in ipairs{0xa0, 0x61b, 0x200d, 0x2010, 0x202f, 0x2065, 0x206a} do
      assert.are.equal(utf8.char(c), format.escape(utf8.char(c)))
    end
  end)
end)

describe("size", function()
  it("is a number with a binary unit", function()
    for bytes, text in pairs{
      [0] = "0 B", [1] = "1 B", [999] = "999 B", [1000] = "1.0 KiB", [1024] = "1.0 KiB", [1536] = "1.5 KiB", [10240] = "10 KiB",
      [1 << 20] = "1.0 MiB", [768 << 20] = "768 MiB", [1000 << 20] = "1.0 GiB", [1 << 40] = "1.0 TiB", [1 << 50] = "1.0 PiB",
      [math.maxinteger] = "8.0 EiB", [-1536] = "-1.5 KiB",
    } do
      assert.are.equal(text, format.size(bytes))
    end
  end)

  it("is never longer than 7 characters", function()
    for shift = 0, 62 do
      for _, d in ipairs{-1, 0, 1} do
        local text = format.size((1 << shift) + d)
        assert.is_true(#text <= 7, text)
      end
    end
    for _, bytes in ipairs{999 * 1024, 1023 * 1024, 1023999, 10188, 10189} do assert.is_true(#format.size(bytes) <= 7) end
  end)
end)

describe("duration", function()
  it("is shown in the units that matter", function()
    for ns, text in pairs{
      [0] = "0.000 s", [1500000] = "0.002 s", [8940000000] = "8.940 s", [60000000000] = "01:00", [3599000000000] = "59:59",
      [3600000000000] = "01:00:00", [86399000000000] = "23:59:59", [90061000000000] = "1 day 01:01:01",
      [1000000000 * 86400 * 400] = "400 days 00:00:00", [-1000000000] = "-1.000 s",
    } do
      assert.are.equal(text, format.duration(ns))
    end
  end)
end)
