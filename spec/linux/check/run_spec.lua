-- SPDX-License-Identifier: BSD-2-Clause
local context_of = require "kvm.linux.check.context"
local kvm_error = require "kvm.error"
local run = require "kvm.linux.check.run"

local PREFIX <const> = "kvm.linux.check."

describe("kvm.linux.check.run", function()
  local made = {}
  local new = context_of.new
  local function check(name, f)
    made[#made + 1] = name
    package.loaded[PREFIX .. name] = {name = name, run = f}
  end
  before_each(function() function context_of.new() return {is_panic = function() return false end} end end)
  after_each(function()
    context_of.new = new
    for _, name in ipairs(made) do package.loaded[PREFIX .. name] = nil end
    made = {}
  end)

  it("sorts what was found by severity, confidence and the order of the checks", function()
    local function tell(...)
      local list = {...}
      return function(_, report)
        for _, f in ipairs(list) do report {severity = f[1], confidence = f[2], title = f[3]} end
      end
    end
    check("one", tell({"info", "certain", "a"}, {"error", "likely", "b"}))
    check("two", tell({"error", "certain", "c"}, {"critical", "possible", "d"}, {"error", "likely", "e"}))
    local titles = {}
    for i, f in ipairs((run.all(nil, {checks = {"one", "two"}}))) do titles[i] = f.kind .. " " .. f.title end
    assert.are.same({"two d", "two c", "one b", "two e", "one a"}, titles)
  end)

  it("survives checks that fail, and tells of them", function()
    check("faulty", function() kvm_error.fail("fault", "no page at 0x10") end)
    check("broken", function(context) return context.nothing.at_all end)
    check("good", function(_, report) report {severity = "warning", confidence = "certain", title = "found"} end)
    local findings, signature, made_of = run.all(nil, {checks = {"faulty", "broken", "good"}})
    assert.are.equal(3, #findings)
    assert.are.same({"good", "found"}, {findings[1].kind, findings[1].title})
    assert.are.equal("check faulty could not be done: no page at 0x10", findings[2].title)
    assert.matches("^check broken could not be done: .*nil value", findings[3].title)
    assert.is_true(findings[2].unfinished and findings[3].unfinished)
    assert.are.equal("info", findings[3].severity)
    assert.are.equal("good", made_of)
    assert.is_string(signature)
  end)

  it("tells when a signature can't be made", function()
    function context_of.new() return {is_panic = function() kvm_error.fail("fault", "no page at 0x20") end} end
    check("good", function(_, report) report {severity = "error", confidence = "certain", title = "found"} end)
    local findings, signature = run.all(nil, {checks = {"good"}})
    assert.is_nil(signature)
    assert.are.same({"signature", "check signature could not be done: no page at 0x20"}, {findings[2].kind, findings[2].title})
  end)

  it("stops a check that does not end, and those behind it", function()
    check("endless", function() while true do end end)
    check("behind", function() for _ = 1, 1e8 do end end)
    local findings = run.all(nil, {checks = {"endless", "behind"}, budget = 0.05})
    assert.matches("^check endless was stopped", findings[1].title)
    assert.matches("^check behind was stopped", findings[2].title)
    assert.is_nil((debug.gethook()))
  end)

  it("knows the names of checks", function()
    assert.is_true(run.is_known "panic")
    assert.is_false(run.is_known "panics")
  end)
end)
