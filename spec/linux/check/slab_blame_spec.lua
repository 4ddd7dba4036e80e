-- SPDX-License-Identifier: BSD-2-Clause
local blame = require "kvm.linux.check.slab_blame"
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local jiffies = require "kvm.linux.jiffies"
local made = require "spec.support.slub"
local memory = require "spec.support.memory"

local S <const> = memory.START

describe("kvm.linux.check.slab_blame", function()
  harness.guard()
  local now, tick = jiffies.now, jiffies.tick_ns
  before_each(function()
    function jiffies.now() return 6000 end
    function jiffies.tick_ns() return 1000000 end
  end)
  after_each(function()
    jiffies.now, jiffies.tick_ns = now, tick
    memory.forget()
  end)

  it("names functions", function()
    assert.are.equal("f", blame.source_name "f.constprop.0.isra.0")
    assert.are.equal("f [m]", blame.with_module("f", "m"))
    assert.are.equal("f", blame.with_module("f"))
  end)

  it("prefers the functions of modules", function()
    local k = made.open()
    memory.symbols({kfree = 0x100, put = 0x200, lab = 0x300, own = 0x400}, {kfree = 16, put = 16, lab = 16, own = 16},
      {lab = "m", own = "m"})
    assert.are.equal("put", blame.culprit(k, {addr = 0x204, stack = {0x104}}).name)
    assert.are.equal("lab", blame.culprit(k, {addr = 0x204, stack = {0x104, 0x304}}).name)
    assert.are.equal("own", blame.culprit(k, {addr = 0x404, stack = {0x304}}).name)
    assert.is_nil(blame.culprit(k, {addr = 0x999, stack = {}}))
  end)

  it("tells who allocated and who freed an object", function()
    local k, cache, symbols = made.open(false, "struct track { unsigned long addr, addrs[1]; int cpu, pid; unsigned long when; };")
    symbols.lab_new, symbols.lab_put = 0x300, 0x400
    memory.symbols(symbols, {lab_new = 16, lab_put = 16}, {lab_new = "m", lab_put = "n"})
    memory.set(k, "struct kmem_cache", made.at.CACHE, {inuse = 16, flags = 0x10000})
    local at = made.object(0)
    assert(k:write(at + 24, ("<i8i8i4i4i8i8i8i4i4i8"):pack(0x304, 0x304, 0, 7, 4000, 0x408, 0, 1, 8, 5000)))
    local who = blame.of_object(checks.new(k), cache, at, true)
    assert.are.same({{"lab_new", "lab_put"}, {"m", "n"}, {7, 8}, "lab_new [m]", "lab_put [n]"},
      {who.functions, who.modules, who.pids, who.allocated, who.freed})
    assert.are.same({"allocated by lab_new+0x4 [m], pid 7 on CPU 0, 2.000 s before the dump: lab_new+0x4 [m]",
      "freed by lab_put+0x8 [n], pid 8 on CPU 1, 1.000 s before the dump"}, who.evidence)
    who = blame.of_object(checks.new(k), cache, at, false)
    assert.are.same({{"lab_new"}, {"m"}, nil}, {who.functions, who.modules, who.freed})
    assert.matches("^freed, before it was allocated again, by lab_put", who.evidence[2])
  end)

  it("tells whose cache it is", function()
    local k, cache, symbols = made.open()
    symbols.kmalloc_caches = S + 0x1e00
    symbols.lab_cache = S + 0x1c80
    memory.symbols(symbols, {lab_cache = 8}, {lab_cache = "m"})
    assert(k:write(S + 0x1c80, ("<i8"):pack(made.at.CACHE)))
    local function parts(owner)
      return {{module = owner, text = {addr = S, bytes = 0}, data = {{addr = S + 0x1c80, bytes = 64}}}}
    end
    local who = blame.of_cache(cache, parts "m")
    assert.are.same({{"m"}, {}, "lab_cache [m]", {"lab_cache [m] holds the cache's address"}},
      {who.modules, who.functions, who.variable, who.evidence})
    assert.are.same({functions = {}, modules = {}, evidence = {}}, blame.of_cache(cache, parts(nil)))
  end)
end)
