-- SPDX-License-Identifier: BSD-2-Clause
-- Every parameter in /sys/module that a guest printed, of modules and of what is built in, is there with its value; sections of modules
-- begin where /proc/modules said.
local matrix = require "spec.kernels.matrix"

-- What the kernel itself sets all the time: DAMON's statistics.
local MOVES = "^damon_%w+%."

-- What panic sets: rcu_sysrq_start().
local CRASHED = {["rcupdate.rcu_cpu_stall_suppress"] = "2"}

-- The functions that make a text of their own: of nothing else is there no value.
local COMPUTED = {}
for name in ([[crc_t10dif_transform_show crc64_rocksoft_transform_show damon_lru_sort_enabled_load damon_reclaim_enabled_load
  damon_stat_enabled_load damon_lru_sort_kdamond_pid_load damon_reclaim_kdamond_pid_load damon_stat_kdamond_pid_load get_memmap_mode
  get_online_policy nvme_get_iopolicy panic_print_get param_get_acpica_version param_get_audit param_get_debug
  param_get_do_rcu_barrier param_get_event_clearing param_get_mode param_get_sample_interval pcie_aspm_get_policy shuffle_show
  wq_affn_dfl_get transform_show]]):gmatch "%S+" do COMPUTED[name] = true end

local BY_MODULES <const> = {["md_mod.start_ro"] = true} -- printed by a function of the module, of what only that knows

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua

  it("has every parameter that the guest printed", function()
    local found, report, same = {}, matrix.report(), 0
    for _, r in ipairs(matrix.records(matrix.luakvm("sys", dump.path, "parameters", "--json"))) do
      assert.is_nil(r.stopped)
      found[r.name:gsub("-", "_")] = r
    end
    for _, m in ipairs(matrix.records(matrix.luakvm("mod", dump.path, "--parameters", "--json"))) do
      assert.is_nil(m.partial)
      for name, value in pairs(m.parameters) do found[m.name .. "." .. name] = {value = value} end
    end
    for module, name, value in dump:truth().raw.module_parameters:gmatch "([^/\n]+)/parameters/([^:\n]+):([^\n]*)" do
      local full = (module .. "." .. name):gsub("-", "_")
      local r = found[full]
      value = dump.is_crash and CRASHED[full] or value
      if not r then
        if not BY_MODULES[full] then report.add("%s is missing", full) end
      elseif not r.value then
        if not COMPUTED[r.printed_by or ""] then report.add("%s has no value, printed by %s", full, r.printed_by) end
      elseif r.value ~= value and not full:find(MOVES) then
        report.add("%s is %q, was %q", full, r.value, value)
      else
        same = same + 1
      end
    end
    report.check()
    assert.is_true(same > 130, same .. " are the same")
  end)

  it("has the sections and symbols of modules", function()
    local count = 0
    for _, m in ipairs(matrix.records(matrix.luakvm("mod", dump.path, "--sections", "--json"))) do
      assert.is_nil(m.partial)
      local was, text = dump:truth().modules[m.name], nil
      for _, section in ipairs(m.sections) do
        if section.name == ".text" then text = section.addr end
      end
      assert.are.equal(("0x%x"):format(was.address), text, m.name)
      assert.is_true(m.symbols > 10)
      count = count + 1
    end
    assert.is_true(count > 3)
  end)

  it("has the module that taints the kernel", function() -- containers/, where it could be built
    local found = {}
    for i, m in ipairs(matrix.records(matrix.luakvm("mod", dump.path, "--tainting", "--json"))) do found[i] = m.name end
    assert.are.same(dump:truth().modules.lab and {"lab"} or {}, found)
  end)
end)
