-- SPDX-License-Identifier: BSD-2-Clause
local dev = require "kvm.cmd.dev"
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local made = require "spec.support.disk"
local made_scsi = require "spec.support.scsi"
local memory = require "spec.support.memory"
local text = require "kvm.cli.text"

for _, layout in ipairs(made.layouts) do
  describe("kvm.cmd.dev of " .. layout, function()
    harness.guard()
    local k, set, own
    before_each(function() k, set, own = made.open(layout) end)
    after_each(memory.forget)

    local function records(opts) return fake.collect(dev.run(k, opts)) end

    it("tells of disks and partitions", function()
      local r = records()
      assert.are.equal(2, #r)
      assert.are.same({kind = "disk", name = "sda", dev = "8:0", addr = made.DISK, size_bytes = 1 << 20, start_bytes = 0, read_only = false,
        removable = true, operations = "virtblk_fops", queue = made.QUEUE, what = "1.0 MiB"}, r[1])
      assert.are.same({kind = "partition", name = "sda1", dev = "8:1", addr = made.PART1, size_bytes = 1 << 19, start_bytes = 32768,
        read_only = true, uuid = "0badcafe-01", label = "data", what = "512 KiB read only data"}, r[2])
      assert.are.equal(0, #records {names = {"sdb", "s"}})
      assert.are.equal(2, #records {names = {"s*"}})
    end)

    it("tells what was done with them", function()
      local r = records {diskstats = true}
      assert.are.same({"stats", "sda", 10, 1, 16000000}, {r[1].kind, r[1].name, r[1].stats.read_ios, r[1].stats.in_flight,
        r[1].stats.io_ns})
      assert.are.same({"sda1", made.PART1, 1}, {r[2].name, r[2].addr, r[2].stats.in_flight})
      set("request", made.REQUEST, {part = own.part0})
      r = records {diskstats = true}
      assert.are.same({1, 0}, {r[1].stats.in_flight, r[2].stats.in_flight})
    end)

    it("tells of queues and their requests", function()
      local r = records {queues = true, names = {"sda"}}
      assert.are.equal(2, #r)
      assert.are.same({"queue", "sda", made.QUEUE, "none", 1, 8, 8, 1, 30000000000}, {r[1].kind, r[1].name, r[1].addr, r[1].scheduler,
        r[1].hw_queues, r[1].nr_requests, r[1].depth, r[1].busy, r[1].timeout_ns})
      assert.are.same({kind = "request", name = "sda", part = "sda1", addr = made.REQUEST, op = "write", flags = {"sync"},
        state = "in_flight", sector = 72, bytes = 4096, tag = 3, hw_queue = 0, age_ns = 1000000000, issued_ns = 500000000,
        what = "write sector 72, 4096 bytes, in_flight, 1000.000 ms old"}, r[2])
      local out = {}
      text.render(dev, dev.run(k, {queues = true}), {}, function(s) out[#out + 1] = s end)
      assert.matches("\nrequest +sda +%- +0x%x+ write sector 72, 4096 bytes, in_flight, 1000.000 ms old\n", table.concat(out))
    end)

    it("tells numbers that were taken", function()
      local entry = made.NODES[2]
      assert(k:write(made.TABLES + 8, ("<i8"):pack(entry)))
      set("char_device_struct", entry, {major = 1, minorct = 256})
      local r = records {majors = true}
      assert.are.same({"char", 1, 0, 256, "block", 1}, {r[1].kind, r[1].major, r[1].minor, r[1].minors, r[2].kind, r[2].minors and 2 or 1})
    end)

    it("names what can't be read, and goes on with the rest", function()
      local part = own.is_old and "hd_struct" or "block_device"
      set(part, made.PART1, {[own.is_old and "info" or "bd_meta_info"] = memory.UNMAPPED})
      set("request", made.REQUEST, {part = memory.UNMAPPED})
      set("gendisk", made.DISK, {fops = memory.UNMAPPED})
      local r = records()
      assert.are.same({"sda1", {"uuid"}, 1 << 19}, {r[2].name, r[2].partial, r[2].size_bytes})
      r = records {diskstats = true, queues = true}
      assert.are.same({"stats", "stats", "queue", "request"}, {r[1].kind, r[2].kind, r[3].kind, r[4].kind})
      assert.are.same({{"part"}, 72}, {r[4].partial, r[4].sector})
      set("sbitmap_queue", own.bits, {["sb.depth"] = 1 << 30})
      r = records {queues = true}
      assert.are.same({"queue", {"scheduler"}, "format"}, {r[1].kind, r[1].partial, r[2].code})
      set("device_private", made.PRIVATE1, {["knode_class.n_klist"] = 8})
      assert.are.same({"format"}, {records()[1].code})
    end)
  end)
end

describe("kvm.cmd.dev of disks that are made of others", function()
  harness.guard()
  after_each(memory.forget)

  local OWN = made.TABLES -- of device numbers, which are not asked for
  local function device_of(operations, types, members)
    local k, set = made.open("7.2", types, operations)
    set("gendisk", made.DISK, {private_data = OWN})
    members(k, set)
    local rec = fake.collect(dev.run(k))[1]
    return {rec.device.state, rec.what}
  end

  it("tells of a mapped one", function()
    assert.are.same({"suspended", "1.0 MiB ? () on "}, device_of("dm_blk_dops", [[
      struct mapped_device { void *map; unsigned long flags; struct counted open_count; void *interface_ptr; };
    ]], function(_, set) set("mapped_device", OWN, {flags = 2}) end))
  end)

  it("tells of an array", function()
    assert.are.same({"inactive", "1.0 MiB no level inactive, 2 of 3 disks: "}, device_of("md_fops", [[
      struct md_personality { int x; };
      struct md_rdev { struct list_head same_set; };
      struct mddev { struct md_personality *pers; struct list_head disks; unsigned long sb_flags, dev_sectors; char clevel[16];
        int ro, chunk_sectors, raid_disks, in_sync, degraded; unsigned int safemode; };
    ]], function(k, set)
      local head = OWN + k:type("struct mddev"):strip():field("disks").offset
      set("mddev", OWN, {["disks.next"] = head, ["disks.prev"] = head, raid_disks = 3, degraded = 1})
    end))
  end)
end)

for _, layout in ipairs(made_scsi.layouts) do
  describe("kvm.cmd.dev --scsi of " .. layout, function()
    harness.guard()
    local k, set
    before_each(function() k, set = made_scsi.open(layout) end)
    after_each(memory.forget)

    it("tells of hosts and devices", function()
      assert.are.same({{kind = "host", name = "host3", addr = made_scsi.HOST, device = made_scsi.host,
        what = "acme_scsi, cancel/recovery, 256 commands at once, 1 failed"}, {kind = "scsi", name = "3:1:5:7", addr = made_scsi.DEVICE,
        device = made_scsi.device, what = "ACME A long disk name, blocked, 2 of 32 commands, 4 errors"}},
        fake.collect(dev.run(k, {scsi = true})))
    end)

    it("names what can't be read", function()
      set("Scsi_Host", made_scsi.HOST, {hostt = memory.UNMAPPED})
      set("scsi_device", made_scsi.DEVICE, {host = memory.UNMAPPED})
      local r = fake.collect(dev.run(k, {scsi = true}))
      assert.are.same({"host", {"device"}, "scsi", {"device"}}, {r[1].kind, r[1].partial, r[2].kind, r[2].partial})
      set("Scsi_Host", made_scsi.HOST, {["__devices.next"] = memory.UNMAPPED})
      assert.are.equal("fault", fake.collect(dev.run(k, {scsi = true}))[2].code)
    end)
  end)
end
