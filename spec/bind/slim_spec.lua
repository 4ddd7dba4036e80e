-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local badargs = require "spec.support.badargs"
local linux = require "spec.support.build.linux"

describe("slim", function()
  harness.guard()
  local ELF = linux.build():elf()
  local path
  before_each(function() path = harness.temp(ELF) end)

  local function names(k)
    local out = {}
    for p in k:procs() do out[#out + 1] = p.comm end
    return out
  end

  for _, codec in ipairs{"zstd", "zlib"} do
    it("writes a dump that answers the same questions, with " .. codec, function()
      local k = harness.open{core = path, trace = true}
      local expected, banner = names(k), k:cstring(k:symbol("linux_banner").value)
      local out = harness.temp(false)
      local res = assert(k:slim(out, {codec = codec}))
      local f = assert(io.open(out, "rb"))
      assert.are.equal(f:seek("end"), res.bytes)
      f:close()
      assert.is_true(res.bytes < #ELF)
      assert.are.equal(0, res.missing)
      local s = harness.open(out)
      assert.matches("^kdump", s:info().format)
      assert.matches(codec, s:info().format, 1, true)
      assert.are.equal(k:info().release, s:info().release)
      assert.are.same(expected, names(s))
      assert.are.equal(banner, s:cstring(s:symbol("linux_banner").value))
      local pages = 0
      for from, to in s:regions("physical") do pages = pages + (to - from) // 4096 end
      assert.are.equal(res.pages, pages)
    end)
  end

  it("leaves out what was not read, and the memory of processes", function()
    local k = harness.open{core = path, trace = true}
    local p = k:procs("pid", 1)()
    assert.is_table(k:argv(p))
    local out = harness.temp(false)
    assert(k:slim(out))
    local s = harness.open(out)
    assert.are.equal("excluded", select(3, s:argv(p)))
  end)

  it("refuses on a handle without trace, and tells why a file can't be written", function()
    local k = harness.open(path)
    local res, message, code = k:slim(harness.temp(false))
    assert.is_nil(res)
    assert.are.equal("the handle was not opened with trace", message)
    assert.are.equal("inval", code)
    local t = harness.open{core = path, trace = true}
    res, message, code = t:slim("/nonexistent/x")
    assert.is_nil(res)
    assert.matches("/nonexistent/x", message, 1, true)
    assert.are.equal("io", code)
  end)

  it("raises for wrong arguments and unknown options", function()
    local k = harness.open(path)
    assert.is_true(badargs.check(k.slim, "slim", {k, "/nonexistent/x", {}}, {"any", "string|number|integer", "?table"}) > 6)
    assert.has_error(function() k:slim("/nonexistent/x", {codek = "zlib"}) end, "unknown option 'codek'")
    assert.has_error(function() k:slim("/nonexistent/x", {codec = "lzo"}) end, [[bad option 'codec' ("zstd" or "zlib" expected)]])
  end)
end)
