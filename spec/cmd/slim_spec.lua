-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local log = require "kvm.cmd.log"
local ps = require "kvm.cmd.ps"
local slim = require "kvm.cmd.slim"

local function absent()
  local path = harness.temp()
  os.remove(path)
  return path
end

describe("kvm.cmd.slim", function()
  harness.guard()

  it("writes a dump on which the same commands give the same answers", function()
    local built = linux.build {release = "6.1"}
    local k = harness.open {core = harness.temp(built:elf()), trace = true}
    local out, seen = absent(), {}
    local function emit(command, records, opts)
      for rec in records do seen[#seen + 1] = command.name .. (rec.text or rec.comm) .. tostring(opts.threads) end
    end
    local r = fake.collect(slim.run(k, {out = out, emit = emit, commands = {
      {command = log, opts = {}}, {command = ps, opts = {threads = true}},
    }}))
    assert.are.equal(1, #r)
    assert.are.same({out, 0}, {r[1].path, r[1].missing})
    assert.is_true(r[1].pages > 10 and r[1].bytes > 4096)
    assert.are.equal(5 + 9, #seen)

    local small, again = harness.open(out), {}
    for rec in log.run(small, {}) do again[#again + 1] = "log" .. rec.text .. "nil" end
    for rec in ps.run(small, {threads = true}) do again[#again + 1] = "ps" .. rec.comm .. "true" end
    assert.are.same(seen, again)
  end)

  it("never replaces a file, and then reads nothing", function()
    local path = harness.temp "precious"
    local k = fake.new()
    local ok, err = pcall(slim.run, k, {out = path, commands = {{command = log, opts = {}}}})
    assert.are.same({false, "inval", 0}, {ok, err.code, k.reads})
    assert.matches("exists, and is not replaced", err.message)
    local f = assert(io.open(path))
    assert.are.equal("precious", f:read "a")
    f:close()
  end)

  it("passes the codec on, and raises what the handle says", function()
    local k, asked = fake.new(), nil
    function k.symbols() return function() end end
    function k.nlist(_, names) return {}, names end
    function k.slim(_, _, how)
      asked = how.codec
      return nil, "no room", "io"
    end
    for codec, opts in pairs {zlib = {zlib = true}, zstd = {zstd = true}, none = {}} do
      opts.out = absent()
      local ok, err = pcall(slim.run, k, opts)
      assert.are.same({false, "io", codec}, {ok, err.code, asked or "none"})
    end
  end)

  it("tells what it wrote", function()
    assert.are.equal("x\\x1b: 3 pages, 2.0 KiB\n", slim.text {path = "x\27", pages = 3, bytes = 2048, missing = 0})
    assert.matches("; 4 more were asked for", slim.text {path = "x", pages = 3, bytes = 2048, missing = 4})
  end)
end)
