-- SPDX-License-Identifier: BSD-2-Clause
-- Modules that the list of modules (/proc/modules) does not have, but the tree in which addresses are looked up or /sys/module does; and
-- listed ones that /sys/module lacks. A module that is being loaded or removed may be in one and not in the other (kernel/module/main.c),
-- and is passed over. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local attempt = require "kvm.linux.check.attempt"
local kvm_error = require "kvm.error"
local module = require "kvm.linux.module"

local M = {name = "hidden_module", title = "modules that hide"}

-- All that a walk gives, by address.
local function set_of(walk, k)
  local out = {}
  for addr in walk(k) do out[addr] = true end
  return out
end

local function name_of(k, addr)
  return kvm_error.check(k:object(addr, "struct module")).name
end

local function tell_hidden(k, report, addr, places)
  local name = name_of(k, addr)
  local lines = {("struct module 0x%x is in %s, but not in the list `modules`"):format(addr, table.concat(places, " and "))}
  for _, part in ipairs(module.memory(k, addr)) do lines[#lines + 1] = ("its memory: 0x%x, %d bytes"):format(part.addr, part.bytes) end
  report {severity = "critical", confidence = "certain", modules = {name}, evidence = lines,
    title = ("module %s is loaded, but hidden from the list of modules"):format(name)}
end

--- Compares the three.
-- @param context of the checks
-- @tparam function report takes findings
-- @raise kvm.Error where one of them is damaged
function M.run(context, report)
  local k, listed = context.k, {}
  for m in k:modules() do listed[m.addr] = m end
  local attempts, places = attempt.new(), {}
  local in_tree = attempts:call(set_of, module.for_each_in_tree, k)
  local in_sysfs = attempts:call(set_of, module.for_each_in_sysfs, k)
  for _, of in ipairs {{in_tree, "the tree of addresses (mod_tree)"}, {in_sysfs, "/sys/module (module_kset)"}} do
    for addr in pairs(of[1] or {}) do
      if not listed[addr] then
        places[addr] = places[addr] or {}
        table.insert(places[addr], of[2])
      end
    end
  end
  local addrs = {}
  for addr in pairs(places) do addrs[#addrs + 1] = addr end
  table.sort(addrs, math.ult)
  for _, addr in ipairs(addrs) do
    if module.state(k, addr) == "live" then tell_hidden(k, report, addr, places[addr]) end
  end
  for addr, m in pairs(listed) do
    if in_sysfs and not in_sysfs[addr] and module.state(k, addr) == "live" then
      report {severity = "warning", confidence = "certain", modules = {m.name}, title = ("module %s is not in /sys/module"):format(m.name),
        evidence = {("struct module 0x%x is live and in the list `modules`, but no entry of module_kset leads to it"):format(addr)}}
    end
  end
  attempts:finish()
end

return M
