-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.moduleparam"
local memory = require "spec.support.memory"
local moduleparam = require "kvm.linux.moduleparam"

describe("kvm.linux.moduleparam", function()
  harness.guard()
  after_each(memory.forget)

  local function values(k)
    return memory.collect(moduleparam.for_each_builtin(k), function(module, name, p) return {module, name, moduleparam.value(p)} end)
  end
  local function value(...) return values((made.open {{"m.x", ...}}))[1][3] end

  it("gives what is built in by module, and a module's own", function()
    local k = made.open {{"mod.one", "param_get_int", ("<i4"):pack(-3)}, {"panic", "param_get_bool", "\1"}}
    assert.are.same({{"mod", "one", "-3", "param_get_int"}, {"kernel", "panic", "Y", "param_get_bool"}}, (values(k)))
    assert.are.same({"mod.one", "panic"}, (memory.collect(moduleparam.for_each(k, made.at.MODULE))))
  end)

  it("prints each type as the kernel does", function()
    assert.are.equal("4294967295", value("param_get_uint", ("<i4"):pack(-1)))
    assert.are.equal("18446744073709551615", value("param_get_ulong", ("<i8"):pack(-1)))
    assert.are.equal("0x00002a", value("param_get_hexint", ("<i4"):pack(42)))
    assert.are.equal("250", value("param_get_byte", "\250"))
    assert.are.equal("N", value("param_get_invbool", "\1"))
    assert.are.equal("Y", value("param_get_aaintbool", ("<i4"):pack(2)))
    assert.are.equal("(null)", value("param_get_charp", ("<I8"):pack(0)))
    assert.are.equal("text", value("param_get_charp", ("<I8"):pack(made.at.DATA + 8) .. "text"))
    assert.are.equal("te", value("param_get_string", ("<I4I4I8"):pack(2, 0, made.at.DATA + 16) .. "text"))
  end)

  it("prints arrays up to their number", function()
    local function array(num, count, printer)
      return value("param_array_get", ("<I4I4I8I8I8I4I4i4i4i4"):pack(3, 4, num and made.at.DATA + 32 or 0,
        made.ops(printer or "param_get_int"), made.at.DATA + 40, count, 0, 1, 2, 3))
    end
    assert.are.equal("1,2,3", array(false, 0))
    assert.are.equal("1,2", array(true, 2))
    assert.are.equal("", array(true, 0))
    assert.is_nil(array(true, 2, "get_of_its_own"))
    assert.matches("a parameter of 4 elements", select(2, kvm.try(array, true, 4)).message)
  end)

  it("has no value of what it can't tell, and of what /sys does not show", function()
    assert.is_nil(value("get_of_its_own", "\1"))
    assert.is_nil(value("param_get_bool", "\1", 0))
    assert.is_nil(value(nil, "\1"))
  end)

  it("bounds what is damaged", function()
    local k, set = made.open {{"m.x", "param_get_charp", ("<I8"):pack(memory.UNMAPPED)}}
    assert.are.equal("fault", select(2, kvm.try(values, k)).code)
    set("kernel_param", made.at.PARAMS, {name = memory.UNMAPPED})
    assert.are.equal("fault", select(2, values(k)).code)
    set("module", made.at.MODULE, {num_kp = 0xffffffff})
    assert.are.equal("format", select(2, kvm.try(moduleparam.for_each, k, made.at.MODULE)).code)
    memory.symbols {__start___param = made.at.PARAMS, __stop___param = made.at.PARAMS - 4096}
    assert.are.equal("format", select(2, kvm.try(moduleparam.for_each_builtin, k)).code)
  end)
end)
