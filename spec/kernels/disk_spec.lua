-- SPDX-License-Identifier: BSD-2-Clause
-- Disks, partitions, what was done with them, their queues, device numbers and types of file systems of a dump are those that the guest
-- printed. No request is under way in a guest at rest: one is made of a request that the kernel has left, in a copy of its memory.
local checks = require "spec.support.check_context"
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

-- Modules have no types before 5.11: what those of these drivers know can't be read there.
local function lacks_types(dump, name)
  if not dump:truth().release:find "^5%.10" then return false end
  return name:find "^loop" or name:find "^sd" or name:find "^md" or name:find "^dm%-"
end

local function lacks_slab(dump) return dump.key == "k72" and dump.is_filtered end -- see tasks_spec.lua

local function records(dump, ...)
  local out = matrix.records(matrix.luakvm("dev", "-M", dump.path, "--json", ...))
  for _, rec in ipairs(out) do assert.is_nil(rec.stopped) end
  return out
end

local function by_name(list)
  local out = {}
  for _, rec in ipairs(list) do out[rec.name] = rec end
  return out
end

-- The numbers of a line of /proc/diskstats, as diskstats_show prints them.
local function line_of(rec)
  local s, ms = rec.stats, function(ns) return ns // 1000000 end
  local total = 0
  for _, way in ipairs {"read", "write", "discard", "flush"} do total = total + s[way .. "_nsecs"] end
  return {s.read_ios, s.read_merges, s.read_sectors, ms(s.read_nsecs), s.write_ios, s.write_merges, s.write_sectors, ms(s.write_nsecs),
    s.in_flight, ms(s.io_ns), ms(total), s.discard_ios, s.discard_merges, s.discard_sectors, ms(s.discard_nsecs), s.flush_ios,
    ms(s.flush_nsecs)}
end
local IN_FLIGHT <const>, TOTAL <const> = 9, 11 -- milliseconds are added up by the kernel in another order

matrix.each(function(dump)
  if lacks_slab(dump) then
    it("names what it can't read", function()
      local out, err, status = matrix.run("build/bin/luakvm", "dev", "-M", dump.path, "--json")
      assert.is_true(status <= 1 and (out:find '"stopped"' or out:find '"partial":%[' or err ~= "") ~= nil, out)
    end)
    return
  end

  it("has the guest's disks and partitions", function()
    local want, got = {}, {}
    for major, minor, blocks, name in dump:truth().raw.partitions:gmatch "(%d+) +(%d+) +(%d+) (%S+)" do
      want[#want + 1] = ("%s:%s %s %s"):format(major, minor, blocks, name)
    end
    for _, rec in ipairs(records(dump)) do
      assert.is_true(rec.kind == "disk" or rec.kind == "partition")
      if rec.size_bytes > 0 then got[#got + 1] = ("%s %d %s"):format(rec.dev, rec.size_bytes // 1024, rec.name) end
      assert.are.equal(lacks_types(dump, rec.name) and "device" or nil, rec.partial and table.concat(rec.partial, " "), rec.name)
    end
    assert.is_true(#want >= 4)
    assert.are.same(want, got)
  end)

  it("has what was done with them", function()
    local report, stats, count = matrix.report(), records(dump, "-d"), 0
    for line in dump:truth().raw.diskstats:gmatch "[^\n]+" do
      local dev, name, rest = line:match "^ *(%d+ +%d+) (%S+) (.*)$"
      count = count + 1
      local rec = stats[count] or {}
      if rec.name ~= name or rec.dev ~= dev:gsub(" +", ":") then
        report.add("%s %s, was %s %s", rec.dev, rec.name, dev, name)
      else
        local now, i, rests = line_of(rec), 0, name:find "^loop" or name:find "^nvme"
        for was in rest:gmatch "%d+" do
          i = i + 1
          was = math.tointeger(was)
          local about = i == TOTAL and 4 or 0 -- each of the four is rounded down by itself
          if i ~= IN_FLIGHT and (now[i] + about < was or rests and now[i] > was + about) then
            report.add("%s: %d in column %d, was %d", name, now[i], i, was)
          end
        end
        if i ~= #now then report.add("%s: %d columns", name, i) end
        if not dump.is_busy and rec.stats.in_flight ~= 0 then report.add("%s: %d in flight", name, rec.stats.in_flight) end
      end
    end
    report.check()
    assert.are.equal(count, #stats)
  end)

  it("has their sizes, flags and queues as in /sys/block", function()
    local report, compared = matrix.report(), 0
    local disks, queues = by_name(records(dump)), by_name(records(dump, "-q"))
    local ways = {
      size = function(name) return tostring(disks[name].size_bytes // 512) end,
      ro = function(name) return disks[name].read_only and "1" or "0" end,
      removable = function(name) return disks[name].removable and "1" or "0" end,
      ["queue/nr_requests"] = function(name) return tostring(queues[name].nr_requests) end,
      ["queue/scheduler"] = function(name) return "[" .. queues[name].scheduler .. "]" end,
    }
    for name, file, value in dump:truth().raw.block:gmatch "([^/\n]+)/([^:\n]+):([^\n]*)" do
      local way = ways[file]
      if way then
        local got = way(name)
        compared = compared + 1
        if file == "queue/scheduler" then value = value:match "%[[^%]]*%]" or "[" .. value .. "]" end -- without, where there is no choice
        if got ~= value then report.add("%s/%s is %s, was %s", name, file, got, value) end
      end
    end
    report.check()
    assert.is_true(compared >= 40, compared)
  end)

  it("knows what the drivers know", function()
    local disks, is_510 = by_name(records(dump)), dump:truth().release:find "^5%.10" ~= nil
    local file = dump:truth().raw.block:match "loop0/loop/backing_file:([^\n]*)"
    if is_510 then -- modules have no types before 5.11
      assert.are.same({"device"}, disks.loop0.partial)
    else
      assert.are.same({file, "bound", 0}, {disks.loop0.device.file, disks.loop0.device.state, disks.loop0.device.offset})
      assert.are.equal("unbound", disks.loop1.device.state)
    end
    local nvme = disks.nvme0n1
    if nvme then
      assert.are.same({"QEMU NVMe Ctrl", "lab-nvme", "nvme0", "live", 1, 512}, {nvme.device.model, nvme.device.serial,
        nvme.device.controller, nvme.device.state, nvme.device.namespace, nvme.device.block_bytes})
    end
    assert.matches("^%x+%-01$", disks.vdb1 and disks.vdb1.uuid or disks.vdd1.uuid)
  end)

  it("knows what disks are made of as /proc/mdstat and /sys/block have it", function()
    local block, disks = dump:truth().raw.block, by_name(records(dump))
    local dm, md = disks["dm-0"], disks.md0
    assert.are.same({1792 * 1024, 1024 * 1024}, {dm.size_bytes, md.size_bytes})
    if lacks_types(dump, "md0") then return end
    local function of(disk, file) return block:match("\n" .. disk:gsub("%-", "%%-") .. "/" .. file .. ":([^\n]*)") end
    dm, md = dm.device, md.device
    assert.are.same({of("dm-0", "dm/name"), of("dm-0", "dm/uuid"), of("dm-0", "dm/suspended")},
      {dm.mapped_name, dm.uuid, dm.state == "suspended" and "1" or "0"})
    local targets, members, slaves = {}, {}, {}
    for i, t in ipairs(dm.targets) do targets[i] = {t.type, t.start, t.sectors, t.to, t.to_sector} end
    assert.are.same({{"linear", 0, 2048, "sda", 4096}, {"linear", 2048, 1024, "loop4", 0}, {"error", 3072, 512}}, targets)
    for _, m in ipairs(dm.members) do members[m.name] = disks[m.name].dev end
    for name, dev in block:gmatch "\ndm%-0/slaves/([^/\n]+)/dev:(%S+)" do slaves[name] = dev end
    assert.are.same(slaves, members)
    assert.is_truthy(next(slaves))

    assert.are.same({of("md0", "md/level"), of("md0", "md/raid_disks"), of("md0", "md/degraded"), of("md0", "md/array_state")},
      {md.level, tostring(md.raid_disks), tostring(md.degraded), md.state})
    local words, want = {}, {}
    for _, m in ipairs(md.members) do
      words[#words + 1] = ("%s[%d]"):format(m.name, m.slot)
      assert.are.equal(of("md0", "md/dev%-" .. m.name .. "/slot"), tostring(m.slot))
      assert.are.equal(of("md0", "md/dev%-" .. m.name .. "/state"), table.concat(m.flags, ","))
    end
    for word in dump:truth().raw.mdstat:match("md0 : active raid1 ([^\n]*)"):gmatch "%S+" do want[#want + 1] = word end
    table.sort(want)
    assert.are.same(want, words)
  end)

  it("has the SCSI hosts and devices of /sys/class", function()
    if lacks_types(dump, "sda") then
      local _, err, status = matrix.run("build/bin/luakvm", "dev", "-M", dump.path, "-s")
      assert.is_true(status ~= 0 and err:find("no type", 1, true) ~= nil, err)
      return
    end
    local got, scsi, compared, report = by_name(records(dump, "-s")), dump:truth().raw.scsi, 0, matrix.report()
    local ways = {
      proc_name = function(d) return d.driver end,
      state = function(d) return d.state end,
      can_queue = function(d) return tostring(d.can_queue) end,
      vendor = function(d) return ("%-8s"):format(d.vendor) end,
      model = function(d) return ("%-16s"):format(d.model) end,
      rev = function(d) return ("%-4s"):format(d.firmware) end,
      queue_depth = function(d) return tostring(d.queue_depth) end,
      type = function(d) return tostring(d.type) end,
      iorequest_cnt = function(d) return ("0x%x"):format(d.requested) end,
      iodone_cnt = function(d) return ("0x%x"):format(d.done) end,
      ioerr_cnt = function(d) return ("0x%x"):format(d.errors) end,
    }
    for name, rest, value in scsi:gmatch "scsi_%l+/([^/\n]+)/([^:\n]+):([^\n]*)" do
      local way = ways[rest:match "[^/]+$"]
      if way then
        compared = compared + 1
        if way(got[name].device) ~= value then report.add("%s: %s is %s, was %s", name, rest, way(got[name].device), value) end
      end
    end
    report.check()
    assert.are.equal(12, compared)
    assert.are.same(got["0:0:0:0"].device, by_name(records(dump)).sda.device)
  end)

  it("has the device numbers of /proc/devices", function()
    local titles, out = {char = "Character devices:\n", block = "Block devices:\n"}, {}
    local last
    for _, m in ipairs(records(dump, "-c")) do
      if m.kind ~= last then out[#out + 1] = (last and "\n" or "") .. titles[m.kind] end
      last = m.kind
      out[#out + 1] = ("%3d %s\n"):format(m.major, m.name)
    end
    assert.are.equal((dump:truth().raw.devices:gsub("\n+$", "\n")), table.concat(out))
  end)

  it("has the types of file systems", function()
    local out = {}
    for _, t in ipairs(kvm.linux.fs.filesystems(dump:open())) do out[#out + 1] = (t.nodev and "nodev" or "") .. "\t" .. t.name .. "\n" end
    assert.are.equal((dump:truth().raw.filesystems:gsub("\n+$", "\n")), table.concat(out))
  end)
end)

-- A request that was done long ago, which the driver is given again: when it was made and what it was to do is as the kernel left it,
-- its bytes had been done.
local function put_in_flight(k)
  local linux = kvm.linux
  for disk in linux.blkdev.for_each_disk(k) do
    for _, hctx in linux.blk_mq.for_each_hw_queue(disk.queue) do
      local tags = hctx.tags
      for tag = tags.nr_reserved_tags, tags.nr_tags - 1 do
        local request = tags.rqs[tag]
        if request and request.q == disk.queue and request.start_time_ns > 0 then
          local function set(member, form, value)
            assert(k:write(kvm.addr(request, member), form:pack(value)))
          end
          set("tag", "<i4", tag)
          set("mq_hctx", "<i8", kvm.addr(hctx))
          set("__data_len", "<I4", 4096)
          set("state", "<I4", kvm.type.enumerators(k, "enum mq_rq_state").MQ_RQ_IN_FLIGHT)
          local sb = tags.bitmap_tags.sb
          local bit = tag - tags.nr_reserved_tags
          local word = k:object(kvm.addr(sb.map) + (bit >> sb.shift) * kvm.sizeof(k:type "struct sbitmap_word"), "struct sbitmap_word")
          local at = kvm.addr(word, "word")
          assert(k:write(at, ("<I8"):pack(k:u64(at) | 1 << (bit & (1 << sb.shift) - 1))))
          at = kvm.addr(word, "cleared")
          assert(k:write(at, ("<I8"):pack(0)))
          return disk, hctx, request, tag
        end
      end
    end
  end
  error "no request was ever made"
end

for _, key in ipairs {"live510", "live61", "live612", "live72"} do
  matrix.describe(key, "elf", function(dump)
    it("finds a request that is under way, and how old it is", function()
      local k <close> = kvm.check(kvm.open {core = dump.path, write = true})
      local disk, hctx, request, tag = put_in_flight(k)
      local now = kvm.linux.timekeeping.clocks(k).monotonic_ns
      local found, queue = nil, nil
      for rec in require "kvm.cmd.dev".run(k, {queues = true, names = {disk.disk_name}}) do
        assert.is_nil(rec.stopped)
        if rec.kind == "queue" then queue = rec else found = rec end
      end
      assert.are.equal(1, queue.busy)
      assert.are.same({kvm.addr(request), tag, hctx.queue_num, request.__sector, 4096, now - request.start_time_ns, "in_flight"},
        {found.addr, found.tag,
        found.hw_queue, found.sector, found.bytes, found.age_ns, found.state})
      assert.is_true(({read = true, write = true, flush = true})[found.op])
      if request.io_start_time_ns > 0 then
        assert.are.equal(now - request.io_start_time_ns, found.issued_ns)
      else -- by its deadline: to a tick, and the driver had it at once
        assert.is_true(math.abs(found.issued_ns - found.age_ns) <= 2 * kvm.linux.jiffies.tick_ns(k))
      end
      -- The disk is no older than the kernel, nor is what it was asked for beyond its end.
      assert.is_true(found.age_ns > 0 and found.age_ns < now and found.sector <= kvm.linux.blkdev.sectors(disk.part0))
      for rec in require "kvm.cmd.dev".run(k, {diskstats = true, names = {disk.disk_name}}) do
        local own = rec.name == disk.disk_name or rec.name == found.part
        assert.are.equal(own and 1 or 0, rec.stats.in_flight, rec.name)
      end
      for rec in require "kvm.cmd.dev".run(k, {queues = true}) do
        assert.is_true(rec.kind == "queue" or rec.addr == found.addr)
      end
      for seconds, severity in pairs {[2] = false, [12] = "warning", [35] = "error"} do
        assert(k:write(kvm.addr(request, "io_start_time_ns"), ("<i8"):pack(now - seconds * 1000000000)))
        local told, err = checks.run("io", checks.new(k))
        assert.is_nil(err)
        assert.are.equal(severity, told[1] and told[1].severity or false)
        assert.is_true(not severity or told[1].title:find(("disk %s has 1 requests under way"):format(disk.disk_name), 1, true) == 1)
      end
    end)
  end)
end
