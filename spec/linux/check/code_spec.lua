-- SPDX-License-Identifier: BSD-2-Clause
local code = require "kvm.linux.check.code"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local module = require "kvm.linux.module"

describe("kvm.linux.check.code", function()
  harness.guard()
  local k, memory_of = nil, module.memory
  before_each(function()
    k = memory.open()
    memory.symbols {_stext = 0x1000, _etext = 0x2000, a_function = 0x1500, of_module = 0x5000}
    module.memory = function() return {{addr = 0x5000, bytes = 0x100}, {addr = 0x7000, bytes = 0x10}} end
  end)
  after_each(function()
    memory.forget()
    module.memory = memory_of
  end)

  it("tells whose code an address is in", function()
    local function modules() return coroutine.wrap(function() coroutine.yield {name = "m", addr = 0x9000} end) end
    local function through(_, key) return function(_, ...) return k[key](k, ...) end end
    local with_module = setmetatable({modules = modules}, {__index = through})
    local owner = code.owners(with_module)
    local context = {k = k, symbol_text = function(_, addr) return k:symbol(addr).name end}
    assert.are.same({"kernel", "kernel", "nil", "module", "nil", "module", "nil"}, (function(out)
      for i, addr in ipairs {0x1000, 0x1fff, 0x2000, 0x50ff, 0x5100, 0x700f, -1} do out[i] = tostring((owner(addr))) end
      return out
    end) {})
    assert.are.equal("m", select(2, owner(0x5000)).name)
    assert.are.equal("a_function", code.text(context, owner, 0x1500))
    assert.are.equal("0x5000 in module m", code.text(context, owner, 0x5000))
    assert.are.equal("0x10, in no code of the kernel or a module", code.text(context, owner, 0x10))
  end)

  it("shortens lists", function()
    assert.are.same({"a", "b"}, code.shortened({"a", "b"}, 2))
    assert.are.same({"a", "and 2 more"}, code.shortened({"a", "b", "c"}, 1))
  end)
end)
