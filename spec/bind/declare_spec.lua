-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"

describe("declare", function()
  harness.guard()
  local CORE = image.build()
  local k, int, thing
  before_each(function()
    k = harness.open(harness.temp(CORE))
    int, thing = assert(k:type "int"), assert(k:type "struct thing")
  end)

  local function declare(t) return assert(k:declare(t)) end
  local function refused(t, text)
    local none, message, code = k:declare(t)
    assert.is_nil(none)
    assert.are.equal("inval", code)
    assert.matches(text, message, 1, true)
  end

  it("makes every kind of type", function()
    local proto = declare{kind = "prototype", target = int, members = {{type = int, name = "x"}, {}}}
    for want, t in pairs{
      ["int word 2 16 true"] = {kind = "int", name = "word", size = 2, signed = true},
      ["int three 1 3 false"] = {kind = "int", name = "three", size = 1, bits = 3},
      ["bool _Bool 1 8 false"] = {kind = "bool", name = "_Bool", size = 1},
      ["char char 1 8 true"] = {kind = "char", name = "char", size = 1, signed = true},
      ["float long double 12 0 false"] = {kind = "float", name = "long double", size = 12},
      ["enum e 1 0 true"] = {kind = "enum", name = "e", size = 1, signed = true, enumerators = {{name = "A", value = -1}}},
      ["typedef t 4 32 true"] = {kind = "typedef", name = "t", target = int},
      ["union u 4 0 false"] = {kind = "union", name = "u", size = 4, members = {{name = "a", type = int}}},
      ["forward f 0 0 false"] = {kind = "forward", name = "f", union = true},
      ["function fn 0 0 false"] = {kind = "function", name = "fn", target = proto},
      ["variable v 0 0 false"] = {kind = "variable", name = "v", target = int},
    } do
      local type = declare(t)
      assert.are.equal(want, ("%s %s %d %d %s"):format(type:kind(), type:name(), type:size(), type:bits(), type:signed()))
    end
    for want, t in pairs{
      ["struct thing *"] = {kind = "pointer", size = 8, target = thing}, ["void *"] = {kind = "pointer", size = 8},
      ["int [3]"] = {kind = "array", target = int, count = 3}, ["int [0]"] = {kind = "array", target = int, count = 0},
      ["const int"] = {kind = "const", target = int}, ["volatile int"] = {kind = "volatile", target = int},
      ["restrict int"] = {kind = "restrict", target = int}, ["const void"] = {kind = "const"},
      ["void (void)"] = {kind = "prototype"}, ["int (int, ...)"] = {kind = "prototype", target = int, members = {{type = int}, {}}},
      ["struct {...}"] = {kind = "struct", size = 0, members = {}},
    } do
      assert.are.equal(want, declare(t):spell())
    end
  end)

  it("places members", function()
    local t = declare{kind = "struct", name = "s", size = 12, members = {
      {name = "a", type = int}, {name = "b", type = int, bit_offset = 33, bit_size = 7}, {type = thing:field("half").type, bit_offset = 64},
    }}
    local list = t:members()
    assert.are.same({"b", 33, 7}, {list[2].name, list[2].bit_offset, list[2].bit_size})
    assert.is_nil(list[3].name)
    assert.are.equal(3, t:count())
  end)

  it("stands before the kernel's types; the later of a name counts, a definition before a forward declaration", function()
    declare{kind = "struct", name = "thing", size = 4, members = {{name = "a", type = int}}}
    assert.are.equal(4, k:type("struct thing"):size())
    declare{kind = "struct", name = "thing", size = 8, members = {{name = "a", type = int}}}
    declare{kind = "forward", name = "thing"}
    assert.are.equal(8, k:type("struct thing"):size())
    assert.are.equal(48, thing:size())
  end)

  it("gives pointers and the like that are there again", function()
    for _, t in ipairs{
      {kind = "pointer", size = 8, target = int}, {kind = "array", target = int, count = 5}, {kind = "const", target = int},
      {kind = "prototype", target = int, members = {{type = int}}},
    } do
      local one = declare(t)
      assert.is_true(one == declare(t))
      assert.are.equal(tostring(one), tostring(declare(t)))
    end
  end)

  it("resolves a forward declaration", function()
    local p = declare{kind = "pointer", size = 8, target = declare{kind = "forward", name = "list_head"}}
    assert.are.equal(16, p:target():size())
  end)

  it("refuses what makes no sense", function()
    local function struct(size, m) return {kind = "struct", name = "s", size = size, members = {m}} end
    refused(struct(3, {name = "a", type = int}), 'member "a" lies outside of the 3 bytes of its struct')
    refused(struct(4, {name = "a", type = int, bit_offset = 8}), "lies outside")
    refused(struct(4, {name = "a", type = int, bit_offset = 30, bit_size = 3}), "lies outside")
    refused(struct(1 << 48, {name = "a", type = int, bit_offset = 8 << 48}), "lies outside")
    refused(struct(8, {name = "a", type = int, bit_offset = 4}), "does not start at a byte")
    refused(struct(8, {name = "a", type = int, bit_size = 33}), "is wider than its type")
    refused(struct(64, {name = "a", type = thing, bit_size = 3}), "has a type that is no integer")
    refused(struct(8, {name = "a"}), 'member "a" has no size')
    refused(struct(8, {name = "a", type = declare{kind = "prototype"}}), "has no size")
    refused(struct(8, {name = "a", type = declare{kind = "forward", name = "nowhere"}}), "has no size")
    refused({kind = "int", name = "x", size = 3}, "no int has 3 bytes")
    refused({kind = "int", name = "x", size = 1 << 40}, "no int has 1099511627776 bytes")
    refused({kind = "int", name = "x", size = 1, bits = 9}, "can't have 9 bits")
    refused({kind = "int", name = "x", size = 1, bits = 0}, "can't have 0 bits")
    refused({kind = "pointer", size = 2, target = int}, "no pointer has 2 bytes")
    refused({kind = "enum", size = 3, enumerators = {}}, "no enum has 3 bytes")
    refused({kind = "enum", size = 1, enumerators = {{name = "A", value = 256}}}, "the value of A does not fit into its enum")
    refused({kind = "enum", size = 1, signed = true, enumerators = {{name = "A", value = 128}}}, "does not fit")
    refused({kind = "enum", size = 4, enumerators = {{name = "A", value = -1}}}, "does not fit")
    refused({kind = "array", target = int, count = 1 << 47}, "the array is too large")
    refused({kind = "array", target = k:type "void", count = 1}, "the element of an array has no size")
    refused({kind = "function", name = "f", target = int}, "the target of a function is a prototype")
    refused({kind = "pointer", size = 8, target = declare{kind = "variable", name = "v", target = int}}, "can't be the target of a pointer")
    refused({kind = "prototype", members = {{}, {type = int}}}, "a parameter has no size")
    refused({kind = "prototype", members = {{type = int, bit_offset = 8}}}, "a parameter has no place in bits")
  end)

  it("lets a bit field's type be larger than its packed struct", function()
    local t = declare{kind = "struct", size = 1, members = {{name = "a", type = int, bit_size = 3}}}
    assert.are.equal(1, t:size())
  end)

  it("raises for tables of another form", function()
    local other = harness.open(harness.temp(CORE)):type "int"
    for text, t in pairs{
      ["field 'kind'"] = {}, ["no kind 'void' can be declared"] = {kind = "void"}, ["no kind 'nope'"] = {kind = "nope"},
      ["no kind 'tag'"] = {kind = "tag"}, ["field 'size' is missing for a struct"] = {kind = "struct", members = {}},
      ["a pointer has no field 'name'"] = {kind = "pointer", size = 8, name = "x"},
      ["unknown field 'colour'"] = {kind = "int", colour = 1},
      ["unknown field '1'"] = {1}, ["'size' (integer expected, got string)"] = {kind = "int", name = "x", size = "4"},
      ["'size' (out of range)"] = {kind = "int", name = "x", size = -1},
      ["'name' (string expected, got number)"] = {kind = "int", name = 1, size = 4},
      ["'name' (1 to 255 bytes)"] = {kind = "int", name = "", size = 4},
      ["'name' (no name in C)"] = {kind = "int", name = "a\0b", size = 4},
      ["'target' (kvm.Type of this handle expected"] = {kind = "typedef", name = "x", target = other},
      ["got number)"] = {kind = "typedef", name = "x", target = 1},
      ["'members' (table expected"] = {kind = "struct", size = 4, members = 1},
      ["'members' (item 1 is a number)"] = {kind = "struct", size = 4, members = {1}},
      ["'bit_offset' (out of range)"] = {kind = "struct", size = 4, members = {{bit_offset = -1}}},
      ["'bit_size' (out of range)"] = {kind = "struct", size = 4, members = {{bit_size = 129}}},
      ["'type' (kvm.Type of this handle expected"] = {kind = "struct", size = 4, members = {{type = "int"}}},
      ["field 'name' is missing for a value"] = {kind = "enum", size = 4, enumerators = {{value = 1}}},
      ["'signed' (boolean expected"] = {kind = "int", name = "x", size = 4, signed = 1},
    } do
      local ok, message = pcall(k.declare, k, t)
      assert.is_false(ok, text)
      assert.is_truthy(tostring(message):find(text, 1, true), tostring(message))
    end
    assert.is_false(pcall(k.declare, k))
    assert.is_false(pcall(k.declare, k, "int"))
    k:close()
    local ok, e = pcall(k.declare, k, {kind = "forward", name = "x"})
    assert.is_false(ok)
    assert.are.equal("closed", e.code)
  end)
end)
