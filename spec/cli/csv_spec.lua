-- SPDX-License-Identifier: BSD-2-Clause
local csv = require "kvm.cli.csv"

local function render(...)
  local list, out = {...}, {}
  csv.render({columns = {
    {name = "name", kind = "string"}, {name = "addr", kind = "hex"}, {name = "base", kind = "signed_hex"},
    {name = "args", kind = "strings"}, {name = "n", kind = "integer"}, {name = "shown", kind = "string", json = false},
  }}, function() return table.remove(list, 1) end, {}, function(text) out[#out + 1] = text end)
  return table.concat(out)
end

describe("kvm.cli.csv", function()
  it("writes names, then records", function()
    assert.are.equal('name,addr,base,args,n\nx,0xff,-0x10,"[""a"",""b""]",-1\n,,,,\n',
      render({name = "x", addr = 255, base = -16, args = {"a", "b"}, n = -1, shown = "no"}, {}))
    assert.are.equal("name,addr,base,args,n\n", render())
  end)

  it("quotes and escapes", function()
    assert.are.equal('"a,b"', render({name = "a,b"}):match "\n([^\n]*),,,,\n")
    assert.are.equal('"say ""x"""', render({name = 'say "x"'}):match "\n([^\n]*),,,,\n")
    assert.are.equal("a\\nb\\x1b", render({name = "a\nb\27"}):match "\n([^\n]*),,,,\n")
  end)

  it("writes addresses by name as JSON", function()
    local out = {}
    local list = {{user = {rsp = 16, rip = 1}}}
    csv.render({columns = {{name = "user", kind = "hexes_by_name"}}}, function() return table.remove(list) end, {},
      function(text) out[#out + 1] = text end)
    assert.are.equal('user\n"{""rip"":""0x1"",""rsp"":""0x10""}"\n', table.concat(out))
  end)
end)
