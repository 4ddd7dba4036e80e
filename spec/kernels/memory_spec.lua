-- SPDX-License-Identifier: BSD-2-Clause
-- The kernel's memory in a dump is what the guest printed a moment before: /proc/meminfo, slabinfo, zoneinfo, buddyinfo, vmstat.
local matrix = require "spec.kernels.matrix"

-- What the dump's moment differs in: what the panic and kdump do, or whatever a busy guest did.
local function near(was, now, room) return math.abs(now - was) <= math.max(was // 50, room) end

local function kmem(dump, ...)
  local out = {}
  for _, r in ipairs(matrix.records(matrix.luakvm("kmem", dump.path, "--json", ...))) do
    assert.is_nil(r.stopped)
    assert.is_nil(r.partial, r.name)
    out[r.name] = r
  end
  return out
end

-- Lines that are constants, of x86's page tables, or sums of what Linux itself leaves at 0.
local NOT_TOLD = {NFS_Unstable = true, Bounce = true, VmallocTotal = true, VmallocChunk = true, HardwareCorrupted = true,
  AnonHugePages = true,
  ShmemHugePages = true, ShmemPmdMapped = true, FileHugePages = true, Unaccepted = true, DirectMap4k = true, DirectMap2M = true,
  DirectMap1G = true, Zswap = true, Zswapped = true, CmaTotal = true, CmaFree = true, Balloon = true, WritebackTmp = true, GPUActive = true,
  GPUReclaim = true}

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua
  local room_kb = dump.is_busy and 16384 or 1024

  it("has /proc/meminfo", function()
    local found, report, compared = kmem(dump), matrix.report(), 0
    for name, was in pairs(dump:truth().meminfo_kb) do
      local r = found[name]
      if r then
        local now = r.bytes and r.bytes // 1024 or r.count
        if not near(was, now, room_kb) then report.add("%s: %d kB, was %d", name, now, was) end
        compared = compared + 1
      elseif not NOT_TOLD[name] then
        report.add("%s is missing", name)
      end
    end
    report.check()
    assert.is_true(compared >= 35, compared)
  end)

  it("has /proc/slabinfo", function()
    local found, report, compared = kmem(dump, "--slab"), matrix.report(), 0
    for line in dump:truth().raw.slabinfo:gmatch "[^\n]+" do
      local name, active, objects, size, per_slab, pages = line:match "^(%S+) +(%d+) +(%d+) +(%d+) +(%d+) +(%d+) : tunables"
      if name then
        local r = found[name]
        compared = compared + 1
        if not r then
          report.add("%s is missing", name)
        else
          local shape = ("%d %d %d"):format(r.slot_bytes, r.objects_per_slab, r.pages_per_slab)
          local was = ("%s %s %s"):format(size, per_slab, pages)
          if shape ~= was then report.add("%s: %s, was %s", name, shape, was) end
          local room = (dump.is_busy and 100 or 6) * tonumber(per_slab)
          if not near(tonumber(objects), r.objects, room) or not near(tonumber(active), r.active, room) then
            report.add("%s: %d of %d, was %s of %s", name, r.active, r.objects, active, objects)
          end
        end
      end
    end
    report.check()
    assert.is_true(compared > 100, compared)
  end)

  it("has /proc/zoneinfo and buddyinfo", function()
    local zones, compared = kmem(dump, "--zones"), 0
    for name, text in (dump:truth().raw.zoneinfo .. "\nNode"):gmatch "zone +(%S+)\n(.-)%f[N]%f[%w]Node" do
      local z = zones[name]
      local want = {}
      for key, value in text:gmatch "([%w_]+):? +(%d+)" do want[key] = want[key] or tonumber(value) end
      if want.present and want.present > 0 then
        assert.are.same({want.min, want.low, want.high, want.spanned, want.present, want.managed, want.start_pfn},
          {z.min_pages, z.low_pages, z.high_pages, z.spanned_pages, z.present_pages, z.managed_pages, z.start_pfn})
        compared = compared + 1
      end
    end
    assert.is_true(compared >= 2)
    for name, text in dump:truth().raw.buddyinfo:gmatch "zone +(%S+) ([%d ]+)" do
      local was, now, order = 0, 0, 0
      for n in text:gmatch "%d+" do
        was, now = was + (tonumber(n) << order), now + (zones[name].free_blocks[order + 1] << order)
        order = order + 1
      end
      assert.are.equal(order, #zones[name].free_blocks)
      assert.is_true(near(was, now, room_kb), ("%s: %d free pages, were %d"):format(name, now, was))
    end
  end)

  -- Counts of huge pages are printed in other units; NUMA's and events only grow; pages are here and there at rest as well.
  it("has /proc/vmstat", function()
    local report, compared, equal = matrix.report(), 0, 0
    local order = {}
    for name in dump:truth().raw.vmstat:gmatch "([%w_]+) %d+\n" do order[#order + 1] = name end
    local at = 1
    for name, value in require "kvm".linux.vmstat.for_each(dump:open()) do
      while order[at] and order[at] ~= name do -- what /proc computes
        if not order[at]:find "threshold$" and not order[at]:find "^nr_memmap" then report.add("%s is missing", order[at]) end
        at = at + 1
      end
      local was = tonumber(dump:truth().raw.vmstat:match("%f[%w_]" .. name .. " (%d+)"))
      compared = compared + 1
      equal = equal + (value == was and 1 or 0)
      local grows = not name:find "^nr_" or name == "nr_dirtied" or name == "nr_written"
      local room = not grows and (dump.is_busy and 8000 or 4000) or dump.is_busy and 4000000 or 400000
      if not name:find "huge" and not name:find "pmdmapped" and math.abs(value - was) > room then
        report.add("%s is %d, was %d", name, value, was)
      end
      at = at + 1
    end
    report.check()
    assert.is_true(compared >= 130, compared)
    assert.is_true(equal >= (dump.is_busy and 70 or 90), equal .. " of " .. compared)
  end)

  it("has the event counters of /proc/vmstat", function()
    local found, compared = kmem(dump, "--events"), 0
    for _, name in ipairs {"pgfault", "pgfree", "pgmajfault", "pgreuse", "pswpin", "swap_ra"} do
      local was = tonumber(dump:truth().raw.vmstat:match("%f[%w_]" .. name .. " (%d+)"))
      local r = found[name:upper()]
      if was then
        assert.is_true(r.count >= was and r.count <= was + 1000000, ("%s: %d, was %d"):format(name, r.count, was))
        compared = compared + 1
      end
    end
    assert.is_true(compared >= 5, compared)
  end)

  it("has huge pages and the areas of vmalloc", function()
    local pool = matrix.records(matrix.luakvm("kmem", dump.path, "--hugepages", "--json"))[1]
    local meminfo = dump:truth().meminfo_kb
    assert.are.same({meminfo.HugePages_Total, meminfo.HugePages_Free, meminfo.Hugepagesize * 1024},
      {pool.count, pool.free_pages, pool.object_bytes})
    local bytes = 0
    for _, r in ipairs(matrix.records(matrix.luakvm("kmem", dump.path, "--vmalloc", "--json"))) do
      assert.is_nil(r.stopped)
      for _, kind in ipairs(r.kinds) do bytes = bytes + (kind == "vmalloc" and r.count or 0) * 4096 end
    end
    assert.is_true(near(meminfo.VmallocUsed * 1024, bytes, dump.is_busy and 16 << 20 or 2 << 20), -- busy guests start tasks
      ("%d kB, was %d"):format(bytes // 1024, meminfo.VmallocUsed))
  end)
end)
