-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local kvm_error = require "kvm.error"
local memory = require "spec.support.memory"
local module = require "kvm.linux.module"

local S = memory.START

describe("kvm.linux.check.hidden_module", function()
  harness.guard()
  local walks = {for_each_in_tree = module.for_each_in_tree, for_each_in_sysfs = module.for_each_in_sysfs, memory = module.memory}
  local k, listed
  before_each(function()
    k = memory.open "struct module { int state; char name[56]; };"
    for i, name in ipairs {"one", "two", "three"} do assert(k:write(S + 0x100 * i + 4, name .. "\0")) end
    listed = {1, 2}
    function module.memory() return {{addr = 0x5000, bytes = 0x100}} end
  end)
  after_each(function()
    for name, f in pairs(walks) do module[name] = f end
  end)

  local function each(numbers)
    return function()
      if type(numbers) == "string" then kvm_error.fail(numbers, "why") end
      return coroutine.wrap(function()
        for _, i in ipairs(numbers) do coroutine.yield(S + 0x100 * i) end
      end)
    end
  end

  local function run(tree, sysfs)
    module.for_each_in_tree, module.for_each_in_sysfs = each(tree), each(sysfs)
    local view = setmetatable({}, {__index = function(_, key) return function(_, ...) return k[key](k, ...) end end})
    function view.modules()
      return coroutine.wrap(function()
        for _, i in ipairs(listed) do coroutine.yield {name = ({"one", "two"})[i], addr = S + 0x100 * i} end
      end)
    end
    return checks.run("hidden_module", checks.new(view))
  end

  it("is quiet where all three agree, and where a kernel has but one", function()
    assert.are.same({}, (run({1, 2, 2}, {2, 1})))
    local found, err = run("notfound", "notfound")
    assert.are.same({{}, nil}, {found, err})
  end)

  it("finds a live module that is not listed", function()
    local f = run({1, 2, 3}, {1, 2, 3})
    assert.are.same({1, "critical", {"three"}}, {#f, f[1].severity, f[1].modules})
    assert.matches("mod_tree.* and /sys/module", f[1].evidence[1])
    memory.set(k, "struct module", S + 0x300, {state = 2}) -- it is going
    assert.are.same({}, (run({1, 2, 3}, {1, 2})))
  end)

  it("finds a listed module that /sys/module lacks", function()
    local f = run({1, 2}, {1})
    assert.are.same({1, "warning", {"two"}}, {#f, f[1].severity, f[1].modules})
  end)

  it("tells damage behind what it found", function()
    local f, err = run("format", {1, 2, 3})
    assert.are.same({1, "format"}, {#f, err.code})
    f, err = run({1, 2}, "fault")
    assert.are.same({0, "fault"}, {#f, err.code})
  end)
end)
