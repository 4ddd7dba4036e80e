-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local machine = require "spec.support.machine"
local cdef = require "kvm.cdef"
local err = require "kvm.error"

-- "name@bits type, ..." and the size.
local function layout(t)
  local out = {}
  for i, m in ipairs(t:members()) do
    local bits = m.bit_size > 0 and ":" .. m.bit_size or ""
    out[i] = ("%s@%d%s %s"):format(m.name or "-", m.bit_offset, bits, m.type:spell())
  end
  return table.concat(out, ", ") .. " = " .. t:size()
end

local function raised(f, ...)
  local ok, e = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(err.is(e), tostring(e))
  return e
end

describe("kvm.cdef", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  -- {what, declarations, its struct t}
  local LAYOUTS = {
    {"members of all basic types",
      "struct t { char a; short b; int c; long d; long long int e; unsigned f; _Bool g; signed char h; unsigned long int i; };",
      "a@0 char, b@16 short int, c@32 int, d@64 long int, e@128 long long int, f@192 unsigned int, g@224 _Bool, h@232 signed char, "
      .. "i@256 long unsigned int = 40"},
    {"floats and 128-bit integers", "struct t { float a; double b; long double c; __int128 d; unsigned __int128 e; };",
      "a@0 float, b@64 double, c@128 long double, d@256 __int128, e@384 __int128 unsigned = 64"},
    {"names of fixed meaning", "struct t { u8 a; __u32 b; uint64_t c; size_t d; bool e; ssize_t f; __be16 g; };",
      "a@0 u8, b@32 __u32, c@64 uint64_t, d@128 size_t, e@192 bool, f@256 ssize_t, g@320 __be16 = 48"},
    {"types of the handle", "struct t { char a; struct list_head l; struct thing *p; enum color c; pid_t pid; };",
      "a@0 char, l@64 struct list_head, p@192 struct thing *, c@256 enum color, pid@288 pid_t = 40"},
    {"several declarators", "struct t { int a, *b, c[2], (*d)[3]; };", "a@0 int, b@64 int *, c@128 int [2], d@192 int (*)[3] = 32"},
    {"arrays", "struct t { char a[2][3]; int *b[2]; char c[]; };", "a@0 char [2][3], b@64 int *[2], c@192 char [0] = 24"},
    {"pointers to functions", "struct t { int (*a)(void); void *(*b)(struct t *, const char *, ...); int (*(*c)(int))(char); };",
      "a@0 int (*)(void), b@64 void *(*)(struct t *, const char *, ...), c@128 int (*(*)(int))(char) = 24"},
    {"parameters that decay", "struct t { void (*a)(int x[3], int f(char), const int y, char *const z); };",
      "a@0 void (*)(int *, int (*)(char), int, char *) = 8"},
    {"qualifiers", "struct t { const volatile int a; int *const b; char const *restrict c; };",
      "a@0 const volatile int, b@64 int * const, c@128 const char * restrict = 24"},
    {"bit fields", "struct t { int a:3, :2, b:4; unsigned c:30; u8 d:1; int :0; char e; long f:40, g:30; };",
      "a@0:3 int, b@5:4 int, c@32:30 unsigned int, d@62:1 u8, e@64 char, f@72:40 long int, g@128:30 long int = 24"},
    {"packed", "struct __packed t { char a; int b; int c:3; long d; };", "a@0 char, b@8 int, c@40:3 int, d@48 long int = 14"},
    {"packed behind the brace, of one member", "struct t { char a; int b __attribute__((packed)); short c; } __attribute__((unused));",
      "a@0 char, b@8 int, c@48 short int = 8"},
    {"aligned", "struct t { char a; int b __aligned(16); _Alignas(8) char c; char d __attribute__((aligned)); };",
      "a@0 char, b@128 int, c@192 char, d@256 char = 48"},
    {"aligned structs", "struct in { char a; } __attribute__((__aligned__(32), __packed__)); struct t { char a; struct in b; };",
      "a@0 char, b@256 struct in = 64"},
    {"aligned typedefs, which may lower it", "typedef u64 low __aligned(4); struct t { char a; low b; };", "a@0 char, b@32 low = 12"},
    {"_Alignas of a macro", "#define LINE 32\nstruct t { _Alignas(LINE) char a; };", "a@0 char = 32"},
    {"_Alignas of a type", "struct t { _Alignas(long) char a; char b; };", "a@0 char, b@8 char = 8"},
    {"anonymous members", "struct t { int a; union { int b; struct { char c, d; }; }; };", "a@0 int, -@32 union {...} = 8"},
    {"nested definitions", "struct t { struct in { int a; } b[2]; struct in *c; enum { A, B = 7 } d; char e[B]; };",
      "b@0 struct in [2], c@64 struct in *, d@128 enum {...}, e@160 char [7] = 32"},
    {"pointers to itself and to later ones", "struct t { struct t *a; struct late *b; struct nowhere *c; }; struct late { int x; };",
      "a@0 struct t *, b@64 struct late *, c@128 struct nowhere * = 24"},
    {"typedefs of what comes later", "typedef struct late late_t; struct late { int x; }; struct t { late_t a; };", "a@0 late_t = 4"},
    {"macros",
      "#define N 12 /* a\n dozen */\n#define TWICE (N * \\\n 2)\n#define F(x) x\n#define NONE\nstruct t { char a[N], b[TWICE + 1]; };",
      "a@0 char [12], b@96 char [25] = 37"},
    {"constants of enums",
      "enum { A = 3, B, C = sizeof(int) * 2 }; struct t { char a[A + B], b[C]; };", "a@0 char [7], b@56 char [8] = 15"},
    {"enums by their size", "enum e { BIG = 1ull << 40 }; enum __attribute__((packed)) p { P }; struct t { enum p a; enum e b; };",
      "a@0 enum p, b@64 enum e = 16"},
    {"fixed offsets and sizes", "struct t { int a offset(24); char b; struct list_head c offset(0x28); } size(64);",
      "a@192 int, b@224 char, c@320 struct list_head = 64"},
    {"offsets against the alignment", "struct t { u64 a offset(2); };", "a@16 u64 = 10"},
    {"words of the kernel", "struct t { char __user *a; struct list_head __rcu *b; void __iomem *c; };",
      "a@0 char *, b@64 struct list_head *, c@128 void * = 24"},
    {"comments", "struct t { // one\n /* two * / */ int a; /**/ };", "a@0 int = 4"},
    {"an empty struct", "struct t { };", " = 0"},
    {"unions", "union t { char a[5]; int b; short c:9; };", "a@0 char [5], b@0 int, c@0:9 short int = 8"},
  }
  for _, case in ipairs(LAYOUTS) do
    it("lays out " .. case[1], function() assert.are.equal(case[3], layout(cdef(k, case[2]).t)) end)
  end

  it("gives what it declared by name, and k:type finds it", function()
    local types = cdef(k, "struct foo { int a; } ; typedef struct foo *foo_p; extern struct foo bar[2]; int func(void); enum e { X };")
    local names = {}
    for name, t in pairs(types) do names[name] = t:spell() end
    assert.are.same({["struct foo"] = "struct foo", foo = "struct foo", foo_p = "foo_p", bar = "struct foo [2]", func = "int (void)",
      ["enum e"] = "enum e", e = "enum e"}, names)
    assert.is_true(types.foo == k:type("struct foo"))
    assert.is_true(types.foo_p == k:type("foo_p"))
    assert.are.same({{name = "X", value = 0}}, k:type("enum e"):enumerators())
  end)

  it("prefers a typedef to a tag of the same name, as k:type does", function()
    local types = cdef(k, "struct x { int a; }; typedef char x;")
    assert.are.equal("typedef", types.x:kind())
    assert.are.equal("struct", types["struct x"]:kind())
    types = cdef(k, "typedef char y; struct y { int a; };")
    assert.are.equal("typedef", types.y:kind())
  end)

  it("takes a struct again, and a later one for the one that is meant", function()
    local one = cdef(k, "struct foo { int a; };").foo
    assert.is_true(one == cdef(k, "struct foo { int a; };").foo)
    local two = cdef(k, "struct foo { char b[9]; };").foo
    assert.is_false(one == two)
    assert.are.equal(9, k:type("struct foo"):size())
    assert.are.equal(9, cdef.type(k, "struct foo"):size())
    assert.are.equal(48, cdef.type(k, "struct thing"):size())
    assert.are.equal(4, cdef(k, "struct thing { int only; };").thing:size())
    assert.are.equal(4, cdef.type(k, "struct thing"):size())
  end)

  it("remembers constants and typedefs of a handle from text to text", function()
    cdef(k, "#define N 3\nenum { TWO = 2 }; typedef struct foo foo_t; struct user { struct foo *p; };")
    assert.are.equal("a@0 char [3], b@24 char [2] = 5", layout(cdef(k, "struct t { char a[N]; char b[TWO]; };").t))
    assert.are.equal(8, cdef(k, "struct foo { int a, b; }; struct t { foo_t f; };").t:size())
    assert.are.equal(8, k:type("struct user"):field("p").type:target():size())
  end)

  it("forgets what a text with an error declared", function()
    raised(cdef, k, "struct foo { int a; }; enum { N = 1 }; struct bar { nope b; };")
    assert.is_nil((k:type("struct foo")))
    assert.are.equal("notfound", raised(cdef, k, "struct t { char a[N]; };").code)
    cdef(k, "struct later; struct t { struct later *p; };")
    raised(cdef, k, "struct later { int a; }; struct bar { nope b; };")
    raised(cdef, k, "struct t { struct later l; };")
  end)

  -- {text, what the message has, code}; the message begins with "line L, column C: "
  local ERRORS = {
    {"int a b;", "1:7 expected '['", "inval"},
    {"struct t {\n  int a\n  int b; };", "3:3 expected", "inval"},
    {"struct t { nope_t a; };", '1:12 unknown type "nope_t": "struct t { nope_t a; };"', "notfound"},
    {"struct t { struct nope a; };", "no size: it is struct nope, which is not defined", "notfound"},
    {"struct t { struct t a; };", "it is struct t, of which this is a part", "inval"},
    {"struct t { struct in { struct t a; } b; };", "of which this is a part", "inval"},
    {"struct t { void a; };", "no size: it is void", "inval"},
    {"struct t { int f(void); };", "a member that is a function", "inval"},
    {"struct t { int a, a; };", "a second member a", "inval"},
    {"struct t { int a; union { int a; }; };", "a second member a", "inval"},
    {"struct t { int a[]; int b; };", "an array without a length is the last member", "inval"},
    {"struct t { int a[]; };", "an array without a length is the last member", "inval"},
    {"union t { int a; int b[]; };", "an array without a length is the last member", "inval"},
    {"struct t { int a[][2][]; };", "no size: it is an array without a length", "inval"},
    {"struct t { int a[-1]; };", "the length of the array is negative", "inval"},
    {"struct t { int a[1 << 20][1 << 20][1 << 20]; };", "the array is too large", "inval"},
    {"struct t { char a[0x900000000000], b[0x900000000000]; };", "the type is too large", "inval"},
    {"struct t { int a[X]; };", 'unknown name "X"', "notfound"},
    {"struct t { int a:33; };", "a bit field of 33 bits in a type of 32", "inval"},
    {"struct t { _Bool a:2; };", "a bit field of 2 bits in a type of 1", "inval"},
    {"struct t { int a:0; };", "only a bit field without a name can have 0 bits", "inval"},
    {"struct t { int a:-1; };", "the width of the bit field is negative", "inval"},
    {"struct t { float a:2; };", "a bit field whose type is no integer", "inval"},
    {"struct t { int *a:2; };", "a bit field whose type is no integer", "inval"},
    {"struct t { struct in { int a; }; };", "this declares no member", "inval"},
    {"struct t { int; };", "this declares no member", "inval"},
    {"struct t { typedef int a; };", "typedef in a struct", "inval"},
    {"struct t { int a __aligned(3); };", "an alignment is a power of two", "inval"},
    {"struct t { int a __aligned(0); };", "an alignment is a power of two", "inval"},
    {"struct t { int a; char b offset(2); };", "it overlaps with the member in front of it", "inval"},
    {"struct t { int a[4]; } size(8);", "its members need 16 bytes", "inval"},
    {"struct t { int * __packed a; };", "packed and aligned stand behind the name", "inval"},
    {"typedef int t __packed;", "packed belongs to the struct", "inval"},
    {"struct t { int a; } x;", 'say "extern" to tell the type of the variable x', "inval"},
    {"struct t { int a; } ____cacheline_aligned;", "1:21 expected", "inval"},
    {"struct t { int a; } __attribute__((mode(DI)));", "expected an attribute that is known here", "inval"},
    {"#pragma pack(1)\nstruct t { int a; };", "1:1 expected", "inval"},
    {"#include <x.h>", "1:1 expected", "inval"},
    {"enum { A = 1/0 };", "1:12 division by zero", "inval"},
    {"enum { A = 1 % 0 };", "division by zero", "inval"},
    {"enum { A = 0x7fffffff + 1 };", "the result does not fit into an int", "inval"},
    {"enum { A, A };", "a second A", "inval"},
    {"enum { A = 0xffffffffffffffff, B };", "the value is too large", "inval"},
    {"enum { A = 0xffffffffffffffff, B = -1 };", "no integer holds all values", "inval"},
    {"#define A B\n#define B A\nenum { X = A };", "3:12 A stands for itself", "inval"},
    {"#define A\nenum { X = A };", "A is no number", "inval"},
    {"#define A 3 +\nenum { X = A };", "2:12 A is no number:  3 +", "inval"},
    {"_Static_assert(sizeof(int) == 8, \"wrong size\");", "1:16 static assertion failed: \"wrong size\"", "inval"},
    {"struct t { int a; _Static_assert(0); };", "static assertion failed", "inval"},
    {"/* no end", "1:10 expected the end of the comment", "inval"},
    {"struct t { int a; /* no end };", "expected the end of the comment", "inval"},
    {"struct t { int a;\0 };", "a byte 0", "inval"},
    {"int f(void)[3];", "", "inval"},
    {"typedef int (*f[2])(void)(void);", "a function can't return an prototype", "inval"},
    {"extern int f[2](void);", "an array of functions", "inval"},
    {"struct t { void (*f)(void, int); };", "a parameter of type void", "inval"},
    {"extern unsigned float x;", '"unsigned float" is no type of C', "inval"},
    {"extern long long long x;", '"long long long" is no type of C', "inval"},
    {"enum { A = sizeof(struct nope) };", "no size: it is struct nope, which is not defined", "notfound"},
    {"enum { A = offsetof(struct list_head, nope) };", "offsetof: no member nope", "notfound"},
  }
  for _, case in ipairs(ERRORS) do
    it("refuses " .. case[1]:gsub("%c", " "), function()
      local e = raised(cdef, k, case[1])
      local line, column, text = case[2]:match "^(%d+):(%d+) (.*)"
      assert.is_truthy(e.message:find("^line %d+, column %d+: "), e.message)
      if line then
        local place = ("line %s, column %s: "):format(line, column)
        assert.are.equal(place, e.message:sub(1, #place), e.message)
      end
      assert.is_truthy(e.message:find(text or case[2], 1, true), e.message)
      assert.are.equal(case[3], e.code)
    end)
  end

  it("checks static assertions with the layout at hand", function()
    cdef(k, [[struct t { char a; struct { int b; } c[3]; struct list_head l; };
      _Static_assert(sizeof(struct t) == 32 && offsetof(struct t, c[2].b) == 12 && _Alignof(struct t) == 8, "t");
      _Static_assert(offsetof(struct t, l.prev) == 24 && sizeof(char [3][4]) == 12);]])
  end)

  it("ends in bounded time for hostile texts", function()
    local function many(n, f)
      local out = {}
      for i = 1, n do out[i] = f(i) end
      return table.concat(out)
    end
    local function number(i) return "A" .. i .. "," end
    local cases = {
      {"enum e {" .. many(1000000, number) .. "};", "declarations of more than 1048576 bytes"},
      {"enum e {" .. many(70000, number) .. "};", "more than 65536 values"},
      {"struct t {" .. many(70000, function(i) return "int a" .. i .. ";" end) .. "};", "more than 65536 members"},
      {("struct {"):rep(100000), "nested too deeply"},
      {("struct {"):rep(190) .. "int a;" .. ("};"):rep(190), "nested too deeply"},
      {"enum {A = " .. ("("):rep(100000), "nested too deeply"},
      {"typedef int " .. ("*"):rep(100000) .. "p;", "the type is made of too many others"},
      {"typedef int p" .. ("[1]"):rep(1000) .. ";", "the type is made of too many others"},
      {"typedef int t0;" .. many(300, function(i) return ("typedef t%d t%d;"):format(i - 1, i) end), "made of too many others"},
      {many(100, function(i) return ("#define A%d A%d\n"):format(i, i + 1) end) .. "enum { X = A1 };", "too many macros within macros"},
    }
    for _, case in ipairs(cases) do
      local start = os.clock()
      local e = raised(cdef, k, case[1])
      assert.is_truthy(e.message:find(case[2], 1, true), e.message)
      assert.is_true(os.clock() - start < 10, case[2])
      assert.is_true(#e.message < 400)
    end
    -- 2^25 if each use were computed
    cdef(k, many(25, function(i) return ("#define M%d (M%d + M%d)\n"):format(i, i + 1, i + 1) end) .. "#define M26 1\nenum { M = M1 };")
  end)

  it("wants the alignment said where the handle's types do not tell it", function()
    local other = harness.open(harness.temp(CORE))
    local t = assert(other:declare{kind = "struct", name = "gap", size = 64, members = {{name = "a", type = other:type("int")}}})
    assert.are.equal(64, t:size())
    local e = raised(cdef, other, "struct t { char a; struct gap b; };")
    assert.matches("the alignment of this type is not known", e.message, 1, true)
    assert.are.equal(512, cdef(other, "struct t { char a; struct gap b __aligned(64); };").t:field("b").bit_offset)
    assert.are.equal(8, cdef(other, "struct t { char a; struct gap b __packed; };").t:field("b").bit_offset)
    assert.are.equal(320, cdef(other, "struct t { char a; struct gap b offset(40); };").t:field("b").bit_offset)
    assert.are.equal(64, cdef(other, "struct t { char a; struct gap *b; };").t:field("b").bit_offset)
  end)

  it("knows the machines of handles without types", function()
    local text = "struct t { char a; u64 b; long c; long double d; size_t e; int f:3; };"
    local expected = {
      x86_64 = "a@0 char, b@64 u64, c@128 long int, d@256 long double, e@384 size_t, f@448:3 int = 64",
      i386 = "a@0 char, b@32 u64, c@96 long int, d@128 long double, e@224 size_t, f@256:3 int = 36",
      arm = "a@0 char, b@64 u64, c@128 long int, d@192 long double, e@256 size_t, f@288:3 int = 40",
      s390x = "a@0 char, b@64 u64, c@128 long int, d@192 long double, e@320 size_t, f@384:3 int = 56",
    }
    for arch, want in pairs(expected) do
      local bare = machine.open(arch)
      assert.are.equal(want, layout(cdef(bare, text).t))
      assert.are.equal(arch == "x86_64" or arch == "i386", bare:type("char"):signed())
    end
    local e = raised(cdef, machine.open("m68k"), "struct t { int a; };")
    assert.are.same({"unsupported", "the layout of C on m68k is not known"}, {e.code, e.message})
  end)

  describe("type", function()
    it("takes C's type expressions", function()
      for expr, spelled in pairs{
        ["struct list_head *[4]"] = "struct list_head *[4]", ["int (*)(void)"] = "int (*)(void)", ["unsigned"] = "unsigned int",
        ["char [16]"] = "char [16]", ["const struct thing *"] = "const struct thing *", ["pid_t"] = "pid_t", ["void *"] = "void *",
        ["void"] = "void",
        ["thing"] = "struct thing", [" struct  thing "] = "struct thing", ["u8"] = "u8", ["long [2][3]"] = "long int [2][3]",
        ["int (*(*)(char))[3]"] = "int (*(*)(char))[3]", ["const void *"] = "const void *", ["int const"] = "const int",
        ["char [sizeof(struct thing)]"] = "char [48]", ["struct { int a; } *"] = "struct {...} *", ["int ()"] = "int (void)",
      } do
        assert.are.equal(spelled, cdef.type(k, expr):spell(), expr)
      end
    end)

    it("gives the same type for the same expression", function()
      local t = cdef.type(k, "struct thing *")
      assert.is_true(rawequal(t, cdef.type(k, "struct thing *")))
      assert.is_true(t == cdef.type(k, "struct thing*"))
      assert.is_true(cdef.type(k, "struct thing") == k:type("struct thing"))
    end)

    it("refuses what is none, and names that nobody knows", function()
      for expr, code in pairs{
        ["struct nope *"] = "notfound", ["nope"] = "notfound", ["nope *"] = "notfound", ["struct nope"] = "notfound", ["int x"] = "inval",
        ["int *x"] = "inval", [""] = "inval", ["int ["] = "inval", ["int;"] = "inval", ["typedef int"] = "inval",
        ["unsigned char char"] = "inval",
        ["enum nope"] = "notfound", ["int __aligned(8)"] = "inval",
      } do
        local e = raised(cdef.type, k, expr)
        assert.are.equal(code, e.code, expr .. ": " .. e.message)
        assert.matches("^line 1, column %d+: ", e.message)
      end
    end)

    it("raises for wrong arguments", function()
      for _, wrong in ipairs{1, true, {}} do
        assert.is_false(pcall(cdef.type, k, wrong))
        assert.is_false(pcall(cdef, k, wrong))
        assert.is_false(pcall(cdef, wrong))
      end
      local _, message = pcall(cdef.type, k, 1)
      assert.matches("bad argument #2 to 'type' %(string expected, got number%)", message)
    end)
  end)

  -- texts for every handle stay: names of their own
  describe("for every handle", function()
    it("raises syntax errors at once", function()
      assert.are.equal("inval", raised(cdef, "struct every_0 { int a }").code)
    end)

    it("is laid out when a name is asked for, for each handle by its machine", function()
      assert.is_nil(cdef "struct every_1 { char a; u64 b; }; extern struct every_1 every_1_var;")
      assert.are.equal(16, k:type("struct every_1"):size())
      assert.are.equal("struct every_1", k:variable("every_1_var"):spell())
      assert.are.equal(16, cdef.type(k, "struct every_1"):size())
      assert.are.equal(16, k:type("struct every_1"):size())
      assert.are.equal(12, cdef.type(machine.open("i386"), "every_1"):size())
      assert.are.equal(8, cdef.type(machine.open("x86_64"), "struct every_1 *"):size())
    end)

    it("is laid out by apply, for a name or all", function()
      cdef "struct every_2 { int a; };"
      cdef.apply(k, "struct list_head")
      cdef.apply(k, "struct every_2")
      assert.are.equal(4, k:type("struct every_2"):size())
      cdef "struct every_2 { int a, b; };"
      cdef "typedef struct every_2 every_2_t;"
      cdef.apply(k)
      assert.are.equal(8, k:type("every_2_t"):size())
      cdef.apply(k)
    end)

    it("stands behind what is declared for a handle later", function()
      cdef "struct every_3 { int a; };"
      assert.are.equal(1, cdef(k, "struct every_3 { char a; };")["struct every_3"]:size())
      assert.are.equal(1, cdef.type(k, "struct every_3"):size())
    end)

    it("fails only for those who ask for a name of a text that does not fit", function()
      cdef "struct every_4 { struct no_such_thing a; };"
      local e = raised(cdef.type, k, "struct every_4")
      assert.are.equal("notfound", e.code)
      assert.matches("no_such_thing", e.message, 1, true)
      assert.are.equal("notfound", raised(cdef.apply, k, "every_4").code)
      assert.are.equal("inval", select(3, k:type("struct every_4")))
      assert.are.equal(16, cdef.type(k, "struct list_head"):size())
      cdef.apply(k, "struct list_head")
      assert.matches("no_such_thing", raised(cdef, k, "struct t { struct every_4 a; };").message, 1, true)
      assert.are.equal(8, cdef(k, "struct t { struct list_head *a; };").t:size())
      assert.matches("no_such_thing", raised(cdef.apply, k).message, 1, true)
      cdef "struct every_4 { int a; };"
      cdef.apply(k)
      assert.are.equal(4, cdef.type(k, "struct every_4"):size())
    end)
  end)

  it("loads LPeg for texts and expressions, not for plain names", function()
    local loaded = {}
    for name, value in pairs(package.loaded) do
      if name == "lpeg" or name:find "^kvm%.cdef" then loaded[name] = value end
    end
    for name in pairs(loaded) do package.loaded[name] = nil end
    local fresh = require "kvm.cdef"
    local sizes = {fresh.type(k, "struct thing"):size(), fresh.type(k, "pid_t"):size()}
    local without = package.loaded.lpeg == nil
    sizes[3] = fresh.type(k, "struct thing *"):size()
    local with = package.loaded.lpeg ~= nil
    for name, value in pairs(loaded) do package.loaded[name] = value end
    assert.are.same({48, 4, 8}, sizes)
    assert.is_true(without)
    assert.is_true(with)
  end)
end)
