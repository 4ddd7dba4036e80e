-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local search = require "kvm.cmd.search"

describe("kvm.cmd.search", function()
  harness.guard()
  local k
  local AT = memory.START + 0x120
  before_each(function()
    k = memory.open()
    assert(k:write(AT, ("<I8"):pack(0x1122334455667788)))
    assert(k:write(AT + 0x40, ("<I8"):pack(0x1122334455667788)))
    assert(k:write(AT + 0x83, "a-needle-here"))
  end)

  local function places(opts)
    local out = {}
    for i, r in ipairs(fake.collect(search.run(k, opts))) do out[i] = r.addr - AT end
    return out
  end

  it("finds numbers and text", function()
    local near = {from = memory.START, to = memory.START + memory.SIZE}
    local function with(opts)
      for key, v in pairs(near) do opts[key] = opts[key] or v end
      return opts
    end
    assert.are.same({0, 0x40}, places(with {what = 0x1122334455667788}))
    assert.are.same({0, 0x40}, places(with {what = "0x1122334455667788"}))
    assert.are.same({0}, places(with {what = 0x1122334455667788, most = 1}))
    assert.are.same({0x40}, places(with {what = 0x1122334455667788, from = AT + 1}))
    assert.are.same({0, 0x40}, places(with {what = 0x55667788, width = 4}))
    assert.are.same({0x83}, places(with {what = "a-needle-here", text = true}))
    assert.are.same({}, places(with {what = "haystack", text = true}))
  end)

  it("finds physical memory", function()
    local pa = assert(k:translate(AT + 0x83))
    assert.are.equal(pa, search.run(k, {what = "a-needle-here", text = true, physical = true})().addr)
  end)

  it("tells the symbol that is near", function()
    local at = k:symbol("modules").value
    local r = search.run(k, {what = at, from = at, to = at + 8})()
    assert.are.same({at, "modules"}, {r.addr, r.symbol})
  end)

  it("names what is not there", function()
    local ok, err = pcall(search.run, k, {what = "no_such"})
    assert.are.same({false, "notfound"}, {ok, err.code})
    ok, err = pcall(search.run, k, {what = 1, user = 77})
    assert.are.same({false, "unsupported"}, {ok, err.code}) -- this kernel has no list of tasks
  end)
end)
