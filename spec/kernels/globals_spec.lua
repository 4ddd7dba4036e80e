-- SPDX-License-Identifier: BSD-2-Clause
-- The types of well-known variables equal those in the DWARF of the debug vmlinux of 6.1; and on every dump each one that the
-- kernel has resolves, to a type that is not larger than the variable's symbol.
local globals = require "kvm.linux.globals"
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

local VMLINUX <const> = matrix.dir .. "/debug61/vmlinux"

-- The same type; where one of them leaves the length of an array open, of any length. A variable's qualifiers do not count.
local function same(mine, theirs)
  mine, theirs = mine:strip(), theirs:strip()
  if mine:kind() == "array" and theirs:kind() == "array" then
    return (mine:count() == 0 or theirs:count() == 0 or mine:count() == theirs:count()) and same(mine:target(), theirs:target())
  end
  if mine:kind() == "pointer" and theirs:kind() == "pointer" then return same(mine:target(), theirs:target()) end
  return mine == theirs
end

local NOT_IN_61 = { -- each has another release in which it is, named in the table
  console_list = "6.2", huge_zero_folio = "6.10", sparse_irqs = "6.5", system_percpu_wq = "6.17", timekeeper_data = "6.17",
  vmap_nodes = "6.9",
}

describe("the debug vmlinux", function()
  local why = matrix.absent("debug61", "vmlinux") or matrix.absent("k61", "kdump")
  if why then
    local state = os.getenv "CI" == "true" and it or pending
    state("is there: " .. why:gsub("%s+", " "), function() error(why, 0) end)
    return
  end

  it("has every variable with the same type", function()
    local k <close> = kvm.check(kvm.open {core = matrix.dir .. "/k61/kdump", namelist = VMLINUX})
    local report, compared = matrix.report(), 0
    for name in pairs(globals.known()) do
      local theirs, message = k:variable(name)
      local mine, why_not = globals.type_of(k, name)
      if not theirs then
        if not NOT_IN_61[name] then report.add("%s: %s", name, message) end
      elseif not mine then
        report.add("%s", why_not)
      elseif NOT_IN_61[name] or not same(mine, theirs) then
        report.add("%s: %s, DWARF says %s", name, mine:spell(), theirs:spell())
      else
        compared = compared + 1
      end
    end
    report.check()
    assert.is_true(compared > 300)
  end)
end)

matrix.each(function(dump)
  it("has well-known variables of types that it has", function()
    local k, report, resolved = dump:open(), matrix.report(), 0
    for name in pairs(globals.known()) do
      local symbol = k:symbol(name)
      if symbol then
        local t, message = globals.type_of(k, name)
        if not t then
          report.add("%s", message)
        elseif symbol.size > 0 and t:size() > symbol.size then
          report.add("%s: %s has %d bytes, the symbol %d", name, t:spell(), t:size(), symbol.size)
        end
        resolved = resolved + 1
      end
    end
    report.check()
    assert.is_true(resolved > 300)
  end)
end)
