-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kvm = require "kvm"
local form = require "kvm.format.object"

describe("kvm.format", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  -- A value of a struct that is declared for it.
  local function made(members, bytes, more)
    kvm.cdef(k, (more or "") .. " struct s { " .. members .. " };")
    local t = k:type("struct s")
    return kvm.new(t, bytes .. ("\0"):rep(t:size() - #bytes))
  end

  it("shows a struct on one line where it fits, else a member a line", function()
    local o = made("int a, b;", ("<i4i4"):pack(1, -2))
    assert.are.equal("(struct s){.a = 1, .b = -2}", kvm.format(o))
    assert.are.equal("(struct s){.a = 1, .b = -2}", tostring(o))
    assert.are.equal("(struct s){\n  .a = 1,\n  .b = -2,\n}", kvm.format(o, {columns = 27}))
    assert.are.equal("(struct s){.a = 1, .b = -2}", kvm.format(o, {columns = 28}))
  end)

  it("nests, and stops at a depth", function()
    local o = made("struct { int x; struct { int y; } in; } at; union { int u; char c; };", ("<i4i4i4"):pack(1, 2, 65))
    assert.are.equal("(struct s){.at = {.x = 1, .in = {.y = 2}}, .u = 65, .c = 65 'A'}", kvm.format(o))
    assert.are.equal("(struct s){.at = {.x = 1, .in = {...}}, .u = 65, .c = 65 'A'}", kvm.format(o, {depth = 1}))
    assert.are.equal("(struct s){.at = {...}, .u = 65, .c = 65 'A'}", kvm.format(o, {depth = 0}))
    assert.are.equal("(struct s){\n  .at = {\n    .x = 1,\n    .in = {\n      .y = 2,\n    },\n  },\n  .u = 65,\n  .c = 65 'A',\n}",
      kvm.format(o, {columns = 10}))
  end)

  it("shows every kind of value", function()
    local o = made("_Bool b; enum color e; unsigned long u; float f; double d; unsigned low:3; int high:5; void *p; int (*fn)(void);"
      .. " char name[8]; struct list_head *l;",
      ("<I1xxxi4I8fxxxxdI4xxxxI8I8"):pack(1, -2, -1, 1.5, 0.1, 5 | 0x1f << 3, image.TEXT + 0x180, image.TEXT + 0x102) .. 'a"\27\0junk')
    assert.are.equal([[
(struct s){
  .b = true,
  .e = GREEN,
  .u = 18446744073709551615,
  .f = 1.5,
  .d = 0.1,
  .low = 5,
  .high = -1,
  .p = 0xffffffff84000180 <do_other_thing>,
  .fn = 0xffffffff84000102 <do_thing+0x2>,
  .name = "a\"\x1b",
  .l = NULL,
}]], kvm.format(o))
    local text = kvm.format(o, {symbols = false, hex = true})
    assert.matches(".p = 0xffffffff84000180,\n", text, 1, true)
    assert.matches(".u = 0xffffffffffffffff,\n", text, 1, true)
    assert.matches(".high = 0xffffffff,\n", text, 1, true)
  end)

  it("shows types and offsets before members", function()
    local o = made("int a[2]; struct { unsigned f:2; char *p; } in;", ("<i4i4I4"):pack(1, 2, 3))
    assert.are.equal("(struct s){int a[2] = {1, 2}, struct {...} in = {unsigned int f:2 = 3, char *p = NULL}}",
      kvm.format(o, {types = true, columns = 100}))
    assert.are.equal([[
(struct s){
  /* 0x0000 */ .a = {1, 2},
  /* 0x0008 */ .in = {
    /* 0x0008 */ .f = 3,
    /* 0x0010 */ .p = NULL,
  },
}]], kvm.format(o, {offsets = true}))
  end)

  it("folds arrays", function()
    local o = made("int a[12];", ("<i4i4i4"):pack(7, 7, 8))
    assert.are.equal("(struct s){.a = {7, 7, 8, 0 <repeats 9 times>}}", kvm.format(o))
    assert.are.equal("(struct s){.a = {7, 7, 8, ... <9 more>}}", kvm.format(o, {elements = 2}))
    o = made("struct { int x; } a[6];", ("<i4i4i4"):pack(1, 1, 2))
    assert.are.equal("(struct s){.a = {[0 ... 1] = {.x = 1}, [2] = {.x = 2}, [3 ... 5] = {.x = 0}}}", kvm.format(o))
    assert.are.equal("(struct s){.a = {[0 ... 1] = {.x = 1}, [2] = {.x = 2}}}", kvm.format(o, {zeros = false}))
    assert.are.equal("(struct s){.a = {[0 ... 1] = {.x = 1}, ... <4 more>}}", kvm.format(o, {elements = 1}))
  end)

  it("fills lines with the elements of arrays", function()
    local numbers = {}
    for i = 1, 30 do numbers[i] = i * 1000 end
    local text = kvm.format(made("int a[30];", ("<" .. ("i4"):rep(30)):pack(table.unpack(numbers))), {columns = 40})
    for line in text:gmatch "[^\n]+" do assert.is_true(#line <= 40, line) end
    local _, lines = text:gsub("\n", "")
    assert.is_true(lines < 12)
    local back = {}
    for n in text:gmatch "%d+" do back[#back + 1] = tonumber(n) end
    assert.are.same(numbers, back)
  end)

  it("leaves out what is zero, when asked", function()
    local o = made("int a, b; struct { int x; void *p; char t[4]; } z; struct { int x, y; } n;",
      ("<i4i4"):pack(0, 3) .. ("\0"):rep(24) .. "\1")
    assert.are.equal("(struct s){.b = 3, .n = {.x = 1}}", kvm.format(o, {zeros = false}))
  end)

  it("shows the text behind a char pointer", function()
    local o = made("const char *s; char *bad;", ("<I8I8"):pack(image.TEXT + 0x2000, 16))
    assert.are.equal('(struct s){.s = 0xffffffff84002000 <linux_banner> "Linux"..., .bad = 0x10}', kvm.format(o, {string = 5}))
  end)

  it("goes on behind what can't be read", function()
    kvm.cdef(k, "struct big { int first; char gap[4092]; int lost; char more[4092]; int last; };")
    local o = assert(k:object(image.HOLED, "struct big"))
    local text = kvm.format(o, {string = 8})
    assert.matches(".first = 1684366702,", text, 1, true)
    assert.matches((".lost = <fault 0x%x>,"):format(image.HOLED + 0x1000), text, 1, true)
    assert.matches((".more = <fault 0x%x>,"):format(image.HOLED + 0x1004), text, 1, true)
    assert.matches(".last = 1701602405,", text, 1, true)
    assert.are.equal(("(struct list_head){.next = <fault 0x%x>, .prev = <fault 0x%x>}"):format(image.UNMAPPED, image.UNMAPPED + 8),
      kvm.format(assert(k:object(image.UNMAPPED, "struct list_head")), {columns = 200}))
  end)

  it("shows pointers, functions and plain values on a line", function()
    local p = kvm.cast(image.TEXT + 0x108, kvm.type.of(k, "int *"))
    assert.are.equal("(int *)0xffffffff84000108 <do_thing+0x8>", tostring(p))
    assert.are.equal('(char *)0xffffffff84002000 <linux_banner> "Lin"...',
      kvm.format(kvm.cast(image.TEXT + 0x2000, kvm.type.of(k, "char *")), {string = 3}))
    local f = k:object("do_thing", kvm.type.of(k, "int (void)"))
    assert.are.equal("(int (void))0xffffffff84000100 <do_thing>", tostring(f))
    assert.are.same({"1", "0xff", "NULL", "true", '"a\\n"', "1.5"}, {kvm.format(1), kvm.format(255, {hex = true}), kvm.format(nil),
      kvm.format(true), kvm.format("a\n"), kvm.format(1.5)})
  end)

  it("shows arrays", function()
    local a = k:object(image.TEXT + 0x2100, kvm.type.of(k, "int [2]"))
    assert.are.equal("(int [2]){-2, -1}", kvm.format(a))
    assert.are.equal("(int [0]){}", kvm.format(k:object(image.TEXT, kvm.type.of(k, "int []"))))
  end)

  it("refuses options that it does not have", function()
    for _, opts in ipairs {{colour = true}, {depth = -1}, {depth = "x"}, {hex = 1}, {columns = 1.5}} do
      local ok, e = pcall(kvm.format, 1, opts)
      assert.are.same({false, "inval"}, {ok, e.code})
    end
  end)

  it("ends for objects of a million values", function()
    kvm.cdef(k, "struct wide { struct { int x, y; } a[65536]; struct { int x, y; } b[65536]; };")
    local bytes = {}
    for i = 1, 262144 do bytes[i] = ("<i4"):pack(i) end
    local text = kvm.format(kvm.new(k:type("struct wide"), table.concat(bytes)), {elements = 1 << 20})
    assert.matches("more>", text, 1, true)
    assert.is_true(#text < 1 << 24)
  end)

  it("shows single members", function()
    local o = made("int a; struct { int x[3]; } in; struct list_head l;", ("<i4i4i4i4"):pack(1, 2, 3, 4))
    assert.are.equal("1", form.member(o, "a"))
    assert.are.equal("{2, 3, 4}", form.member(o, "in.x"))
    assert.are.equal("3", form.member(o, "in.x[1]"))
    assert.are.equal("(struct s){\n  .a = 1,\n  .in.x[2] = 4,\n  .l = {.next = NULL, .prev = NULL},\n}",
      form.members(o, {"a", "in.x[2]", "l"}))
    local ok, e = pcall(form.member, o, "nosuch")
    assert.are.same({false, "notfound"}, {ok, e.code})
  end)

  it("raises after close", function()
    local o = made("int a;", "")
    k:close()
    local ok, e = pcall(kvm.format, o)
    assert.are.same({false, "closed"}, {ok, e.code})
  end)
end)
