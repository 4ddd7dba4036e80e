-- SPDX-License-Identifier: BSD-2-Clause
-- The types of well-known variables equal those in the DWARF of the debug vmlinux of 6.1, 6.12 and 7.2; and on every dump each one that the
-- kernel has resolves, to a type that is not larger than the variable's symbol.
local globals = require "kvm.linux.globals"
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

-- The same type; where one of them leaves the length of an array open, of any length. A variable's qualifiers do not count.
local function same(mine, theirs)
  mine, theirs = mine:strip(), theirs:strip()
  if mine:kind() == "array" and theirs:kind() == "array" then
    return (mine:count() == 0 or theirs:count() == 0 or mine:count() == theirs:count()) and same(mine:target(), theirs:target())
  end
  if mine:kind() == "pointer" and theirs:kind() == "pointer" then return same(mine:target(), theirs:target()) end
  return mine == theirs
end

-- Releases whose DWARF is there: the dump and the debug vmlinux.
local DEBUG <const> = {
  {release = "6.1", core = "k61/kdump", key = "debug61"},
  {release = "6.12", core = "k612/vmcore", key = "debug612"},
  {release = "7.2", core = "k72/vmcore", key = "debug72"},
}

-- One that the kernel has, as it tells itself, and DWARF does not know, is wrong as well: it is no variable of that name.
local function compare(d)
  local core, vmlinux = ("%s/%s"):format(matrix.dir, d.core), ("%s/%s/vmlinux"):format(matrix.dir, d.key)
  local k <close> = kvm.check(kvm.open {core = core, namelist = vmlinux})
  local report, compared = matrix.report(), 0
  for name in pairs(globals.known()) do
    local theirs, message = k:variable(name)
    local mine, why_not = globals.type_of(k, name)
    if not theirs then
      if k:symbol(name) then report.add("%s: %s", name, message) end
    elseif not mine then
      report.add("%s", why_not)
    elseif not same(mine, theirs) then
      report.add("%s: %s, DWARF says %s", name, mine:spell(), theirs:spell())
    else
      compared = compared + 1
    end
  end
  report.check()
  assert.is_true(compared > 300)
end

for _, d in ipairs(DEBUG) do
  describe("the debug vmlinux of " .. d.release, function()
    local why = matrix.absent(d.key, "vmlinux") or matrix.absent(d.core:match "^(.-)/(.*)$")
    if why then
      local state = os.getenv "CI" == "true" and it or pending
      state("is there: " .. why:gsub("%s+", " "), function() error(why, 0) end)
      return
    end
    it("has every variable with the same type", function() compare(d) end)
  end)
end

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
