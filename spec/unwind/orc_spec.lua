-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local orc = require "kvm.unwind.orc"

local S <const> = memory.START
local IPS <const>, ENTRIES <const>, MODULE <const>, CODE <const> = S, S + 0x100, S + 0x200, S + 0x1000

-- Bits of the word behind the two offsets, by release (orc_types.h).
local LAYOUTS = {
  ["5.10"] = "sp_reg:4, bp_reg:4, type:2, end:1", ["6.1"] = "sp_reg:4, bp_reg:4, type:2, signal:1, end:1",
  ["6.4"] = "sp_reg:4, bp_reg:4, type:3, signal:1",
}
local MODULE_STRUCT = [[
  struct mod_arch_specific { unsigned int num_orcs; int *orc_unwind_ip; struct orc_entry *orc_unwind; };
  struct module { long state; struct mod_arch_specific arch; };
]]

-- Writes addresses and entries ({offset of code, sp_offset, bp_offset, word}), as the kernel sorts them.
local function put(k, ips, entries, list)
  for i, e in ipairs(list) do
    local at = ips + 4 * (i - 1)
    assert(k:write(at, ("<i4"):pack(CODE + e[1] - at)))
    assert(k:write(entries + 6 * (i - 1), ("<i2i2I2"):pack(e[2], e[3], e[4])))
  end
end

local function made(release, list)
  local k = memory.open(("struct orc_entry { short sp_offset, bp_offset; unsigned %s; } __attribute__((packed));%s")
    :format(LAYOUTS[release], MODULE_STRUCT))
  put(k, IPS, ENTRIES, list)
  memory.symbols {__start_orc_unwind_ip = IPS, __stop_orc_unwind_ip = IPS + 4 * #list, __start_orc_unwind = ENTRIES}
  return k, orc.new(k)
end

local function brief(rule) return rule and {rule.kind, rule.sp, rule.sp_offset, rule.bp, rule.bp_offset, rule.interrupted} end

describe("kvm.unwind.orc", function()
  harness.guard()
  after_each(memory.forget)

  it("reads entries with a bit for the end, 5.10", function()
    local _, o = made("5.10", {{0x10, 8, 0, 5}, {0x20, 16, -16, 5 | 1 << 4}, {0x30, 0, 0, 5 | 1 << 8}, {0x40, 8, 0, 5 | 2 << 8},
      {0x50, 0, 0, 1 << 10}, {0x60, 0, 0, 0}})
    assert.is_nil(o:find(CODE))
    assert.are.same({"call", "rsp", 8, nil, 0, false}, brief(o:find(CODE + 0x10)))
    assert.are.same({"call", "rsp", 16, "cfa", -16, false}, brief(o:find(CODE + 0x2f)))
    assert.are.same({"regs", "rsp", 0, nil, 0, true}, brief(o:find(CODE + 0x30)))
    assert.are.same({"iret", "rsp", 8, nil, 0, true}, brief(o:find(CODE + 0x40)))
    assert.are.equal("end", o:find(CODE + 0x50).kind)
    assert.are.equal("undefined", o:find(CODE + 0x60).kind)
  end)

  it("reads those that say whether code was interrupted", function()
    local _, o = made("6.1", {{0, 0, 0, 5 | 1 << 8}, {8, 0, 0, 5 | 1 << 8 | 1 << 10}, {16, 0, 0, 1 << 11}})
    assert.are.same({false, true}, {o:find(CODE).interrupted, o:find(CODE + 8).interrupted})
    assert.are.equal("end", o:find(CODE + 16).kind)
  end)

  it("reads types as they are numbered since 6.4, registers as since 7.1", function()
    local entries = {{0, 8, 0, 5 | 2 << 8}, {8, 8, 0, 5 | 2 << 8}, {16, 16, 0, 4 | 2 << 8}, {24, 0, 0, 5 | 3 << 8 | 1 << 11},
      {32, 0, 0, 1 << 8}, {40, 0, 0, 0}}
    local _, o = made("6.4", entries)
    assert.are.same({"call", "rbp", 16}, {table.unpack(brief(o:find(CODE + 16)), 1, 3)})
    assert.are.same({"regs", "rsp", 0, nil, 0, true}, brief(o:find(CODE + 24)))
    assert.are.same({"end", "undefined"}, {o:find(CODE + 32).kind, o:find(CODE + 40).kind})
    memory.forget()
    for i, e in ipairs(entries) do -- rsp is 3, [rsp] is 9
      if e[4] & 15 ~= 0 then e[4] = e[4] & ~15 | (i == 3 and 9 or 3) end
    end
    _, o = made("6.4", entries)
    assert.are.same({"[rsp]", "rsp"}, {o:find(CODE + 16).sp, o:find(CODE).sp})
  end)

  it("reads the tables of modules", function()
    local k, o = made("6.4", {{0, 8, 0, 5 | 2 << 8}})
    put(k, MODULE + 0x100, MODULE + 0x140, {{0x800, 24, 0, 5 | 2 << 8}})
    memory.set(k, "struct module", MODULE, {["arch.num_orcs"] = 1, ["arch.orc_unwind_ip"] = MODULE + 0x100,
      ["arch.orc_unwind"] = MODULE + 0x140})
    assert.are.equal(24, o:find(CODE + 0x810, {addr = MODULE}).sp_offset)
    assert.is_nil(o:find(CODE + 0x10, {addr = MODULE}))
    assert.is_nil(o:find(CODE + 0x10, {addr = MODULE + 0x400})) -- one without
    local ok, err = pcall(o.find, o, CODE, {addr = memory.UNMAPPED})
    assert.are.same({false, "fault"}, {ok, err.code})
  end)

  it("has none without tables, and guesses no registers", function()
    local k = memory.open()
    assert.is_nil(orc.new(k))
    local ok, err = pcall(made, "6.4", {{0, 8, 0, 14 | 2 << 8}})
    assert.are.same({false, "unsupported"}, {ok, err.code})
  end)
end)
