-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local abi = require "kvm.cdef.abi"
local known = require "kvm.cdef.known"

describe("kvm.cdef.known", function()
  harness.guard()
  local CORE = image.build()
  local X86, I386, ARM = abi.of{arch = "x86_64"}, abi.of{arch = "i386"}, abi.of{arch = "arm"}

  local function basic(on, text)
    local words = {}
    for w in text:gmatch "%S+" do words[#words + 1] = w end
    local t = known.basic(on, words)
    return t and ("%s %s %d/%d %s"):format(t.kind, t.name, t.size, t.align, t.signed)
  end

  it("makes basic types, words in any order", function()
    for text, want in pairs{
      int = "int int 4/4 true", unsigned = "int unsigned int 4/4 false", ["signed"] = "int int 4/4 true", long = "int long int 8/8 true",
      ["int long unsigned"] = "int long unsigned int 8/8 false", ["short unsigned"] = "int short unsigned int 2/2 false",
      ["long int long"] = "int long long int 8/8 true", char = "char char 1/1 true", ["char unsigned"] = "int unsigned char 1/1 false",
      ["signed char"] = "int signed char 1/1 true", _Bool = "bool _Bool 1/1 nil", float = "float float 4/4 nil",
      ["double long"] = "float long double 16/16 nil", ["unsigned __int128"] = "int __int128 unsigned 16/16 false",
    } do
      assert.are.equal(want, basic(X86, text), text)
    end
    assert.are.equal("int long int 4/4 true", basic(I386, "long"))
    assert.are.equal("int long long int 8/4 true", basic(I386, "long long"))
    assert.are.equal("float long double 12/4 nil", basic(I386, "long double"))
    assert.are.equal("char char 1/1 false", basic(ARM, "char"))
    assert.are.same({kind = "void", size = 0, align = 1}, known.basic(X86, {"void"}))
  end)

  it("knows what is none", function()
    for _, text in ipairs{
      "short long", "long long long", "unsigned signed", "char int", "long char", "short short", "int int", "void int", "void void",
      "_Bool unsigned", "float long", "long long double", "double double", "short double", "unsigned float", "__int128 long",
    } do
      assert.is_nil(basic(X86, text), text)
    end
    assert.is_nil(basic(I386, "__int128"))
  end)

  it("knows names of fixed meaning", function()
    assert.are.equal("unsigned int", known.meaning(X86, "u32"))
    assert.are.equal("unsigned long", known.meaning(X86, "size_t"))
    assert.are.equal("unsigned int", known.meaning(I386, "size_t"))
    assert.are.equal("_Bool", known.meaning(X86, "bool"))
    assert.is_nil(known.meaning(X86, "time_t"))
  end)

  describe("with a handle", function()
    local k
    before_each(function() k = harness.open(harness.temp(CORE)) end)

    local function declare(size, members, kind)
      return assert(k:declare{kind = kind or "struct", size = size, members = members})
    end

    it("tells alignments from members", function()
      assert.are.equal(8, known.alignment(X86, k:type "struct list_head"))
      assert.are.equal(8, known.alignment(X86, k:type "struct thing"))
      assert.are.equal(4, known.alignment(X86, k:type "pid_t"))
      assert.are.equal(4, known.alignment(X86, k:type "enum color"))
      assert.are.equal(1, known.alignment(X86, k:type("struct thing"):field("name").type))
      assert.is_nil(known.alignment(X86, k:type "void"))
    end)

    it("does not tell them where the layout shows attributes", function()
      local int, char = k:type "int", k:type "char"
      local a, b = {name = "a", type = char}, {name = "b", type = int, bit_offset = 8}
      assert.are.equal(1, known.alignment(X86, declare(5, {a, b}))) -- packed for certain
      assert.is_nil(known.alignment(X86, declare(6, {a, b}))) -- packed and aligned
      assert.is_nil(known.alignment(X86, declare(64, {{name = "a", type = int}})))
      assert.is_nil(known.alignment(X86, declare(16, {a, {name = "b", type = int, bit_offset = 64}, })))
      assert.is_nil(known.alignment(X86, declare(6, {{name = "a", type = int}})))
      assert.are.equal(4, known.alignment(X86, declare(4, {a, {name = "b", type = int}}, "union")))
      assert.is_nil(known.alignment(X86, declare(8, {a, {name = "b", type = int}}, "union")))
      assert.is_nil(known.alignment(X86, declare(64, {{name = "in", type = declare(64, {{name = "a", type = int}})}})))
    end)

    it("knows typedefs whose alignment debug information does not tell", function()
      local t = assert(k:declare{kind = "typedef", name = "compat_u64", target = assert(k:type("unsigned long") or k:type("int"))})
      assert.are.equal(4, known.alignment(X86, t))
    end)

    it("tells the kind behind typedefs", function()
      local kind, t = known.kind(k:type "pid_t")
      assert.are.equal("int", kind)
      assert.are.equal("int", t:name())
    end)
  end)
end)
