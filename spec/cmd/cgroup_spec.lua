-- SPDX-License-Identifier: BSD-2-Clause
local cgroup = require "kvm.cmd.cgroup"
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local made = require "spec.support.cgroup"
local memory = require "spec.support.memory"
local one_task = require "spec.support.one_task"

describe("kvm.cmd.cgroup", function()
  harness.guard()
  local k, set
  before_each(function() k, set = made.open() end)
  one_task(function() return {pid = 7}, k:object(made.at.TASK, "struct grouped") end)
  after_each(memory.forget)

  it("tells of each group and its processes", function()
    local r = fake.collect(cgroup.run(k, {tasks = true}))
    assert.are.same({{addr = made.at.ROOT, hierarchy = 0, path = "/", level = 0, pids = {}, processes = ""},
      {addr = made.at.LAB, hierarchy = 0, path = "/lab", level = 1, memory_bytes = 12288, pids = {7}, processes = "7"},
      {addr = made.at.ONE, hierarchy = 3, path = "/", level = 0, pids = {7}, processes = "7"}}, r)
    assert.is_nil(cgroup.run(k)().pids)
  end)

  it("tells of the controllers", function()
    assert.are.same({{controller = "memory", hierarchy = 0, groups = 2, enabled = true},
      {controller = "pids", hierarchy = 3, groups = 1, enabled = false}}, fake.collect(cgroup.run(k, {controllers = true})))
    memory.forget()
    local ok, err = pcall(cgroup.run, k, {controllers = true})
    assert.are.same({false, "notfound"}, {ok, err.code})
  end)

  it("names what can't be read, and where it stopped", function()
    set("cgroup", made.at.LAB, {kn = memory.UNMAPPED})
    set("css_set", made.at.SET, {dfl_cgrp = 0})
    set("grouped", made.at.TASK, {cgroups = memory.UNMAPPED})
    local r = fake.collect(cgroup.run(k, {tasks = true}))
    assert.are.same({"fault", "/", {"path"}}, {r[1].code, r[2].path, r[3].partial})
  end)
end)
