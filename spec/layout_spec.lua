-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kvm = require "kvm"
local layout = require "kvm.layout"

describe("kvm.layout", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  local function of(declarations, name)
    kvm.cdef(k, declarations)
    return layout.of(assert(k:type(name)))
  end

  it("puts the name of a declaration where C has it", function()
    for spelling, expected in pairs {
      ["int"] = "int x", ["char *"] = "char *x", ["char [16]"] = "char x[16]", ["struct a *[4]"] = "struct a *x[4]",
      ["int (*)(void)"] = "int (*x)(void)", ["int (*[3])(void)"] = "int (*x[3])(void)", ["int (*)[4]"] = "int (*x)[4]",
      ["void (int, int (*)(void))"] = "void x(int, int (*)(void))", ["void (*(*)(int))(void)"] = "void (*(*x)(int))(void)",
      ["int (* const)(void)"] = "int (* const x)(void)", ["char * const"] = "char * const x", ["int [2][3]"] = "int x[2][3]",
    } do
      assert.are.equal(expected, layout.declare(spelling, "x"))
      assert.are.equal(spelling, layout.declare(spelling))
    end
  end)

  it("lists members, those of unnamed structs one deeper", function()
    local l = layout.of(k:type("struct thing"))
    local plain = {}
    for i, m in ipairs(l.members) do
      plain[i] = {m.name or "-", m.path or "-", m.depth, m.offset, m.bit_offset, m.bit_size, m.size, m.hole_bits}
    end
    assert.are.same({
      {"list", "list", 0, 0, 0, 0, 16, 0}, {"name", "name", 0, 16, 128, 0, 16, 0}, {"-", "-", 0, 32, 256, 0, 4, 0},
      {"word", "word", 1, 32, 256, 0, 4, 0}, {"half", "half", 1, 32, 256, 0, 4, 0}, {"low", "low", 0, 36, 288, 3, 4, 0},
      {"high", "high", 0, 36, 291, 5, 4, 0}, {"pid", "pid", 0, 40, 320, 0, 4, 24},
    }, plain)
    assert.are.same({"thing", "struct", 48, 6, 1, 24, 32}, {l.name, l.kind, l.size, l.count, l.holes, l.hole_bits, l.padding_bits})
  end)

  it("is C, with places and holes", function()
    assert.are.equal([[
struct thing {
    struct list_head list;                       /*      0     16 */
    char name[16];                               /*     16     16 */
    union {
        unsigned int word;                       /*     32      4 */
        int half;                                /*     32      4 */
    };                                           /*     32      4 */
    unsigned int low:3;                          /*     36: 0   4 */
    unsigned int high:5;                         /*     36: 3   4 */
    /* hole: 3 bytes */
    pid_t pid;                                   /*     40      4 */
}; /* size: 48, members: 6, holes: 1 (3 bytes), padding: 4 bytes */
]], layout.text(layout.of(k:type("struct thing"))))
  end)

  it("has offsets or addresses in front, or nothing", function()
    local l = of("struct o { int a; struct { char c; } in[2]; unsigned f:3, g:2; };", "struct o")
    assert.are.equal([[
struct o {
    [0] int a;
    [4] struct {
        [4] char c;
    } in[2];
    [6:0] unsigned int f:3;
    [6:3] unsigned int g:2;
}; /* size: 8, members: 4, padding: 11 bits */
]], layout.text(l, "offset"))
    assert.matches("    [ffff888000000004] struct {\n        [ffff888000000004] char c;",
      layout.text(l, "offset", 0xffff888000000000), 1, true)
    assert.matches("^struct o {\n    int a;\n    struct {\n        char c;\n    } in%[2%];\n", layout.text(l, "plain"))
  end)

  it("gives paths through named members without a type's name, not through arrays", function()
    local l = of("struct p { struct { int a; struct { int b; }; } in; struct { int c; } many[2]; };", "struct p")
    local paths = {}
    for i, m in ipairs(l.members) do paths[i] = m.path or "-" end
    assert.are.same({"in", "in.a", "-", "in.b", "many", "-"}, paths)
  end)

  it("knows typedefs of structs without a name", function()
    local l = of("typedef struct { int counter; } atom;", "atom")
    assert.are.equal("typedef struct {\n    int counter;\n} atom; /* size: 4, members: 1 */\n", layout.text(l, "plain"))
    assert.are.same({"atom", "atom"}, {l.alias, l.name})
  end)

  it("counts no holes in unions and none in empty structs", function()
    local l = of("union u { char c; long l; };", "union u")
    assert.are.same({0, 0, 0}, {l.holes, l.hole_bits, l.padding_bits})
    assert.are.equal("struct e {\n}; /* size: 0, members: 0 */\n", layout.text(of("struct e { };", "struct e")))
  end)

  it("finds single members", function()
    local m = layout.member(k:type("struct thing"), "list.prev")
    assert.are.same({"list.prev", 8, 64, 0, 8, "struct list_head *"}, {m.name, m.offset, m.bit_offset, m.bit_size, m.size, m.type})
    local ok, e = pcall(layout.member, k:type("struct thing"), "nosuch")
    assert.are.same({false, "notfound"}, {ok, e.code})
  end)

  it("says what other types are", function()
    assert.are.equal("typedef int pid_t; /* size: 4 */\n", layout.definition(k:type("pid_t")))
    assert.are.equal("int; /* size: 4 */\n", layout.definition(k:type("int")))
    assert.are.equal("enum color {\n    RED = 1,\n    GREEN = -2,\n}; /* size: 4 */\n", layout.definition(k:type("enum color")))
    local ok, e = pcall(layout.of, k:type("int"))
    assert.are.same({false, "inval", "int is no struct or union"}, {ok, e.code, e.message})
  end)

  it("ends where structs nest without end", function()
    local t = setmetatable({}, {__index = {
      kind = function() return "struct" end, name = function() return nil end, size = function() return 8 end,
      spell = function() return "struct {...}" end, strip = function(s) return s end, count = function() return 1 end,
      members = function(s) return {{type = s, offset = 0, bit_offset = 0, bit_size = 0}} end,
    }})
    local ok, e = pcall(layout.of, t)
    assert.are.same({false, "format"}, {ok, e.code})
  end)
end)
