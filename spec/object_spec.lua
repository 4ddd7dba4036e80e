-- SPDX-License-Identifier: BSD-2-Clause
-- Objects over a made-up kernel: structures are declared by hand and written into its memory (an overlay), so that every
-- byte that is read is known.
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local btf = require "spec.support.build.btf"
local elffile = require "spec.support.build.elffile"
local kvm = require "kvm"

local TEXT = [[
enum color { RED, GREEN = 5, BLUE = -2 };
struct inner { int a; short b[3]; };
struct sample {
  unsigned char u8; signed char s8; unsigned short u16; short s16; unsigned int u32; int s32;
  unsigned long u64; long s64;
  unsigned int low:3, mid:7; int sign:5; _Bool flag:1; unsigned long big:40;
  _Bool yes; enum color color; char name[8]; unsigned char bytes[4];
  float f; double d;
  struct inner in;
  union { int x; struct { short y, z; }; };
  int grid[2][3];
  struct sample *self, *none;
  void *ptr; int *ints; char *text; int (*call)(void); struct unknown *opaque;
  unsigned __int128 huge; long double extended;
  int rest[];
};
struct tailed { int n; char text[]; };
]]

describe("kvm.object", function()
  harness.guard()
  local CORE = image.build()
  local k, types, t, o

  local function poke(path, form, v)
    assert(k:write(image.LARGE + t:field(path).offset, form:pack(v)))
  end

  before_each(function()
    k = harness.open {core = harness.temp(CORE), write = true}
    types = kvm.cdef(k, TEXT)
    t = types["struct sample"]
    assert(k:write(image.LARGE, ("\0"):rep(t:size() + 64)))
    o = k:object(image.LARGE, t)
  end)

  local function raised(code, f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    assert.are.equal(code, err.code, tostring(err))
    return err
  end

  describe("members", function()
    it("are numbers of their size and sign", function()
      for _, m in ipairs {{"u8", "<I1", 0xfe}, {"s8", "<i1", -2}, {"u16", "<I2", 0xfffe}, {"s16", "<i2", -3}, {"u32", "<I4", 0xfffffffe},
        {"s32", "<i4", -4}, {"u64", "<i8", -5}, {"s64", "<i8", math.mininteger}, {"f", "<f", 1.5}, {"d", "<d", -2.25}} do
        poke(m[1], m[2], m[3])
        assert.are.equal(m[3], o[m[1]], m[1])
      end
    end)

    it("are bits, counted from the lowest", function()
      -- big:40 | flag sign:5 mid:7 low:3
      assert(k:write(image.LARGE + t:field "low".bit_offset // 8, ("<I2"):pack(1 << 15 | 0x16 << 10 | 0x55 << 3 | 6)))
      poke("big", "<I8", 0)
      local at = t:field "big".bit_offset
      assert(k:write(image.LARGE + at // 8, ("<I8"):pack(0xfedcba9876 << at % 8)))
      assert.are.same({6, 0x55, -10, true, 0xfedcba9876}, {o.low, o.mid, o.sign, o.flag, o.big})
    end)

    it("are booleans, enums, strings and 128-bit integers", function()
      poke("yes", "B", 2)
      poke("color", "<i4", -2)
      poke("name", "c8", "ab\0cdefg")
      poke("huge", "c16", ("<I8I8"):pack(0x1122334455667788, 0x99aabbccddeeff00))
      assert.is_true(o.yes)
      assert.are.equal(-2, o.color)
      assert.are.equal("ab", o.name)
      poke("name", "c8", "abcdefgh")
      assert.are.equal("abcdefgh", o.name)
      assert.are.equal("0x99aabbccddeeff001122334455667788", o.huge)
    end)

    it("lie in structs, unions without a name and arrays", function()
      poke("in.b[2]", "<i2", -7)
      poke("x", "<I4", 0x00020001)
      poke("grid[1][2]", "<i4", 77)
      poke("bytes[3]", "B", 200)
      assert.are.equal(-7, o["in"].b[2])
      assert.are.same({0x20001, 1, 2}, {o.x, o.y, o.z})
      assert.are.equal(77, o.grid[1][2])
      assert.are.equal(200, o.bytes[3])
      assert.are.same({2, 3, 4}, {#o.grid, #o.grid[0], #o.bytes})
      poke("rest", "<i4", 9)
      assert.are.equal(9, o.rest[0])
    end)

    it("are what pointers lead to; NULL is nil", function()
      poke("self", "<I8", image.LARGE)
      poke("ints", "<I8", image.LARGE + t:field "s32".offset)
      poke("s32", "<i4", 1234)
      poke("text", "<I8", k:symbol "linux_banner".value)
      poke("ptr", "<I8", image.LARGE)
      poke("call", "<I8", k:symbol "do_thing".value)
      assert.is_true(rawequal(o, o.self.self))
      assert.is_nil(o.none)
      assert.are.same({1234, 1234}, {o.ints[0], kvm.deref(o.ints)})
      assert.are.equal(("L"):byte(), o.text[0])
      assert.are.equal(image.BANNER, kvm.string(o.text))
      assert.are.equal("Linux", kvm.string(o.text, 5))
      assert.are.equal(image.LARGE, kvm.addr(o.ptr))
      raised("inval", kvm.deref, o.ptr)
      assert.are.equal(k:symbol "do_thing".value, kvm.addr(o.call))
      assert.are.equal("int (*)(void)", kvm.typeof(o.call):spell())
      poke("opaque", "<I8", 16)
      assert.are.equal(16, kvm.addr(o.opaque))
    end)

    it("that are not there are told with the nearest ones", function()
      local err = raised("notfound", function() return o.nmae end)
      assert.are.equal("struct sample has no member nmae: nearest are name, none", err.message)
      raised("inval", function() return o[1] end)
      raised("inval", function() return o.grid[2] end)
      raised("inval", function() return o.grid[-1] end)
      raised("inval", function() return o.grid.x end)
      raised("unsupported", function() return o.extended end)
    end)

    it("are told of the struct that lacks them, and never by a part of their name", function()
      assert.are.equal("struct inner has no member c: nearest are a, b", raised("notfound", function() return o["in.c"] end).message)
      assert.has_error(function() return o["s32\0x"] end)
      assert.has_error(function() return k:type "int\0x" end)
      kvm.reader(kvm.typeof(o.grid), {"[1]"})
      assert.are.equal(o.grid[1], o.grid["[1]"])
    end)

    it("tell the way to a bad address", function()
      poke("self", "<I8", image.UNMAPPED)
      local err = raised("fault", function() return o.self.self.name end)
      assert.are.equal(image.UNMAPPED + t:field "self".offset, err.addr)
      assert.matches("^sample.self.self: 0x", err.message)
      poke("self", "<I8", image.LARGE)
      poke("ints", "<I8", image.UNMAPPED)
      err = raised("fault", function() return o.self.self.ints[3] end)
      assert.matches("^sample.self.self.ints%[%]: 0x", err.message)
      assert(k:write(k:symbol "numbers".value + t:field "self".offset, ("<I8"):pack(image.UNMAPPED)))
      collectgarbage()
      assert(k:write(k:symbol "numbers".value, ("<I8"):pack(image.UNMAPPED)))
      local pointer = k:object("numbers", "struct sample *")
      collectgarbage()
      assert.matches("^numbers.self: 0x", raised("fault", function() return pointer.self end).message)
      pointer = k:object(k:symbol "numbers".value, "struct sample *")
      assert.matches("^struct sample %*.self: 0x", raised("fault", function() return pointer.self end).message)
      local numbers = k:object("numbers", t)
      assert.matches("^numbers.self", raised("fault", function() return numbers.self.self end).message)
    end)
  end)

  describe("a place", function()
    it("is the same object however it is reached", function()
      poke("self", "<I8", image.LARGE)
      assert.are.equal(o, k:object(image.LARGE, "struct sample"))
      local seen = {[o] = "here"}
      assert.are.equal("here", seen[o.self])
      assert.are_not.equal(o, k:object(image.LARGE + 8, t))
      assert.are_not.equal(o["in"], k:object(kvm.addr(o["in"]), "int [2]"))
      collectgarbage()
      assert.are.equal("here", seen[k:object(image.LARGE, t)])
    end)

    it("is the same for types that stand in several sources", function()
      local head = k:object(image.LARGE, "struct list_head")
      local again = kvm.cdef(k, "struct list_head { struct list_head *next, *prev; };")["struct list_head"]
      local other = kvm.cdef(k, "struct list_tail { struct list_head *next, *prev; };")["struct list_tail"]
      assert.are.equal(head, k:object(image.LARGE, again))
      assert.are_not.equal(head, k:object(image.LARGE, other))
      assert.is_nil(kvm.reader(again, {"next"})(head))
      assert.has_error(function() kvm.reader(other, {"next"})(head) end)
    end)

    it("moves by whole elements", function()
      poke("ints", "<I8", image.LARGE)
      poke("s32", "<i4", 6)
      assert.are.equal(image.LARGE + 2 * t:size(), kvm.addr(o + 2))
      assert.are.equal(o, (1 + o) - 1)
      assert.are.equal(2, (o + 2) - o)
      assert.are.equal(-3, o.ints - (o.ints + 3))
      assert.are.equal(image.LARGE + 12, kvm.addr(o.ints + 3))
      assert.are.equal(kvm.addr(o.grid) + 24, kvm.addr(o.grid + 2))
      assert.is_true(o < o + 1 and o <= o and o + 1 > o and o + 1 >= o)
      assert.is_false(o + 1 <= o)
      raised("inval", function() return o - o["in"] end)
      raised("inval", function() return o + 1.5 end)
      poke("ptr", "<I8", image.LARGE)
      raised("inval", function() return o.ptr + 1 end)
    end)

    it("is cast", function()
      poke("s32", "<i4", -1)
      assert.are.equal(o, kvm.cast(image.LARGE, t))
      assert.are.equal(o, kvm.cast(k:object(image.LARGE, "struct list_head"), "struct sample *"))
      assert.are.equal(0xffffffff, kvm.cast(kvm.addr(o, "s32"), kvm.type.of(k, "unsigned int *"))[0])
      assert.are.equal(-1, kvm.cast(0xffff, kvm.type.of(k, "short")))
      assert.are.equal(0xffff, kvm.cast(-1, kvm.type.of(k, "unsigned short")))
      assert.is_nil(kvm.cast(0, kvm.type.of(k, "struct sample *")))
      assert.is_nil(kvm.cast(nil, t))
      assert.is_true(kvm.cast(2, kvm.type.of(k, "_Bool")))
      local four = kvm.cast(o, "struct list_head *[4]")
      assert.are.same({4, "struct list_head *[4]"}, {#four, kvm.typeof(four):spell()})
      assert.has_error(function() kvm.cast("x", t) end)
    end)

    it("tells type, size, offsets, container", function()
      assert.are.equal(t, kvm.typeof(o))
      assert.are.equal(t:size(), kvm.sizeof(o))
      assert.are.equal(t:field "in".offset, kvm.offsetof(o, "in"))
      assert.are.equal(o, kvm.container_of(o["in"], "struct sample", "in"))
      assert.are.equal(k, kvm.handle(o))
      assert.are.equal(kvm.addr(o["in"]), kvm.addr(o, "in"))
      raised("inval", kvm.offsetof, t, "low")
      assert.is_true(kvm.is_object(o) and not kvm.is_object(k) and not kvm.is_object(t))
      assert.has_error(function() kvm.addr(5) end)
    end)

    it("is gone through", function()
      poke("grid[1][2]", "<i4", 7)
      local seen = {}
      for i, row in kvm.each(o.grid) do seen[#seen + 1] = {i, row[2]} end
      assert.are.same({{0, 0}, {1, 7}}, seen)
      local names = {}
      for name, v in pairs(o["in"]) do names[#names + 1] = {name, type(v)} end
      assert.are.same({{"a", "number"}, {"b", "userdata"}}, names)
      raised("inval", kvm.each, o.rest)
    end)
  end)

  describe("values", function()
    it("are plain tables", function()
      poke("in.a", "<i4", 3)
      poke("in.b[1]", "<i2", 4)
      assert.are.same({a = 3, b = {0, 4, 0}}, (kvm.value(o["in"])))
      poke("self", "<I8", image.UNMAPPED)
      local sample, errors = kvm.value(kvm.cast(o, types["struct tailed"]))
      assert.are.equal(o.u8 | o.s8 << 8 | o.u16 << 16, sample.n)
      assert.is_nil(errors)
      assert.are.equal("unsupported", select(2, kvm.value(o))[1].code)
      assert.are.equal(image.UNMAPPED, kvm.value(o).self)
      assert.are.equal(0, kvm.value(o).none)
    end)

    it("are read by a reader", function()
      poke("s32", "<i4", -9)
      poke("self", "<I8", image.LARGE)
      poke("in.b[1]", "<i2", 4)
      local read = kvm.reader(t, {"s32", "in.b[1]", "self", "none", "yes"})
      assert.are.same({-9, 4, o, nil, false}, {read(o)})
      assert.are.same({-9, 4, o, nil, false}, {read(image.LARGE)})
      raised("notfound", kvm.reader, t, {"absent"})
      assert.has_error(function() read("x") end)
    end)

    it("are read as far as pages are there", function()
      -- sample lies across the end of the first page, behind which one is not in the dump
      local at = image.HOLED + 4096 - t:field "s64".offset
      local whole = k:object(at, t)
      local read = kvm.reader(t, {"s32", "s64", "u64"})
      local s32, s64, u64, err = read(whole)
      assert.are.same({"fault", image.HOLED + 4096}, {err.code, err.addr})
      assert.are.same({k:i32(at + t:field "s32".offset), k:i64(at + t:field "u64".offset)}, {s32, u64})
      assert.is_nil(s64)
      local copy = kvm.fetch(whole)
      assert.are.equal(s32, copy.s32)
      assert.are.equal(image.HOLED + 4096, raised("fault", function() return copy.s64 end).addr)
      local value, errors = kvm.value(whole)
      assert.are.equal(u64, value.u64)
      assert.is_nil(value.s64)
      assert.are.equal("fault", errors[1].code)
    end)

    it("are copied once", function()
      poke("s32", "<i4", 5)
      poke("in.a", "<i4", 6)
      poke("name", "c8", "before\0\0")
      local copy = kvm.fetch(o)
      poke("s32", "<i4", 50)
      poke("in.a", "<i4", 60)
      poke("name", "c8", "behind\0\0")
      assert.are.same({5, 6, "before", 0}, {copy.s32, copy["in"].a, copy.name, copy.grid[1][1]})
      assert.are.same({50, 60, "behind"}, {o.s32, o["in"].a, o.name})
      assert.is_true(copy == o and copy["in"] == o["in"])
      assert.are.equal(kvm.addr(o), kvm.addr(copy))
      raised("inval", function() copy.s32 = 1 end)
      poke("ints", "<I8", image.LARGE)
      raised("inval", kvm.fetch, o.ints)
    end)

    it("are made in Lua", function()
      local v = kvm.new(types["struct tailed"], ("<i4"):pack(7) .. "behind it")
      assert.are.same({7, ""}, {v.n, v.text})
      assert.is_nil(kvm.addr(v))
      assert.are.equal(0, kvm.new(types["struct tailed"]).n)
      raised("inval", kvm.new, t, "short")
      raised("inval", kvm.new, k:type "int", "1234")
    end)

    it("made in Lua have no place", function()
      local v, inner = kvm.new(t), types["struct inner"]
      raised("inval", function() return v < v end)
      raised("inval", function() return v <= o end)
      raised("inval", function() return v - v end)
      raised("inval", function() return v + 1 end)
      raised("inval", kvm.container_of, v["in"], t, "in")
      raised("inval", kvm.fetch, v)
      raised("inval", kvm.new, "struct inner")
      raised("inval", kvm.reader, "struct inner", {"a"})
      assert.has_error(function() kvm.new(k) end, "bad argument (type or object expected, got userdata)")
      assert.has_error(function() kvm.enum(k, 1) end, "bad argument (type or object expected, got userdata)")
      assert.is_false(v == kvm.new(t))
      assert.are.equal("ab", kvm.string(kvm.new(kvm.type.of(k, "unsigned char [4]"), "ab\0d")))
      assert.are.equal("abcd", kvm.string(kvm.new(kvm.type.of(k, "unsigned char [4]"), "abcd")))
      assert.are.equal(0, kvm.value(kvm.new(inner)).a)
    end)

    it("have names when they are enumerators", function()
      poke("color", "<i4", 5)
      assert.are.same({"GREEN", 5}, {kvm.enum(o, "color")})
      poke("color", "<i4", 9)
      assert.are.same({nil, 9}, {kvm.enum(o, "color")})
      assert.are.equal("BLUE", kvm.enum(types["enum color"], -2))
      raised("inval", kvm.enum, o, "s32")
    end)
  end)

  it("bounds what absurd types ask for", function()
    local huge = kvm.cdef(k, "struct huge { char bytes[1UL << 40]; int many[1 << 30]; };")["struct huge"]
    local h = k:object(image.LARGE, huge)
    raised("inval", kvm.fetch, h)
    raised("inval", kvm.new, huge)
    raised("inval", kvm.value, h.many)
    local t2 = k:type "struct inner"
    for _ = 1, 40 do
      t2 = k:declare {kind = "struct", size = 12, members = {{name = "in", type = t2, bit_offset = 0}}}
    end
    raised("format", kvm.value, k:object(image.LARGE, t2))
  end)

  it("refuses integers of a size that no machine loads", function()
    local b = btf.new()
    b:int("long unsigned int", 8)
    for i, size in ipairs {3, 5, 6, 7, 9, 0} do b:int("odd" .. i, size, nil, 8 * math.min(size, 8)) end
    b:int("odd_bool", 3, "bool", 8)
    b:enum("odd_enum", 3, {{"A", 1}})
    local members = {}
    for id = 2, 9 do members[#members + 1] = {"m" .. id, id, 128 * #members} end
    b:composite("struct", "odd", 256, members)
    local file = elffile.build {class = 64, machine = 62, sections = {{name = ".BTF", data = b:bytes()}}}
    local h = harness.open {core = "/dev/null", namelist = harness.temp(file)}
    local odd = kvm.new(h:type "struct odd")
    for id = 2, 9 do raised("unsupported", function() return odd["m" .. id] end) end
  end)

  describe("assignment", function()
    it("writes what reads the same", function()
      poke("self", "<I8", image.LARGE)
      for name, v in pairs {u8 = 255, s8 = -128, u16 = 65535, s16 = -32768, u32 = 0xffffffff, s32 = -1, u64 = -1, s64 = math.mininteger,
        low = 7, mid = 127, sign = -16, flag = true, big = 0xffffffffff, yes = true, color = 5, name = "seven77", f = 0.5, d = 1e300} do
        o[name] = v
        assert.are.equal(v, o[name], name)
      end
      o.name = "ab"
      assert.are.equal("ab\0\0\0\0\0\0", k:read(kvm.addr(o, "name"), 8))
      o.color = "BLUE"
      assert.are.equal(-2, o.color)
      o.ints = o
      assert.are.equal(image.LARGE, kvm.addr(o.ints))
      o.self = nil
      assert.is_nil(o.self)
      o.grid[1][2] = 12
      assert.are.equal(12, o.grid[1][2])
      o.low, o.mid, o.sign = 0, 0, 0
      assert.are.same({0, 0, 0, true, 0xffffffffff}, {o.low, o.mid, o.sign, o.flag, o.big})
    end)

    it("copies a struct of the same type", function()
      local other = k:object(image.LARGE + 4096, types["struct inner"])
      o["in"].a, o["in"].b[2] = 3, 4
      k:object(image.LARGE + 4096 - t:field "in".offset, t)["in"] = o["in"]
      assert.are.same({3, 4}, {other.a, other.b[2]})
      raised("inval", function() o["in"] = o end)
    end)

    it("takes the bytes of a copy, not those of its place", function()
      o["in"].a, o["in"].b[2] = 3, 4
      local saved = kvm.fetch(o["in"])
      o["in"].a = 5
      o["in"] = saved
      assert.are.same({3, 4}, {o["in"].a, o["in"].b[2]})
      o["in"] = kvm.new(types["struct inner"], ("<i4"):pack(77) .. ("\0"):rep(8))
      assert.are.same({77, 0}, {o["in"].a, o["in"].b[2]})
      assert(k:write(image.HOLED + 4096 - 4, "...."))
      local torn = kvm.fetch(k:object(image.HOLED + 4096 - 4, "struct inner"))
      raised("fault", function() o["in"] = torn end)
      assert.are.equal("....", kvm.string(kvm.fetch(k:object(image.HOLED + 4092, "unsigned char [8]")), 4))
      raised("fault", kvm.string, kvm.fetch(k:object(image.HOLED + 4092, "unsigned char [8]")))
      assert.are.equal(77, o["in"].a)
    end)

    it("refuses what does not fit", function()
      for name, v in pairs {u8 = 256, s8 = 128, u16 = -1, u32 = 1 << 32, low = 8, sign = 16, mid = -1, yes = 2, name = ("x"):rep(9),
        color = "PINK", s32 = "1", f = "x", self = "x", d = {}, s64 = 1.5} do
        raised("inval", function() o[name] = v end)
      end
      raised("inval", function() o.f = -1e39 end)
      o.f = -math.huge
      assert.are.equal(-math.huge, o.f)
      raised("notfound", function() o.absent = 1 end)
      raised("inval", function() o.grid[2] = 1 end)
      raised("inval", function() o.huge = 1 end)
    end)

    it("needs a handle that is open for writing", function()
      local r = harness.open(harness.temp(CORE))
      raised("inval", function() r:object(image.LARGE, "struct list_head").next = nil end)
    end)
  end)

  describe("k:object", function()
    it("takes symbols and addresses", function()
      assert.are.equal(-2, k:object("numbers", "long"))
      assert.are.equal(-3, k:object(k:symbol "numbers".value + 8, "int"))
      kvm.cdef(k, "extern struct sample numbers;")
      assert.are.equal(-2, k:object "numbers".s64 - k:object "numbers".s64 + k:i64(k:symbol "numbers".value))
      assert.are.equal("struct sample", kvm.typeof(k:object "numbers"):spell())
    end)

    it("says how to give a type that is not known", function()
      local v, message, code = k:object "numbers"
      assert.are.same({nil, "notfound"}, {v, code})
      assert.matches("k:object%(\"numbers\", ", message)
      assert.are.same({nil, "notfound"}, {v, select(3, k:object "no_such_symbol")})
      assert.are.equal("inval", select(3, k:object(16)))
      assert.are.equal("notfound", select(3, k:object(16, "struct nothing")))
      assert.has_error(function() k:object({}) end)
      assert.has_error(function() k:object() end)
    end)
  end)

  it("fails with `closed` behind close, and keeps the handle alive", function()
    local kept = assert(kvm.open(harness.temp(CORE))):object("linux_banner", "struct list_head")
    collectgarbage()
    collectgarbage()
    assert.is_not_nil(kvm.addr(kept.prev or kept))
    assert.is_nil(select(2, kvm.value(kept)))
    kvm.handle(kept):close()
    raised("closed", function() return kept.next end)
    raised("closed", kvm.value, kept)
    raised("closed", kvm.fetch, kept)
  end)

  it("is not opened up by getmetatable", function()
    assert.is_false(getmetatable(o))
    assert.has_error(function() setmetatable(o, {}) end)
  end)
end)
