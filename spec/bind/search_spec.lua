-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local badargs = require "spec.support.badargs"
local image = require "spec.support.image"
local linux = require "spec.support.build.linux"

describe("search", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  local function all(...)
    local out = {}
    for addr in k:search(...) do out[#out + 1] = addr end
    return out
  end

  it("finds bytes in kernel memory, in ascending order", function()
    assert.are.same({image.HOLED, image.LONE + 105}, all("needle"))
    assert.are.same({image.TEXT + 0x2000}, all("Linux version " .. image.RELEASE))
    assert.are.same({}, all("this text is nowhere"))
  end)

  it("finds what lies across two pages, and only where they are neighbours in that space", function()
    assert.are.same({image.DATA + 4096 - 6}, all(image.CROSSING))
    assert.are.same({}, all(image.CROSSING, {space = "physical"}))
    assert.are.same({image.DATA}, all(image.PAGE_A .. image.PAGE_B))
  end)

  it("does not join what a missing page parts", function()
    -- "ne" ends the page before the hole, "edle" begins the one behind it
    assert.are.equal("ne", k:read(image.HOLED + 4094, 2))
    assert.are.equal("edle", k:read(image.HOLED + 8192, 4))
    assert.are.same({image.HOLED + 8192}, all("edlexxxx"))
    assert.are.same({image.HOLED + 4092}, all("\0\0ne", {from = image.HOLED + 4000, to = image.HOLED + 3 * 4096}))
    assert.are.same({image.HOLED}, all("needle", {from = image.HOLED, to = image.HOLED + 3 * 4096}))
  end)

  it("finds matches that overlap", function()
    assert.are.same({image.HOLED + 8196, image.HOLED + 8197, image.HOLED + 8198},
      {table.unpack(all("xxx", {from = image.HOLED + 8192}), 1, 3)})
    assert.are.equal(4092 - 2, #all("xxx", {from = image.HOLED + 8192, to = image.HOLED + 8192 + 4096}))
  end)

  it("finds a number as the target has it in memory", function()
    local at = image.TEXT + 0x2100
    assert.are.same({at}, all(-2, {from = at, to = at + 64}))
    assert.are.same({at + 8}, all(0xfffffffd, {size = 4, from = at, to = at + 64}))
    assert.are.same({at + 12}, all(0xfffc, {size = 2, from = at, to = at + 64}))
    assert.are.same({at + 15}, all(0xfe, {size = 1, from = at + 15, to = at + 64}))
  end)

  it("looks for numbers where they are aligned, if not told otherwise", function()
    local value = ("<i8"):unpack(image.PAGE_A, 4)
    assert.are.same({}, all(value, {from = image.DATA, to = image.DATA + 4096}))
    assert.are.same({image.DATA + 3}, all(value, {from = image.DATA, to = image.DATA + 4096, align = 1}))
    assert.are.same({image.DATA + 3}, all(value, {from = image.DATA, to = image.DATA + 4096, align = image.DATA + 3 & 1}))
  end)

  it("keeps to the limits that are given", function()
    local at = image.LONE + 105
    assert.are.same({at}, all("needle", {from = at}))
    assert.are.same({}, all("needle", {from = at + 1}))
    assert.are.same({image.HOLED, at}, all("needle", {to = at + 6}))
    assert.are.same({image.HOLED}, all("needle", {to = at + 5}))
    assert.are.same({}, all("needle", {from = at, to = at}))
  end)

  it("searches physical memory", function()
    assert.are.same({0x8000000}, all("large", {space = "physical"}))
    assert.are.equal(2, #all("Linux", {space = "physical", from = 0x5000000}))
  end)

  it("searches the memory of a process", function()
    local h = harness.open(harness.temp(linux.build():elf()))
    local p = h:procs("pid", 1)()
    local args = assert(h:argv(p))
    local addr = h:search(args[1], {space = p})()
    assert.are.equal(args[1], h:read(addr, #args[1], p))
    assert.is_true(addr > 0)
  end)

  it("finds the same in pieces as at once", function()
    local text = image.PAGE_A
    local count = 0
    for off = 0, 4000, 97 do
      for _, len in ipairs{1, 2, 7, 64, 200} do
        local bytes, expected = text:sub(off + 1, off + len), {}
        local from = 1
        while true do
          local found = text:find(bytes, from, true)
          if not found then break end
          expected[#expected + 1] = image.DATA + found - 1
          from = found + 1
        end
        assert.are.same(expected, all(bytes, {from = image.DATA, to = image.DATA + 4096}))
        count = count + 1
      end
    end
    assert.are.equal(42 * 5, count)
  end)

  it("can be interrupted by a hook", function()
    local step = k:search("nowhere", {space = "physical", to = 0x4000000})
    local calls = 0
    debug.sethook(function() calls = calls + 1 end, "c")
    step()
    debug.sethook()
    assert.is_true(calls >= 1)
  end)

  it("raises for wrong arguments and unknown options", function()
    assert.is_true(badargs.check(k.search, "search", {k, "x", {}}, {"any", "string|integer", "?table"}) > 6)
    assert.has_error(function() k:search("") end, "bad argument #1 to 'search' (not 1 to 65536 bytes)")
    assert.has_error(function() k:search(("x"):rep(65537)) end, "bad argument #1 to 'search' (not 1 to 65536 bytes)")
    assert.has_error(function() k:search("x", {form = 1}) end, "unknown option 'form'")
    assert.has_error(function() k:search("x", {from = "here"}) end, "bad option 'from' (integer expected, got string)")
    assert.has_error(function() k:search("x", {align = -1}) end, "bad argument #2 to 'search' (negative alignment)")
    assert.has_error(function() k:search(1, {size = 3}) end, "bad argument #2 to 'search' (size is not 1, 2, 4 or 8)")
  end)
end)
