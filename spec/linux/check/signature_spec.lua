-- SPDX-License-Identifier: BSD-2-Clause
local panic = require "kvm.linux.check.panic"
local signature = require "kvm.linux.check.signature"

local function calm() return false end
local function dead() return true end

local function frames(base, ...)
  local out = {}
  for i, name in ipairs {...} do out[i] = {name = name, pc = base + i, sp = base * 2, trusted = true} end
  return out
end

describe("kvm.linux.check.signature", function()
  local what = panic.what
  after_each(function() panic.what = what end)
  local function of_panic(kind, ...)
    local list = frames(...)
    function panic.what() return {kind = kind, frames = list, guilty = 1} end
    return signature.of({is_panic = dead}, {})
  end

  it("is the same at any address, with what compilers add, however deep a recursion went", function()
    local first, made_of = of_panic("NULL pointer dereference", 100, "f", "g", "ksys_write", "entry_SYSCALL_64")
    assert.are.equal("NULL pointer dereference/f/g", made_of)
    assert.matches("^1%-%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x$", first)
    assert.are.equal(first, (of_panic("NULL pointer dereference", 5000, "f.constprop.0", "f", "g.cold", "do_syscall_64")))
  end)

  it("is another of another bug", function()
    local first = of_panic("NULL pointer dereference", 1, "f", "g")
    assert.are_not.equal(first, (of_panic("use after free", 1, "f", "g")))
    assert.are_not.equal(first, (of_panic("NULL pointer dereference", 1, "f", "h")))
  end)

  it("is that of the first finding where the kernel lives, and none where nothing is wrong", function()
    local _, made_of = signature.of({is_panic = calm}, {{kind = "deadlock", severity = "critical", functions = {"lab", "kthread"}}})
    assert.are.equal("deadlock/lab", made_of)
    assert.is_nil(signature.of({is_panic = calm}, {{kind = "memory", severity = "info"}}))
    assert.is_nil(signature.of({is_panic = calm}, {}))
  end)

  it("does not count what is not to be trusted", function()
    local list = frames(1, "f", "guess")
    list[2].trusted = false
    function panic.what() return {kind = "panic", frames = list, guilty = 1} end
    assert.are.equal("panic/f", select(2, signature.of({is_panic = dead}, {})))
  end)
end)
