-- SPDX-License-Identifier: BSD-2-Clause
local line = require "kvm.cli.shell.line"

local COMMANDS <const> = {ps = true, log = true, list = true}
local VALUES <const> = {mask = true, k = true}

local function parse(text)
  return line.parse(text, function(word) return COMMANDS[word] end, function(word) return VALUES[word] end)
end

describe("kvm.cli.shell.line", function()
  it("parts words as a shell does", function()
    for text, words in pairs {
      ["a b"] = {"a", "b"}, ["  a  'b c' "] = {"a", "b c"}, ['a"b c"d'] = {"ab cd"}, ["a\\ b ''"] = {"a b", ""}, [""] = {},
      [ [['\' "\""]] ] = {"\\", '"'},
    } do
      assert.are.same(words, line.words(text))
    end
    assert.are.same({nil, "a quote is left open"}, {line.words "a 'b"})
  end)

  it("knows commands, Lua, and the system's shell", function()
    assert.are.same({kind = "none"}, parse "  ")
    assert.are.same({kind = "system", text = "ls | wc"}, parse "!ls | wc")
    assert.are.same({kind = "command", name = "ps", words = {"-s", "D"}}, parse "ps -s D")
    assert.are.same({kind = "command", name = "ps", words = {}}, parse "ps")
    for _, text in ipairs {"ps = 1", "log(1)", "list.x = 2", "list[1]", "ps, log = 1, 2", "x = 1", "k:info()", "for i = 1, 2 do end"} do
      assert.are.same({kind = "lua", text = text}, parse(text))
    end
    assert.are.same({kind = "lua", text = "return 1 + 1"}, parse "=1 + 1")
  end)

  it("takes stages of its own as options, and gives the rest to the system's shell", function()
    assert.are.same({kind = "command", name = "ps", words = {"-t", '--where=state == "D" or pid | 1 > 3', "--sort=-pid", "--limit=2"},
      program = "grep a | wc -l"}, parse 'ps -t | where(state == "D" or pid | 1 > 3)|sort(-pid) | limit(2) | grep a | wc -l')
    assert.are.same({kind = "command", name = "ps", words = {}, program = "where | limit(1)"}, parse "ps | where | limit(1)")
    assert.are.same({kind = "command", name = "log", words = {"a|b"}, program = "cat >out file"}, parse "log 'a|b' > out file")
    assert.are.same({kind = "command", name = "log", words = {}, program = "cat >>f"}, parse "log >> f")
    assert.are.same({nil, "a quote is left open"}, {parse "ps 'a | b"})
  end)

  it("tells a pipe from Lua's operator by what is behind it", function()
    assert.are.same({kind = "lua", text = "return 1 | mask"}, parse "=1 | mask")
    assert.are.same({kind = "lua", text = "return 1 | 2"}, parse "=1 | 2")
    assert.are.same({kind = "lua", text = "k:info() ", program = "grep -c x | cat"}, parse "k:info() | grep -c x | cat")
    assert.are.same({kind = "lua", text = "print('a | grep b')"}, parse "print('a | grep b')")
  end)
end)
