-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local kvm_error = require "kvm.error"
local run = require "kvm.cmd.run"

local seen -- what a script leaves here

local function script(text, args)
  local path = harness.temp(text)
  _G.spec_seen = function(...) seen = table.pack(...) end
  local k = fake.new()
  local ok, err = pcall(run.run, k, {script = path, args = args})
  _G.spec_seen = nil
  return ok, err, path, k
end

describe("kvm.cmd.run", function()
  harness.guard()

  it("gives the script k, its arguments and arg", function()
    local ok, _, path, k = script("spec_seen(k, arg[0], arg[1], ...)", {"a", "--b"})
    assert.is_true(ok)
    assert.are.equal(k, seen[1])
    assert.are.same({path, "a", "a", "--b", n = 5}, {seen[2], seen[3], seen[4], seen[5], n = seen.n})
    seen = nil
  end)

  it("has no records", function()
    assert.is_nil(run.run(fake.new(), {script = harness.temp "return 1"})())
  end)

  local function failure(text)
    local ok, err, path = script(text)
    assert.is_false(ok)
    assert.is_true(kvm_error.is(err))
    return tostring(err):gsub(path, "SCRIPT", 1), err
  end

  it("names file and line of what went wrong, in one line", function()
    assert.matches("^SCRIPT:2: syntax error", (failure "local x\nx x"))
    assert.matches("^SCRIPT:1: attempt to index a nil value", (failure "local t; return t.x"))
    assert.are.equal("SCRIPT:2: wrong", (failure "\nerror 'wrong'"))
    assert.are.equal("SCRIPT:1: (error object is a table value)", (failure "error {}"))
    assert.is_nil((failure "error 'two\\nlines'"):find "\n")
  end)

  it("finds the line of an error value, and keeps its code and address", function()
    local message, err = failure "local function f() local v = k:u64(16) return v end\nprint(f())"
    assert.are.equal("SCRIPT:1: 0x10: fault", message)
    assert.are.same({"fault", 16}, {err.code, err.addr})
  end)

  it("says when the script is not there", function()
    local ok, err = pcall(run.run, fake.new(), {script = "/nonexistent/x.lua"})
    assert.is_false(ok)
    assert.matches("No such file", tostring(err))
  end)
end)
