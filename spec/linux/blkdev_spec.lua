-- SPDX-License-Identifier: BSD-2-Clause
local blkdev = require "kvm.linux.blkdev"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.disk"
local memory = require "spec.support.memory"

for _, layout in ipairs(made.layouts) do
  describe("kvm.linux.blkdev of " .. layout, function()
    harness.guard()
    local k, set, own, disk
    before_each(function()
      k, set, own = made.open(layout)
      disk = k:object(made.DISK, "struct gendisk")
    end)
    after_each(memory.forget)

    local function parts() return memory.collect(blkdev.for_each_part(disk)) end

    it("gives disks and their parts", function()
      assert.are.same({made.DISK}, (memory.collect(blkdev.for_each_disk(k), kvm.addr)))
      local got = {}
      for i, part in ipairs((parts())) do
        local major, minor = blkdev.numbers(part)
        local sectors, start = blkdev.sectors(part)
        got[i] = {kvm.addr(part), blkdev.name(part), blkdev.partno(part), major, minor, sectors, start, blkdev.is_read_only(part),
          kvm.addr(blkdev.disk(part)), blkdev.label(part)}
      end
      assert.are.same({{own.part0, "sda", 0, 8, 0, 2048, 0, false, made.DISK},
        {made.PART1, "sda1", 1, 8, 1, 1024, 64, true, made.DISK, "0badcafe-01", "data"}}, got)
      assert.are.same({own.part0, true, "virtblk_fops"}, {kvm.addr(blkdev.part0(disk)), blkdev.is_removable(disk), blkdev.operations(disk)})
      assert(k:write(made.DISK, "nvme0n1\0"))
      assert.are.equal("nvme0n1p1", blkdev.name(parts()[2]))
      assert.has_error(function() blkdev.name(disk) end)
    end)

    it("adds up what CPUs count", function()
      local stats = blkdev.stats(blkdev.part0(disk))
      assert.are.same({10, 3, 80, 5000000, 2, 7000000, 1, 1000000, 16000000, 1}, {stats.read_ios, stats.read_merges, stats.read_sectors,
        stats.read_nsecs, stats.write_ios, stats.write_nsecs, stats.flush_ios, stats.flush_nsecs, stats.io_ns, stats.in_flight})
      set("disk_stats", made.STATS + 0x100, {["in_flight[0].a.counter"] = -5})
      assert.are.equal(0, blkdev.stats(blkdev.part0(disk)).in_flight)
      set(own.is_old and "hd_struct" or "block_device", own.part0, {[own.is_old and "dkstats" or "bd_stats"] = 0})
      assert.are.equal("format", select(2, kvm.try(blkdev.stats, blkdev.part0(disk))).code)
    end)

    it("stops where the table of parts is damaged", function()
      if own.is_old then
        for _, len in ipairs {-1, 1 << 20} do
          set("disk_part_tbl", made.TABLE, {len = len})
          assert.are.equal("format", select(2, kvm.try(parts)).code)
        end
        set("gendisk", made.DISK, {part_tbl = 0})
        assert.are.same({}, (parts()))
      else
        set("xa_node", made.NODES[1], {array = 0})
        assert.are.equal("format", select(2, parts()).code)
      end
    end)

    it("says what a kernel lacks", function()
      memory.forget()
      local _, err = kvm.try(blkdev.for_each_disk, k)
      assert.matches("^this kernel has no disks %(CONFIG_BLOCK%)", err.message)
    end)
  end)
end

describe("kvm.linux.blkdev of 6.1", function()
  harness.guard()

  it("reads the number and the policy of a part from members of their own", function()
    local k = memory.open [[struct inode { long i_size; };
      struct gendisk { char disk_name[32]; unsigned long state; };
      struct block_device { unsigned long bd_start_sect; struct gendisk *bd_disk; unsigned char bd_partno; _Bool bd_read_only;
        struct inode *bd_inode; };]]
    local S = memory.START
    memory.set(k, "struct block_device", S, {bd_start_sect = 5, bd_disk = S + 0x80, bd_partno = 3, bd_inode = S + 0x100})
    memory.set(k, "struct inode", S + 0x100, {i_size = 4096})
    local part = k:object(S, "struct block_device")
    assert.are.same({3, false, 8, 5}, {blkdev.partno(part), blkdev.is_read_only(part), blkdev.sectors(part)})
    memory.set(k, "struct block_device", S, {bd_read_only = 1})
    assert.is_true(blkdev.is_read_only(part))
    memory.set(k, "struct block_device", S, {bd_read_only = 0})
    memory.set(k, "struct gendisk", S + 0x80, {state = 2})
    assert.is_true(blkdev.is_read_only(part))
  end)
end)
