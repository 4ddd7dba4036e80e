-- SPDX-License-Identifier: BSD-2-Clause
-- Interrupts and softirqs of a dump are those that the guest printed a moment before: the same names, controllers and CPUs, and counts that
-- have not gone down.
local matrix = require "spec.kernels.matrix"

local function rows(text)
  local out, cpus = {}, nil
  for line in text:gmatch "[^\n]+" do
    local name, rest = line:match "^ *(%S+):(.*)$"
    if not cpus then
      cpus = select(2, line:gsub("CPU%d+", ""))
    elseif name then
      local counts = {}
      for n in rest:gmatch "%d+" do
        if #counts < cpus then counts[#counts + 1] = tonumber(n) end
      end
      out[#out + 1] = {name = name, counts = counts, rest = rest:gsub("^[%s%d]+", "", 1)}
    end
  end
  return out
end

local function by_name(records)
  local out = {}
  for _, r in ipairs(records) do
    assert.is_nil(r.stopped)
    assert.is_nil(r.partial)
    out[r.name] = r
  end
  return out
end

-- Between the print and the dump a crash loads nothing more; interrupts of a second of a busy machine may come.
local function compare(report, was, now)
  for i, n in ipairs(was.counts) do
    local later = now.counts[i]
    if later < n or later > n + 200000 then report.add("%s: CPU %d has %d, had %d", was.name, i - 1, later, n) end
  end
end

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua

  it("has the guest's interrupts", function()
    local found, report = by_name(matrix.records(matrix.luakvm("irq", dump.path, "--json"))), matrix.report()
    local devices, own = 0, 0
    for _, was in ipairs(rows(dump:truth().raw.interrupts)) do
      local now = found[was.name]
      if now then
        compare(report, was, now)
        if now.irq then
          devices = devices + 1
          local names = table.concat(now.devices, ", ")
          if was.rest:sub(-#names) ~= names then report.add("%s: %s, was %s", was.name, names, was.rest) end
        else
          own = own + 1
        end
      elseif was.name:find "^%d+$" then
        report.add("%s is missing", was.name)
      end
    end
    report.check()
    assert.is_true(devices >= 12 and own >= 8, devices .. " " .. own)
  end)

  it("sends them to the same CPUs", function()
    local found, compared = by_name(matrix.records(matrix.luakvm("irq", dump.path, "--json", "--all"))), 0
    for irq, kind, text in dump:truth().raw.irq_affinity:gmatch "(%d+)/(%l+)_affinity_list:([%d,-]*)" do
      local cpus, now = {}, found[irq]
      for from, to in (text .. ","):gmatch "(%d+)%-?(%d*)," do
        for cpu = tonumber(from), tonumber(to) or tonumber(from) do cpus[#cpus + 1] = cpu end
      end
      assert.is_truthy(now, irq)
      assert.are.same(cpus, (kind == "smp" and now.affinity or now.effective) or {}, irq .. kind)
      compared = compared + 1
    end
    assert.is_true(compared >= 24, compared)
  end)

  it("has the guest's softirqs", function()
    local found, report = by_name(matrix.records(matrix.luakvm("irq", dump.path, "--json", "--softirqs"))), matrix.report()
    local was = rows(dump:truth().raw.softirqs)
    assert.are.equal(10, #was)
    for _, row in ipairs(was) do compare(report, row, found[row.name]) end
    report.check()
  end)
end)
