-- SPDX-License-Identifier: BSD-2-Clause
local dev = require "kvm.cmd.dev"
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local made = require "spec.support.disk"
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
        removable = true, operations = "sd_fops", queue = made.QUEUE, what = "1.0 MiB"}, r[1])
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
