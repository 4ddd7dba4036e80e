-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local badargs = require "spec.support.badargs"
local image = require "spec.support.image"

describe("types", function()
  harness.guard()
  local CORE = image.build()
  local k, thing
  before_each(function()
    k = harness.open(harness.temp(CORE))
    thing = assert(k:type("struct thing"))
  end)

  it("are found by name as C writes it", function()
    assert.are.equal("struct", thing:kind())
    assert.are.equal("struct", k:type("thing"):kind())
    assert.are.equal("typedef", k:type("pid_t"):kind())
    assert.are.equal("enum", k:type("enum color"):kind())
    assert.are.equal("int", k:type("unsigned int"):kind())
    assert.are.equal("void", k:type("struct list_head") and k:type("void"):kind())
  end)

  it("are notfound when they are not there", function()
    local t, message, code = k:type("struct no_such")
    assert.is_nil(t)
    assert.matches("no_such", message, 1, true)
    assert.are.equal("notfound", code)
  end)

  it("tell name, size, spelling", function()
    assert.are.equal("thing", thing:name())
    assert.are.equal(48, thing:size())
    assert.are.equal("struct thing", thing:spell())
    assert.are.equal(4, k:type("pid_t"):size())
    local name = thing:field("name").type
    assert.is_nil(name:name())
    assert.are.equal("array", name:kind())
    assert.are.equal(16, name:count())
    assert.are.equal(16, name:size())
    assert.are.equal("char [16]", name:spell())
    assert.are.equal("char", name:target():name())
    assert.are.equal("struct list_head *", thing:field("list.next").type:spell())
  end)

  it("tell sign and bits of integers, through typedefs", function()
    for name, expected in pairs{int = true, pid_t = true, ["unsigned int"] = false} do
      assert.are.equal(expected, k:type(name):signed(), name)
      assert.are.equal(32, k:type(name):bits(), name)
    end
    assert.are.equal(0, thing:bits())
  end)

  it("tell what they are made from", function()
    local next = thing:field("list.next").type
    assert.are.equal("pointer", next:kind())
    assert.are.equal("list_head", next:target():name())
    assert.are.equal("int", k:type("pid_t"):target():name())
    assert.is_nil(thing:target())
    assert.is_nil(k:type("int"):target())
  end)

  it("list members with their places", function()
    local list = thing:members()
    local plain = {}
    for i, m in ipairs(list) do plain[i] = {m.name or "-", m.offset, m.bit_offset, m.bit_size, m.type:size()} end
    assert.are.same({
      {"list", 0, 0, 0, 16}, {"name", 16, 128, 0, 16}, {"-", 32, 256, 0, 4}, {"low", 36, 288, 3, 4}, {"high", 36, 291, 5, 4},
      {"pid", 40, 320, 0, 4},
    }, plain)
    assert.are.equal(6, thing:count())
    local none, message, code = k:type("int"):members()
    assert.is_nil(none)
    assert.are.equal("inval", code)
    assert.are.equal("a type of kind int has no members", message)
  end)

  it("list the values of an enum", function()
    assert.are.same({{name = "RED", value = 1}, {name = "GREEN", value = -2}}, k:type("enum color"):enumerators())
    assert.are.equal("inval", select(3, thing:enumerators()))
  end)

  it("find members by path, through anonymous ones and arrays", function()
    local f = thing:field("name[5]")
    assert.are.equal(21, f.offset)
    assert.are.equal("char", f.type:name())
    assert.are.equal(32, thing:field("half").offset)
    f = thing:field("high")
    assert.are.same({36, 291, 5}, {f.offset, f.bit_offset, f.bit_size})
    local none, message, code = thing:field("no_such")
    assert.is_nil(none)
    assert.matches("struct thing has no member \"?no_such", message)
    assert.are.equal("notfound", code)
  end)

  it("are equal when they are the same type of the same handle", function()
    assert.is_true(thing == k:type("struct thing"))
    assert.is_false(thing == k:type("struct list_head"))
    local other = harness.open(harness.temp(CORE))
    assert.is_false(thing == other:type("struct thing"))
    assert.is_false(thing == 1)
    assert.is_true(k:type("pid_t"):target() == k:type("int"))
  end)

  it("are listed by kind, and by name", function()
    local function names(...)
      local out = {}
      for t in assert(k:types(...)) do out[#out + 1] = t:name() end
      return out
    end
    assert.are.same({"list_head", "thing"}, names "struct")
    assert.are.same({"thing"}, names("struct", "thing"))
    assert.are.same({}, names("struct", "no_such"))
    assert.are.same({"color"}, names "enum")
    assert.are.same({}, names "float")
    local step = k:types "union"
    assert.are.equal(4, step():size())
    assert.is_nil(step())
    assert.is_nil(step())
    local ok, message = pcall(k.types, k, "nosuch")
    assert.is_false(ok)
    assert.matches("bad argument #2 to .*no kind of type", message)
    assert.is_true(badargs.check(k.types, "types", {k, "int", "x"}, {"any", "string|number|integer", "?string|number|integer"}) > 3)
  end)

  it("are not listed when the handle is closed", function()
    local step = k:types "struct"
    k:close()
    local ok, e = pcall(step)
    assert.are.same({false, "closed"}, {ok, e.code})
  end)

  it("have a text", function()
    assert.are.equal("kvm.Type (struct thing)", tostring(thing))
    assert.are.equal("kvm.Type", getmetatable(thing).__name)
  end)

  it("raise for wrong arguments", function()
    assert.is_true(badargs.check(k.type, "type", {k, "int"}, {"any", "string|number|integer"}) > 3)
    assert.is_true(badargs.check(thing.field, "field", {thing, "list"}, {"any", "string|number|integer"}) > 3)
    for name, method in pairs(getmetatable(thing).__index) do
      local ok, err = pcall(method, k, "list")
      assert.is_false(ok, name)
      assert.matches("bad argument #1 to .*kvm.Type expected, got kvm.Handle", err)
    end
  end)
end)
