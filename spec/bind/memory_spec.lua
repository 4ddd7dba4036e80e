-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local badargs = require "spec.support.badargs"
local image = require "spec.support.image"

local CORE = image.build()
local path, k

local function open(options)
  options = options or {}
  options.core = path
  return harness.open(options)
end

local function each_test_on_a_handle()
  harness.guard()
  before_each(function()
    path = harness.temp(CORE)
    k = open()
  end)
end

describe("read", function()
  each_test_on_a_handle()

  it("reads kernel memory, across pages that are no neighbours in physical memory", function()
    assert.are.equal(image.BANNER, k:read(image.TEXT + 0x2000, #image.BANNER))
    assert.are.equal(image.PAGE_A .. image.PAGE_B, k:read(image.DATA, 8192))
    assert.are.equal(image.CROSSING, k:read(image.DATA + 4096 - 6, #image.CROSSING))
    assert.are.equal((image.PAGE_A .. image.PAGE_B):sub(2, -2), k:read(image.DATA + 1, 8190, "virtual"))
    assert.are.equal((image.PAGE_A .. image.PAGE_B):sub(2, -2), k:read(image.DATA + 1, 8190, nil))
  end)

  it("reads physical memory", function()
    assert.are.equal(image.PAGE_B, k:read(image.PHYS_B, 4096, "physical"))
    assert.are.equal(image.PAGE_B:sub(-1), k:read(image.PHYS_B + 4095, 1, "physical"))
  end)

  it("reads nothing as the empty string, wherever", function()
    assert.are.equal("", k:read(image.DATA, 0))
    assert.are.equal("", k:read(image.UNMAPPED, 0))
  end)

  it("fails with the first address that is not mapped", function()
    local bytes, message, code, addr = k:read(image.DATA + 4000, 4200)
    assert.is_nil(bytes)
    assert.are.equal("fault", code)
    assert.are.equal(image.DATA + 8192, addr)
    assert.matches(("0x%x: not mapped"):format(image.DATA + 8192), message, 1, true)
    assert.are.equal(image.UNMAPPED, select(4, k:read(image.UNMAPPED, 8)))
  end)

  it("fails with the first address that was left out of the dump", function()
    local bytes, _, code, addr = k:read(image.HOLED + 4090, 100)
    assert.is_nil(bytes)
    assert.is_true(code == "excluded" or code == "fault")
    assert.are.equal(image.HOLED + 4096, addr)
    bytes, _, code, addr = k:read(image.PHYS_B + 4000, 200, "physical")
    assert.is_nil(bytes)
    assert.is_true(code == "excluded" or code == "fault")
    assert.are.equal(image.PHYS_B + 4096, addr)
  end)

  it("takes no memory for a length that is not there", function()
    local before = collectgarbage("count")
    assert.are.equal(image.DATA + 8192, select(4, k:read(image.DATA, math.maxinteger)))
    assert.is_true(collectgarbage("count") - before < 1024)
  end)

  it("reads a megabyte page by page as it reads it at once", function()
    local whole = assert(k:read(image.TEXT, 0x39000))
    local parts = {}
    for off = 0, 0x38fff, 0x777 do parts[#parts + 1] = assert(k:read(image.TEXT + off, math.min(0x777, 0x39000 - off))) end
    assert.are.equal(0x39000, #whole)
    assert.is_true(whole == table.concat(parts))
  end)

  it("does not run around the end of the address space", function()
    local bytes, _, code = k:read(-8, 16)
    assert.is_nil(bytes)
    assert.are.equal("fault", code)
  end)

  it("raises for wrong arguments", function()
    assert.is_true(badargs.check(k.read, "read", {k, image.TEXT, 8, "virtual"}, {"any", "integer", "integer", "space"}) > 10)
    assert.has_error(function() k:read(0, -1) end, "bad argument #2 to 'read' (negative length)")
    assert.has_error(function() k:read(0, 1, "kernel") end, "bad argument #3 to 'read' (no address space 'kernel')")
    assert.has_error(function() k:read(0, 1, {}) end, "bad argument #3 to 'read' (a process record has an integer 'pid')")
  end)
end)

describe("write", function()
  each_test_on_a_handle()

  it("refuses on a handle that was not opened for it", function()
    local ok, message, code = k:write(image.DATA, "x")
    assert.is_nil(ok)
    assert.are.equal("inval", code)
    assert.are.equal("the handle is not open for writing", message)
    assert.are.equal(image.PAGE_A, k:read(image.DATA, 4096))
  end)

  it("writes into memory, and leaves the file as it was", function()
    local w = open{write = true}
    assert.are.equal(image.PAGE_A:byte(1), w:u8(image.DATA)) -- the page is in the translation cache
    assert.is_true(w:write(image.DATA + 4092, "12345678"))
    assert.are.equal("12345678", w:read(image.DATA + 4092, 8))
    assert.are.equal("1234", w:read(image.PHYS_A + 4092, 4, "physical"))
    assert.are.equal(("<i8"):unpack("12345678"), w:u64(image.DATA + 4092))
    assert.are.equal(image.PAGE_A:sub(1, 4092), w:read(image.DATA, 4092))
    assert.is_true(w:write(image.PHYS_A, "phys", "physical"))
    assert.are.equal("phys", w:read(image.DATA, 4))
    assert.are.equal(("<I4"):unpack("phys"), w:u32(image.DATA))
    local f = assert(io.open(path, "rb"))
    assert.is_true(f:read("a") == CORE)
    f:close()
    assert.are.equal(image.PAGE_A, k:read(image.DATA, 4096))
  end)

  it("writes into the file where it was opened for that", function()
    local w = open{write = true, overlay = false}
    assert.is_true(w:write(image.DATA + 4092, "12345678"))
    assert.are.equal("12345678", w:read(image.DATA + 4092, 8))
    local again = open()
    assert.are.equal("12345678", again:read(image.DATA + 4092, 8))
    assert.are.equal(image.PAGE_B:sub(5), again:read(image.DATA + 4100, 4092))
  end)

  it("writes up to the first address that can't be written, and tells it", function()
    local w = open{write = true}
    local ok, _, code, addr = w:write(image.DATA + 8190, "abcd")
    assert.is_nil(ok)
    assert.are.equal("fault", code)
    assert.are.equal(image.DATA + 8192, addr)
    assert.are.equal("ab", w:read(image.DATA + 8190, 2))
  end)

  it("raises for wrong arguments", function()
    local kinds = {"any", "integer", "string|number|integer", "space"}
    assert.is_true(badargs.check(k.write, "write", {k, image.TEXT, "x", "virtual"}, kinds) > 8)
  end)
end)

describe("cstring", function()
  each_test_on_a_handle()

  it("reads up to the zero byte", function()
    assert.are.equal(image.BANNER, k:cstring(image.TEXT + 0x2000))
    assert.are.equal("lone needle", k:cstring(image.LONE + 100))
    assert.are.equal("", k:cstring(image.LONE))
  end)

  it("reads no more than max bytes", function()
    assert.are.equal("lone", k:cstring(image.LONE + 100, 4))
    assert.are.equal("lone needle", k:cstring(image.LONE + 100, 11))
    assert.are.equal("lone needle", k:cstring(image.LONE + 100, 12))
    assert.are.equal("", k:cstring(image.UNMAPPED, 0))
  end)

  it("does not touch the page behind its end", function()
    assert.are.equal("edle", k:cstring(image.HOLED + 0x2000, 4))
    local w = open{write = true}
    assert.is_true(w:write(image.DATA + 8190, "z\0"))
    assert.are.equal("z", w:cstring(image.DATA + 8190))
  end)

  it("raises an error value with the address", function()
    local ok, err = pcall(k.cstring, k, image.UNMAPPED)
    assert.is_false(ok)
    assert.are.equal("fault", err.code)
    assert.are.equal(image.UNMAPPED, err.addr)
    ok, err = pcall(k.cstring, k, image.HOLED + 0x2000)
    assert.is_false(ok)
    assert.are.equal(image.HOLED + 0x3000, err.addr)
  end)

  it("raises where a string does not end within 65536 bytes", function()
    local w = open{write = true}
    assert.is_true(w:write(image.TEXT, ("y"):rep(0x20000)))
    local ok, err = pcall(w.cstring, w, image.TEXT)
    assert.is_false(ok)
    assert.are.equal("format", err.code)
    assert.are.equal(image.TEXT, err.addr)
    assert.are.equal(("y"):rep(65537), w:cstring(image.TEXT, 65537))
  end)

  it("raises for wrong arguments", function()
    assert.is_true(badargs.check(k.cstring, "cstring", {k, image.TEXT, 8}, {"any", "integer", "?integer"}) > 8)
    assert.has_error(function() k:cstring(0, -1) end, "bad argument #2 to 'cstring' (negative length)")
  end)
end)
