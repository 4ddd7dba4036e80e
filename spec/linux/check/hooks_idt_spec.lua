-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local strangers = require "spec.support.strangers"

local TABLE = memory.START

describe("kvm.linux.check.hooks_idt", function()
  harness.guard()
  strangers(0x1000, 0x2000, 0)
  local k
  before_each(function()
    k = memory.open()
    memory.symbols {idt_table = TABLE, asm_exc_page_fault = 0x1000, early_idt_handler_array = 0x3000}
    for vector = 0, 255 do -- all but the page fault are not used
      assert(k:write(TABLE + 16 * vector, ("<I2I2I2I2I4"):pack(vector == 14 and 0x1000 or 0x3000, 16, 0x8e00, 0, 0)))
    end
  end)
  after_each(memory.forget)

  local function run() return checks.run("hooks_idt", checks.new(k)) end

  it("is quiet about entries of the kernel", function()
    assert.are.same({}, (run()))
  end)

  it("finds gates that lead into modules or into functions, but not those that are shut", function()
    assert(k:write(TABLE + 16 * 14, ("<I2I2I2"):pack(0x5010, 16, 0x8e00)))
    assert(k:write(TABLE + 16 * 128, ("<I2I2I2"):pack(0x1001, 16, 0x8e00)))
    assert(k:write(TABLE + 16 * 3, ("<I2I2I2"):pack(0x5010, 16, 0)))
    local f = run()
    assert.are.equal(1, #f)
    assert.are.same({"critical", {"evil"}, 2}, {f[1].severity, f[1].modules, #f[1].evidence})
    assert.matches("vector 14: the gate at 0xffff8880000000e0 leads to 0x5010 in module evil", f[1].title, 1, true)
  end)

  it("finds a CPU that uses another table", function()
    local bases = {[0] = TABLE, 0, memory.UNMAPPED, TABLE + 0x1000}
    local view = setmetatable({}, {__index = function(_, key) return function(_, ...) return k[key](k, ...) end end})
    function view.registers(_, cpu) return bases[cpu] and {idt_base = bases[cpu]} end
    local f = checks.run("hooks_idt", checks.new(view))
    assert.are.same({1, "critical", "CPU 3 uses an interrupt table that is not the kernel's"}, {#f, f[1].severity, f[1].title})
  end)

  it("says when the table can't be read", function()
    memory.symbols {idt_table = memory.UNMAPPED}
    assert.are.equal("fault", select(2, run()).code)
    memory.forget()
    assert.are.equal("notfound", select(2, run()).code)
  end)
end)
