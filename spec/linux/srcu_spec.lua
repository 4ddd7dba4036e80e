-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local srcu = require "kvm.linux.srcu"

local S = memory.START
local SSP, OFFSET, SUP = S + 0x100, S + 0x200, S + 0x400
local LAYOUTS = {
  {name = "of 7.2", sup = true, declarations = [[
    struct along { long counter; };
    struct srcu_ctr { struct along srcu_locks, srcu_unlocks; };
    struct srcu_data { struct srcu_ctr srcu_ctrs[2]; };
    struct srcu_usage { unsigned long srcu_gp_seq; };
    struct srcu_struct { struct srcu_ctr *srcu_ctrp; struct srcu_data *sda; struct srcu_usage *srcu_sup; };]],
    counts = {["srcu_ctrs[0].srcu_locks.counter"] = 9, ["srcu_ctrs[0].srcu_unlocks.counter"] = 7, ["srcu_ctrs[1].srcu_locks.counter"] = 4},
    index = {srcu_ctrp = 8 + 16}},
  {name = "of 6.12", sup = true, declarations = [[
    struct along { long counter; };
    struct srcu_data { struct along srcu_lock_count[2], srcu_unlock_count[2]; };
    struct srcu_usage { unsigned long srcu_gp_seq; };
    struct srcu_struct { unsigned int srcu_idx; struct srcu_data *sda; struct srcu_usage *srcu_sup; };]],
    counts = {["srcu_lock_count[0].counter"] = 9, ["srcu_unlock_count[0].counter"] = 7, ["srcu_lock_count[1].counter"] = 4},
    index = {srcu_idx = 3}},
  {name = "of 5.10", declarations = [[
    struct srcu_data { unsigned long srcu_lock_count[2], srcu_unlock_count[2]; };
    struct srcu_struct { unsigned int srcu_idx; unsigned long srcu_gp_seq; struct srcu_data *sda; };]],
    counts = {["srcu_lock_count[0]"] = 9, ["srcu_unlock_count[0]"] = 7, ["srcu_lock_count[1]"] = 4}, index = {srcu_idx = 3}},
}

for _, layout in ipairs(LAYOUTS) do
  describe("kvm.linux.srcu " .. layout.name, function()
    harness.guard()
    local k, set, ssp
    before_each(function()
      k = memory.open("struct cpumask { unsigned long bits[1]; };" .. layout.declarations)
      set = function(t, at, members) memory.set(k, "struct " .. t, at, members) end
      memory.symbols(memory.one_cpu(k, S, OFFSET))
      set("srcu_struct", SSP, {sda = 8})
      set("srcu_struct", SSP, layout.index)
      set("srcu_data", OFFSET + 8, layout.counts)
      if layout.sup then set("srcu_struct", SSP, {srcu_sup = SUP}) end
      ssp = k:object(SSP, "struct srcu_struct")
    end)
    after_each(memory.forget)

    it("counts readers of both indices, and tells the present one", function()
      assert.are.same({2, 4}, {srcu.readers(ssp)})
      assert.are.equal(1, srcu.index(ssp))
    end)

    it("tells the grace periods", function()
      set(layout.sup and "srcu_usage" or "srcu_struct", layout.sup and SUP or SSP, {srcu_gp_seq = 7 << 2})
      assert.are.same({7, false}, {srcu.grace_periods(ssp)})
      set(layout.sup and "srcu_usage" or "srcu_struct", layout.sup and SUP or SSP, {srcu_gp_seq = 7 << 2 | 1})
      assert.are.same({7, true}, {srcu.grace_periods(ssp)})
    end)

    it("knows one that was never used", function()
      set("srcu_struct", SSP, {sda = 0})
      assert.are.same({0, 0}, {srcu.readers(ssp)})
    end)
  end)
end
