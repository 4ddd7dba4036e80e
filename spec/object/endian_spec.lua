-- SPDX-License-Identifier: BSD-2-Clause
-- Objects of machines of either byte order and width: bytes that were written down by hand, read as C on that machine would.
local harness = require "spec.support.harness"
local machine = require "spec.support.machine"
local kvm = require "kvm"

local TEXT = [[
enum color { RED = 1, BLUE = 0x01020304 };
struct inner { short a; unsigned char b[2]; };
struct sample {
  unsigned char u8; signed char s8; unsigned short u16;
  int s32; enum color color;
  unsigned long word; struct sample *none; void *ptr;
  unsigned int low:3, mid:10; int sign:6; unsigned int rest:13;
  float f; long long wide; double d;
  struct inner in[2]; char name[4];
};
struct packed_bits { unsigned char before; unsigned long long field:61; unsigned char behind:3; } __attribute__((packed));
]]

-- The words of bit fields as the compilers lay them out: from the lowest bit of a little-endian word, from the highest of a
-- big-endian one.
local function bits(big, fields)
  local word, at = 0, 0
  for _, f in ipairs(fields) do
    local value, size = f[1] & (1 << f[2]) - 1, f[2]
    word = word | value << (big and 32 - at - size or at)
    at = at + size
  end
  return word
end

local MACHINES = {
  {arch = "x86_64", word = 8}, {arch = "i386", word = 4, align = 4}, {arch = "arm", word = 4}, {arch = "ppc64", word = 8, big = true},
  {arch = "s390x", word = 8, big = true}, {arch = "armeb", word = 4, big = true},
}

describe("objects", function()
  harness.guard()

  for _, m in ipairs(MACHINES) do
    describe("of " .. m.arch, function()
      local k, types, order, bytes
      before_each(function()
        k = machine.open(m.arch)
        types = kvm.cdef(k, TEXT)
        order = m.big and ">" or "<"
        bytes = ""
        local function add(align, form, ...)
          bytes = bytes .. ("\0"):rep(-#bytes % align) .. (order .. form):pack(...)
        end
        add(1, "B b I2 i4 i4", 0xfe, -2, 0xfffe, -5, 0x01020304)
        add(m.word, ("I%d I%d I%d"):format(m.word, m.word, m.word), 0xdeadbeef, 0, 0x80000010)
        add(4, "I4 f", bits(m.big, {{5, 3}, {1000, 10}, {-17, 6}, {0x1555, 13}}), -1.5)
        add(m.align or 8, "i8 d", -0x123456789abcdef, 2.5)
        add(2, "i2 B B i2 B B c4", -300, 1, 2, 300, 3, 4, "abc\0")
        bytes = bytes .. ("\0"):rep(types["struct sample"]:size() - #bytes)
      end)

      it("have the values that were written", function()
        local t = types["struct sample"]
        assert.are.equal(#bytes, t:size())
        local o = kvm.new(t, bytes)
        assert.are.same({0xfe, -2, 0xfffe, -5, 0x01020304, 0xdeadbeef}, {o.u8, o.s8, o.u16, o.s32, o.color, o.word})
        assert.are.equal("BLUE", (kvm.enum(o, "color")))
        assert.is_nil(o.none)
        assert.are.equal(0x80000010, kvm.addr(o.ptr))
        assert.are.same({5, 1000, -17, 0x1555}, {o.low, o.mid, o.sign, o.rest})
        assert.are.same({-1.5, 2.5, -0x123456789abcdef}, {o.f, o.d, o.wide})
        assert.are.same({-300, 1, 2, 300, 4}, {o["in"][0].a, o["in"][0].b[0], o["in"][0].b[1], o["in"][1].a, o["in"][1].b[1]})
        assert.are.equal("abc", o.name)
        local v = kvm.value(o)
        assert.are.same({{a = -300, b = {1, 2}}, {a = 300, b = {3, 4}}}, v["in"])
        assert.are.same({0x80000010, 0, -17}, {v.ptr, v.none, v.sign})
        local read = kvm.reader(t, {"sign", "in[1].a", "word", "none", "f"})
        assert.are.same({-17, 300, 0xdeadbeef, nil, -1.5}, {read(o)})
        assert.matches("%.sign = %-17", tostring(o))
      end)

      it("read bit fields over nine bytes", function()
        local t, value = types["struct packed_bits"], 0x1234567890abcdef & (1 << 61) - 1
        assert.are.equal(9, t:size())
        local raw
        if m.big then
          raw = (">B I8"):pack(0x55, value << 3 | 5)
        else
          raw = ("<B I8"):pack(0x55, value | 5 << 61)
        end
        local o = kvm.new(t, raw)
        assert.are.same({0x55, value, 5}, {o.before, o.field, o.behind})
      end)

      it("are an integer of 128 bits as one", function()
        if m.word < 8 then return end -- C has none there
        local t = kvm.cdef(k, "struct huge { unsigned __int128 v; };")["struct huge"]
        local first, second = 0x1122334455667788, 0x99aabbccddeeff00
        local o = kvm.new(t, ((m.big and ">" or "<") .. "I8I8"):pack(first, second))
        assert.are.equal(("0x%016x%016x"):format(m.big and first or second, m.big and second or first), o.v)
      end)
    end)
  end
end)
