-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"

local built = linux.build {release = "6.1"}

describe("k:save", function()
  harness.guard()

  local function open(t)
    t = t or {}
    t.core = harness.temp(built:elf())
    return harness.open(t)
  end

  it("writes what was written, for every reader of the new dump", function()
    local k = open {write = true}
    local at = k:symbol("linux_banner").value
    assert(k:write(at, "Minix"))
    for _, format in ipairs {"kdump", "elf", "raw"} do
      local path = harness.temp(false)
      assert(k:save(path, {format = format}))
      local c = harness.open(path)
      assert.are.equal("Minix version", c:read(at, 13))
      assert.are.equal(built.name, c:info().release)
    end
    assert.are.equal("Linux", harness.open(harness.temp(built:elf())):read(at, 5))
  end)

  it("does not replace files, and leaves none behind", function()
    local k = open()
    local path = harness.temp "precious"
    local done, message, code = k:save(path)
    assert.are.same({nil, "inval"}, {done, code})
    assert.matches("exists, and is not replaced", message)
    assert.are.equal("io", (select(3, k:save "/nonexistent/x")))
  end)

  it("is told of by a progress function, which can stop it", function()
    local k, calls = open(), 0
    local path = harness.temp(false)
    assert(k:save(path, {progress = function(what, done, total)
      assert.are.equal("writing", what)
      assert.is_true(done <= total)
      calls = calls + 1
    end}))
    assert.is_true(calls > 0)
    path = harness.temp(false)
    local done, message, code = k:save(path, {progress = function() return false end})
    assert.are.same({nil, "interrupted while writing", "inval"}, {done, message, code})
    assert.has_error(function() k:save(path, {progress = function() error("mine", 0) end}) end, "mine")
    assert.error_matches(function() k:save(path, {progress = function() k:close() end}) end, "can't be closed from a progress function")
    assert.is_nil(io.open(path))
    assert.are.equal("Linux", k:read(k:symbol("linux_banner").value, 5))
  end)

  it("gives the same file however many threads write it", function()
    local k, files = open(), {}
    for threads = 1, 3 do
      local path = harness.temp(false)
      assert(k:save(path, {compress = "zlib", threads = threads}))
      local f = assert(io.open(path, "rb"))
      files[threads] = f:read "a"
      f:close()
    end
    assert.is_true(files[1] == files[2] and files[2] == files[3])
  end)

  it("refuses options that are none", function()
    local k = open()
    for text, opts in pairs {
      ["unknown option 'colour'"] = {colour = 1}, ["bad option 'format'"] = {format = "x"}, ["bad option 'compress'"] = {compress = 7},
      ["bad option 'exclude' %(\"user\""] = {exclude = {"x"}}, ["bad option 'exclude' %(list"] = {exclude = "user"},
      ["bad option 'erase' %(integer 'addr'"] = {erase = {{len = 1}}}, ["bad option 'erase' %(list of"] = {erase = {1}},
      ["bad option 'fill'"] = {fill = 1}, ["bad option 'threads'"] = {threads = 0}, ["bad option 'progress'"] = {progress = 1},
      ["bad option 'record'"] = {record = 1},
    } do
      assert.error_matches(function() k:save(harness.temp(false), opts) end, text)
    end
    assert.error_matches(function() k:save() end, "bad argument #1")
    local done, _, code, addr = k:save(harness.temp(false), {erase = {{addr = 16, len = 8}}})
    assert.are.same({nil, "fault", 16}, {done, code, addr})
  end)
end)
