-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"

describe("an address space", function()
  harness.guard()
  local ELF = linux.build():elf()
  local k, p, addr
  before_each(function()
    k = harness.open(harness.temp(ELF))
    p = k:procs("pid", 100)()
    addr = k:search("server\0--name\0", {space = p})()
  end)

  it("is a process's record or id, also that of a thread", function()
    for _, space in ipairs{p, 100, 101, 102, {pid = 100, tid = 100, addr = p.addr, leader = p.leader, mm = p.mm}} do
      assert.are.equal("server", k:read(addr, 6, space))
    end
  end)

  it("is virtual or physical by name", function()
    local banner = k:symbol("linux_banner").value
    assert.are.equal("Linux", k:read(banner, 5, "virtual"))
    assert.are.equal("Linux", k:read(k:translate(banner), 5, "physical"))
  end)

  it("of a process that is not there is notfound", function()
    for _, pid in ipairs{31337, -1, math.maxinteger} do
      local bytes, message, code = k:read(addr, 1, pid)
      assert.is_nil(bytes)
      assert.matches(tostring(pid), message, 1, true)
      assert.are.equal("notfound", code)
      local ok, err = pcall(k.u8, k, addr, pid)
      assert.is_false(ok)
      assert.are.equal("notfound", err.code)
    end
  end)

  it("raises for records without the fields it needs", function()
    for _, key in ipairs{"pid", "tid", "addr", "leader", "mm"} do
      local broken = {}
      for name, value in pairs(p) do broken[name] = value end
      for _, wrong in ipairs{false, "x", 1.5} do
        broken[key] = wrong or nil
        assert.has_error(function() k:read(addr, 1, broken) end,
          ("bad argument #3 to 'read' (a process record has an integer '%s')"):format(key))
      end
    end
  end)

  it("raises for other values", function()
    assert.has_error(function() k:read(addr, 1, "user") end, "bad argument #3 to 'read' (no address space 'user')")
    assert.has_error(function() k:read(addr, 1, 1.5) end, "bad argument #3 to 'read' (number has no integer representation)")
  end)
end)
