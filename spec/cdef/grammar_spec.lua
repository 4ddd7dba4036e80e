-- SPDX-License-Identifier: BSD-2-Clause
local err = require "kvm.error"
local grammar = require "kvm.cdef.grammar"

local function message(f, ...)
  local ok, e = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(err.is(e, "inval"), tostring(e))
  return e.message
end

describe("kvm.cdef.grammar", function()
  it("tells declarations, definitions and assertions apart", function()
    local list = grammar.parse('struct a { int b; }; ;;\n#define N 3\n_Static_assert(1, "x"); typedef int c, *d;')
    local kinds = {}
    for i, n in ipairs(list) do kinds[i] = n.node .. "@" .. n.pos end
    assert.are.same({"declaration@1", "define@25", "assert@37", "declaration@61"}, kinds)
    assert.are.equal("c", list[4].list[1].declarator.name)
    assert.are.equal(1, #list[4].list[2].declarator.pointers)
    assert.are.equal(" 3", list[2].value)
    assert.are.same({}, grammar.parse "")
    assert.are.same({}, grammar.parse " /* nothing */ // at all")
  end)

  it("takes specifiers in any order", function()
    for _, text in ipairs{"typedef const unsigned long x;", "long const typedef unsigned x;", "unsigned typedef long const x;"} do
      local flags, words = {}, {}
      for _, item in ipairs(grammar.parse(text)[1].spec) do
        flags[#flags + 1], words[#words + 1] = item.flag, item.word
      end
      table.sort(flags)
      table.sort(words)
      assert.are.same({{"const", "typedef"}, {"long", "unsigned"}}, {flags, words})
    end
  end)

  it("parses types without a name, and only those", function()
    local t = grammar.type_name "int (*(*)(char))[3]"
    assert.is_nil(t.declarator.name)
    assert.are.equal(1, #t.declarator.suffixes)
    assert.are.equal(1, #t.declarator.inner.inner.pointers)
    assert.matches("expected", message(grammar.type_name, "int x"))
    assert.matches("column 6: expected .* or the end:", message(grammar.type_name, "int *)"))
  end)

  it("keeps the operands of an expression in order", function()
    local e = grammar.expression "1 + A ? (2) : -3"
    assert.are.same({"1", "+", "A"}, {e[1].text, e[2], e[3].name})
    assert.are.equal("2", e.yes[1][1].text)
    assert.are.same({"unary", "-", "3"}, {e.no[1].node, e.no[1].op, e.no[1].operand.text})
    assert.matches("column 4: expected", message(grammar.expression, "1 +"))
  end)

  it("has no words of C for names", function()
    for _, word in ipairs{"struct", "int", "sizeof", "____cacheline_aligned", "if", "_Alignof"} do
      assert.matches("^line 1, column 15: expected", message(grammar.parse, ("struct t { u8 %s; };"):format(word)))
    end
    for _, name in ipairs{"structs", "int_", "offset", "size", "packed", "aligned"} do
      assert.are.equal(name, grammar.parse(("struct t { int %s; };"):format(name))[1].spec.base.body[1].list[1].declarator.name)
    end
  end)

  it("tells the place of an error with its line, shortened and without control characters", function()
    assert.are.equal('line 2, column 3: no: "a b"', message(grammar.fail, "x\na\tb\ny", 5, "no"))
    assert.are.equal('line 1, column 1: no: ""', message(grammar.fail, "", 1, "no"))
    local long = message(grammar.fail, ("x"):rep(500) .. "!" .. ("y"):rep(500), 501, "no")
    assert.are.equal('line 1, column 501: no: "' .. ("x"):rep(41) .. "!" .. ("y"):rep(58) .. '"', long)
  end)

  it("ends at every place where a text may be cut off", function()
    local text = 'struct __packed a { int b[3], *c:4; union { u8 d; } e __aligned(8) offset(8); } size(64);\n#define N (1 + 2)\n'
      .. 'enum e { A = N ? sizeof(int) : \'x\', B }; extern int (*f)(char, ...); _Static_assert(A == 4, "no");'
    assert.are.equal(5, #grammar.parse(text))
    for n = 1, #text - 1 do
      local ok, e = pcall(grammar.parse, text:sub(1, n))
      assert.is_true(ok or err.is(e, "inval"), tostring(e))
    end
  end)

  it("ends for any one byte that is another", function()
    local text = "struct a { int b[3]; unsigned c:4; char *d; } __packed; enum e { A = 1 << 3 };"
    for n = 1, #text do
      for _, byte in ipairs{"\0", "\255", "(", "}", "*", "/", "9", "'"} do
        local ok, e = pcall(grammar.parse, text:sub(1, n - 1) .. byte .. text:sub(n + 1))
        assert.is_true(ok or err.is(e, "inval"), tostring(e))
      end
    end
  end)
end)
