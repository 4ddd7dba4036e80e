-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kernfs = require "kvm.linux.kernfs"
local kvm = require "kvm"
local made = require "spec.support.cgroup"
local memory = require "spec.support.memory"

describe("kvm.linux.kernfs", function()
  harness.guard()
  local k, set, node
  before_each(function()
    k, set = made.open()
    node = k:object(made.at.KN_LAB, "struct kernfs_node")
  end)
  after_each(memory.forget)

  it("gives names and paths", function()
    local root = kernfs.parent(node)
    assert.are.same({"lab", "/lab", "", "/"}, {kernfs.name(node), kernfs.path(node), kernfs.name(root), kernfs.path(root)})
    assert.is_nil(kernfs.parent(root))
  end)

  it("ends where a path does not", function()
    set("kernfs_node", made.at.KN_LAB, {__parent = made.at.KN_LAB})
    local _, err = kvm.try(kernfs.path, node)
    assert.are.equal("format", err.code)
  end)

  it("knows the layout before 6.15", function()
    kvm.cdef(k, "struct older { struct older *parent; const char *name; };")
    local older = k:object(made.at.KN_LAB, "struct older")
    assert.are.equal("/lab", kernfs.path(older))
  end)
end)
