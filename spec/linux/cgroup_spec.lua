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

  it("tells how often a group came to its limits", function()
    local group = cgroup.of_task(k:object(made.at.TASK, "struct grouped"))
    set("mem_cgroup", made.at.MEMORY, {["memory.max"] = 5, ["memory_events_local[1].counter"] = 2})
    assert.are.same({{MEMCG_LOW = 0, MEMCG_OOM_KILL = 2}, 5 * 4096}, {cgroup.memory_events(group)})
    assert.is_nil(cgroup.memory_events(cgroup.root(k)))
  end)

  it("gives the hierarchies, the group of a task in each, the controllers", function()
    local roots = memory.collect(cgroup.for_each_root(k))
    assert.are.same({2, made.at.ROOT, made.at.ONE, 3}, {#roots, kvm.addr(roots[1]), kvm.addr(roots[2]), roots[2].hierarchy_id})
    local task = k:object(made.at.TASK, "struct grouped")
    assert.are.same({made.at.LAB, made.at.ONE}, {kvm.addr(cgroup.of_task(task, roots[1])), kvm.addr(cgroup.of_task(task, roots[2]))})
    set("cgrp_cset_link", made.at.LINK, {cgrp = made.at.LAB})
    assert.is_nil(cgroup.of_task(task, roots[2]))
    assert.are.same({{name = "memory", hierarchy = 0, groups = 2, enabled = true},
      {name = "pids", hierarchy = 3, groups = 1, enabled = false}},
      cgroup.subsystems(k))
    assert(k:write(made.at.ROOTS + 8, ("<I8"):pack(0)))
    local got, err = memory.collect(cgroup.for_each_root(k))
    assert.are.same({true, "format"}, {#got <= 2, err.code})
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
