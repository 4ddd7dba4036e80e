-- SPDX-License-Identifier: BSD-2-Clause
local cjson = require "cjson"
local json = require "kvm.cli.json"

local COLUMNS = {
  {name = "zz", kind = "integer"}, {name = "addr", kind = "hex"}, {name = "base", kind = "signed_hex"},
  {name = "text", kind = "string"}, {name = "yes", kind = "boolean"}, {name = "load", kind = "numbers"},
  {name = "values", kind = "hexes"}, {name = "args", kind = "strings"}, {name = "states", kind = "counts"},
  {name = "why", kind = "texts"}, {name = "sub", kind = "record", columns = {{name = "b", kind = "integer"},
    {name = "a", kind = "hex"}}}, {name = "subs", kind = "records", columns = {{name = "x", kind = "string"}}},
  {name = "shown", kind = "string", json = false},
}

local function render(...)
  local list, out = {...}, {}
  local i = 0
  local count = json.render({columns = COLUMNS}, function()
    i = i + 1
    return list[i]
  end, {}, function(text) out[#out + 1] = text end)
  assert.are.equal(#list, count)
  return table.concat(out)
end

describe("kvm.cli.json", function()
  it("writes one object a line, its keys in order, what is not known as null", function()
    local text = render({}, {zz = 1})
    local line = '{"zz":null,"addr":null,"base":null,"text":null,"yes":null,"load":null,"values":null,"args":null,'
      .. '"states":null,"why":null,"sub":null,"subs":null}\n'
    assert.are.equal(line .. line:gsub("null", "1", 1), text)
  end)

  it("writes each kind", function()
    local text = render {
      zz = math.maxinteger, addr = -1, base = -0xc400000, text = 'a"\\\n', yes = false, load = {0.5, 2}, values = {255, 0},
      args = {}, states = {S = 2, D = 1}, why = {b = "x", a = "y"}, sub = {a = 16}, subs = {{x = "1"}, {}}, shown = "no",
    }
    assert.are.equal('{"zz":9223372036854775807,"addr":"0xffffffffffffffff","base":"-0xc400000","text":"a\\"\\\\\\n","yes":false,'
      .. '"load":[0.5,2],"values":["0xff","0x0"],"args":[],"states":{"D":1,"S":2},"why":{"a":"y","b":"x"},'
      .. '"sub":{"b":null,"a":"0x10"},"subs":[{"x":"1"},{"x":null}]}\n', text)
    assert.is_table(cjson.decode(text))
  end)

  it("keeps control characters and bad bytes off the terminal", function()
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    for _, s in ipairs {table.concat(all), "\27[2J", "\u{9b}31m", "\xc2", "\xff\xfe", "ok \u{e9}", "\xed\xa0\x80", "a/b\127"} do
      local text = json.string(s)
      assert.is_nil(text:find "[%c\127]")
      assert.is_nil(text:find "\xc2[\x80-\x9f]")
      assert.is_number(utf8.len(text))
      assert.is_string(cjson.decode("[" .. text .. "]")[1])
    end
    assert.are.equal('"\\u001b"', json.string "\27")
    assert.are.equal('"\\u009b"', json.string "\u{9b}")
    assert.are.equal('"a\\\\xffb"', json.string "a\xffb")
    assert.are.equal([["\u009b]] .. "\xc2\xa0" .. [[\u202e\u2028\u200f\u2069\u061c"]],
      json.string "\xc2\x9b\xc2\xa0\xe2\x80\xae\xe2\x80\xa8\xe2\x80\x8f\xe2\x81\xa9\xd8\x9c")
    assert.are.equal('"caf\u{e9} a/b"', json.string "caf\u{e9} a/b")
  end)

  it("writes no number that JSON lacks", function()
    assert.are.equal("null", json.encode(0 / 0, {kind = "number"}))
    assert.are.equal("null", json.encode(math.huge, {kind = "number"}))
  end)

  it("writes addresses by name", function()
    assert.are.equal('{"rip":"0xffffffffffffffff","rsp":"0x10"}', json.encode({rsp = 16, rip = -1}, {kind = "hexes_by_name"}))
    assert.are.equal("{}", json.encode({}, {kind = "hexes_by_name"}))
  end)
end)
