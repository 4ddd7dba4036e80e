-- SPDX-License-Identifier: BSD-2-Clause
local dis = require "kvm.cmd.dis"
local fake = require "spec.support.fake_kernel"

local TEXT <const> = 0xffffffff81000000

local function kernel()
  return fake.new {symbols = {first = TEXT, second = TEXT + 8}}
    :map(TEXT, "\x90\xe8\x02\0\0\0\x90\xc3" .. "\x48\x89\xe5\x8b\x05\xf5\xff\xff\xff\xc3" .. ("\x90"):rep(4079))
end

local function text(opts, k)
  local out = {}
  for rec in dis.run(k or kernel(), opts) do out[#out + 1] = dis.text(rec) end
  return table.concat(out)
end

describe("kvm.cmd.dis", function()
  it("shows a function, with what it calls by name", function()
    assert.are.equal([[
0xffffffff81000000 <first>:  90                            nop
0xffffffff81000001 <first+0x1>:  e8 02 00 00 00                callq 0xffffffff81000008  <second>
0xffffffff81000006 <first+0x6>:  90                            nop
0xffffffff81000007 <first+0x7>:  c3                            retq
]], text {addr = "first"})
  end)

  it("shows so many instructions, in the syntax that is asked for", function()
    assert.are.equal([[
0xffffffff81000008 <second>:  48 89 e5                      mov rbp, rsp
0xffffffff8100000b <second+0x3>:  8b 05 f5 ff ff ff             mov eax, dword ptr [rip - 0xb]  <first+0x6>
]], text {addr = "second", count = "2", intel = true})
  end)

  it("goes from the function's start to an address", function()
    assert.are.equal([[
0xffffffff81000000 <first>:  90                            nop
0xffffffff81000001 <first+0x1>:  e8 02 00 00 00                callq 0xffffffff81000008  <second>
]], text {addr = TEXT + 1, reverse = true})
  end)

  it("shows source lines where they change", function()
    local k = kernel()
    function k.source(_, addr)
      if addr == TEXT then return nil, "no code", "notfound" end
      return {{file = "a.c", line = addr < TEXT + 7 and 3 or 4}}
    end
    assert.are.equal([[
0xffffffff81000000 <first>:  90                            nop
a.c:3
0xffffffff81000001 <first+0x1>:  e8 02 00 00 00                callq 0xffffffff81000008  <second>
0xffffffff81000006 <first+0x6>:  90                            nop
a.c:4
0xffffffff81000007 <first+0x7>:  c3                            retq
]], text({addr = "first", lines = true}, k))
  end)

  it("gives records", function()
    local step = dis.run(kernel(), {addr = TEXT + 1, count = 1})
    assert.are.same({addr = TEXT + 1, place = "first+0x1", bytes = "e8 02 00 00 00", text = "callq 0xffffffff81000008",
      target = TEXT + 8, target_name = "second"}, step())
    assert.is_nil(step())
  end)

  it("refuses what is no count", function()
    for _, count in ipairs {"x", "0", "-1"} do
      local ok, err = pcall(dis.run, kernel(), {addr = "first", count = count})
      assert.are.same({false, count .. " is not a count"}, {ok, err.usage})
    end
  end)
end)
