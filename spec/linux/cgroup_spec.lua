-- SPDX-License-Identifier: BSD-2-Clause
local cgroup = require "kvm.linux.cgroup"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.cgroup"
local memory = require "spec.support.memory"

describe("kvm.linux.cgroup", function()
  harness.guard()
  local k, set
  before_each(function() k, set = made.open() end)
  after_each(memory.forget)

  local function paths()
    return memory.collect(cgroup.for_each_descendant(cgroup.root(k)), cgroup.path)
  end

  it("gives the tree, the group of a task, and what is counted", function()
    assert.are.same({"/", "/lab"}, (paths()))
    local group = cgroup.of_task(k:object(made.at.TASK, "struct grouped"))
    assert.are.equal(made.at.LAB, kvm.addr(group))
    assert.are.same({3 * 4096}, {cgroup.usage(group)})
    assert.are.same({}, {cgroup.usage(cgroup.root(k))})
  end)

  it("stops where it is damaged, and does not run in a circle", function()
    set("cgroup_subsys_state", made.at.LAB, {["sibling.prev"] = 0})
    local got, err = paths()
    assert.are.same({{"/"}, "format"}, {got, err.code})
    k, set = made.open()
    set("cgroup_subsys_state", made.at.LAB, {cgroup = made.at.ROOT})
    got, err = paths()
    assert.are.equal("format", err.code)
    assert.matches("nested deeper than 512", err.message)
    assert.is_true(#got < 600)
  end)

  it("says when a kernel has none", function()
    memory.forget()
    local _, err = kvm.try(cgroup.root, k)
    assert.matches("^this kernel has no control groups %(CONFIG_CGROUPS%)", err.message)
  end)
end)
