-- SPDX-License-Identifier: BSD-2-Clause
local ftrace = require "kvm.linux.ftrace"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.probes"
local memory = require "spec.support.memory"

describe("kvm.linux.ftrace", function()
  harness.guard()
  local k, set, symbols
  before_each(function()
    k, set, symbols = made.open()
    memory.symbols(symbols)
  end)
  after_each(memory.forget)

  local function all() return memory.collect(ftrace.for_each_ops(k), kvm.addr) end
  local function functions(at) return memory.collect(ftrace.for_each_function(k:object(at, "struct ftrace_ops"))) end

  it("gives who is called, and of which functions", function()
    assert.are.same({made.at.OPS, made.at.OTHER}, (all()))
    assert.are.same({0x1200}, (functions(made.at.OPS)))
    assert.are.same({}, (functions(made.at.OTHER))) -- no hash: all
    set("ftrace_hash", made.at.HASH, {count = 0})
    assert.are.same({}, (functions(made.at.OPS)))
  end)

  it("gives direct calls", function()
    assert.are.same({{0x1200, 0x5020}}, (memory.collect(ftrace.for_each_direct(k), function(...) return {...} end)))
    assert(k:write(symbols.direct_functions, ("<I8"):pack(0)))
    assert.are.same({}, (memory.collect(ftrace.for_each_direct(k))))
  end)

  it("ends where the list is empty, and refuses one that does not end", function()
    assert(k:write(symbols.ftrace_ops_list, ("<I8"):pack(symbols.ftrace_list_end)))
    assert.are.same({}, (all()))
    assert(k:write(symbols.ftrace_ops_list, ("<I8"):pack(made.at.OPS)))
    set("ftrace_ops", made.at.OTHER, {next = made.at.OPS})
    assert.are.equal("format", select(2, all()).code)
    set("ftrace_ops", made.at.OTHER, {next = memory.UNMAPPED})
    assert.are.equal("fault", select(2, all()).code)
  end)

  it("refuses a hash that can't be, and says what a kernel lacks", function()
    set("ftrace_hash", made.at.HASH, {size_bits = 63})
    local _, err = kvm.try(ftrace.for_each_function, k:object(made.at.OPS, "struct ftrace_ops"))
    assert.are.equal("format", err.code)
    memory.forget()
    _, err = kvm.try(ftrace.for_each_ops, k)
    assert.matches("CONFIG_FUNCTION_TRACER", err.message, 1, true)
    _, err = kvm.try(ftrace.for_each_direct, k)
    assert.matches("CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS", err.message, 1, true)
  end)
end)
