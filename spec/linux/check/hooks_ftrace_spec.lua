-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local made = require "spec.support.probes"
local memory = require "spec.support.memory"
local strangers = require "spec.support.strangers"

describe("kvm.linux.check.hooks_ftrace", function()
  harness.guard()
  strangers(0x1000, 0x2000, made.at.MODULE)
  local k, set, symbols
  before_each(function()
    k, set, symbols = made.open()
    memory.symbols(symbols)
  end)
  after_each(memory.forget)

  local function titles()
    local found, err = checks.run("hooks_ftrace", checks.new(k))
    local out = {}
    for i, f in ipairs(found) do out[i] = f.severity .. ": " .. f.title end
    return out, err
  end

  it("tells who hooks which functions, and how", function()
    set("module", made.at.MODULE, {taints = 1 << 12}) -- out of the tree
    assert.are.same({"warning: module evil hooks vfs_read by ftrace with IPMODIFY: 0x5010 in module evil",
      "warning: module evil hooks vfs_read by a direct call of ftrace: 0x5020 in module evil",
      "info: module evil hooks vfs_read by a kprobe (pre): 0x5030 in module evil",
      "error: an unknown handler hooks vfs_write by a kprobe (pre): 0x30, in no code of the kernel or a module",
      "info: module evil hooks vfs_write by a kprobe (return): 0x5040 in module evil"}, (titles()))
  end)

  it("has no warning of a module of the kernel's tree, and none of the kernel's own handlers", function()
    assert.matches("^info: module evil hooks vfs_read by ftrace with IPMODIFY", titles()[1])
    for _, name in ipairs {"ftrace_ops_list", "direct_functions", "kprobe_table"} do symbols[name] = nil end
    assert.are.same({}, (titles()))
  end)

  it("says that all functions are wanted", function()
    set("ftrace_hash", made.at.HASH, {count = 0})
    assert.matches("module evil hooks all functions by ftrace", titles()[1])
  end)

  it("tells what it found before what was damaged", function()
    set("ftrace_ops", made.at.OTHER, {next = memory.UNMAPPED})
    local out, err = titles()
    assert.are.equal("fault", err.code)
    assert.are.equal(5, #out)
  end)
end)
