-- SPDX-License-Identifier: BSD-2-Clause
-- linux/blkdev.h (linux/genhd.h until 5.17): disks, their partitions, and what /proc/partitions and /proc/diskstats tell of them
-- (block/genhd.c). A part is a struct block_device since 5.11 (0d02129e76ed), a struct hd_struct before; the disk itself is its part 0.
-- Checked against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out when a disk's io_ticks were brought up to date, which the kernel does as it
-- prints them.
local kvm_error = require "kvm.error"
local device = require "kvm.linux.device"
local kallsyms = require "kvm.linux.kallsyms"
local jiffies = require "kvm.linux.jiffies"
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"
local types = require "kvm.type"
local xarray = require "kvm.linux.xarray"

local M = {}

local MOST_PARTS <const> = 1 << 16 -- of a table of 5.10; DISK_MAX_PARTS is 256
local REMOVABLE <const> = 1 -- GENHD_FL_REMOVABLE in all releases
local GD_READ_ONLY <const> = 1 -- bit of gendisk.state, include/linux/blkdev.h of 6.1 to 7.2
local BD_PARTNO <const>, BD_READ_ONLY <const> = 0xff, 0x100 -- include/linux/blk_types.h of 6.12 and 7.2
M.SECTOR = 512

local function has(o, member) return object.typeof(o):strip():field(member) ~= nil end
local function is_old(part) return object.typeof(part):name() == "hd_struct" end
local function check_part(part, name)
  local kind = object.is_object(part) and object.typeof(part):name()
  if kind ~= "block_device" and kind ~= "hd_struct" then
    error(("bad argument to '%s' (struct block_device or hd_struct expected)"):format(name), 3)
  end
end

--- The number of a part within its disk.
-- @param part `struct block_device` (`struct hd_struct` until 5.10)
-- @treturn integer 0: the whole disk
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.blkdev.partno(kvm.linux.blkdev.part0(disk)) == 0) end
function M.partno(part)
  check_part(part, "partno")
  if is_old(part) then return part.partno end
  if has(part, "bd_partno") then return part.bd_partno end -- 6.1, no longer 6.12
  return part.__bd_flags.counter & BD_PARTNO
end

-- The part that a device of the class is in.
local function part_of(dev)
  if types.of(object.handle(dev), "struct block_device"):strip():field "bd_device" then
    return object.container_of(dev, "struct block_device", "bd_device")
  end
  return object.container_of(dev, "struct hd_struct", "__dev")
end

--- The device of a part, as the driver core knows it.
-- @param part `struct block_device` (`struct hd_struct` until 5.10)
-- @return `struct device`
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.blkdev.device(kvm.linux.blkdev.part0(disk)).devt) end
function M.device(part)
  check_part(part, "device")
  return is_old(part) and part.__dev or part.bd_device
end

--- The disk of a part.
-- @param part `struct block_device` (`struct hd_struct` until 5.10)
-- @return `struct gendisk`
-- @raise kvm.Error
-- @usage local blkdev = kvm.linux.blkdev
-- for disk in blkdev.for_each_disk(k) do for part in blkdev.for_each_part(disk) do assert(blkdev.disk(part) == disk) end end
function M.disk(part)
  check_part(part, "disk")
  if not is_old(part) then return part.bd_disk end
  local whole = part.partno == 0 and part.__dev or part.__dev.parent
  return object.container_of(whole, "struct gendisk", "part0.__dev")
end

--- The disks, in the order of /proc/partitions.
-- @param k an open handle
-- @treturn function an iterator of objects `struct gendisk`, also of those without a medium
-- @raise kvm.Error `notfound`: this kernel has no disks (CONFIG_BLOCK); `format` where the list is damaged
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(#disk.disk_name > 0) end
function M.for_each_disk(k)
  kallsyms.need(k, {"block_class"}, "disks", "CONFIG_BLOCK")
  local step = device.for_each_device(kvm_error.check(k:object "block_class"))
  return function()
    for dev in step do
      local part = part_of(dev)
      if M.partno(part) == 0 then return M.disk(part) end
    end
  end
end

--- The part that is the whole disk.
-- @param disk `struct gendisk`
-- @return `struct block_device` (`struct hd_struct` until 5.10)
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.blkdev.sectors(kvm.linux.blkdev.part0(disk)) >= 0) end
function M.part0(disk)
  return disk.part0
end

local function old_parts(disk)
  local parts = disk.part_tbl
  local count, i = parts and parts.len or 0, -1
  if count < 0 or count > MOST_PARTS then
    kvm_error.fail("format", "the disk at 0x%x has %d parts", object.addr(disk), count)
  end
  return function()
    while i + 1 < count do
      i = i + 1
      local part = parts.part[i]
      if part then return part end
    end
  end
end

--- The parts of a disk: itself, then its partitions.
-- @param disk `struct gendisk`
-- @treturn function an iterator of objects `struct block_device` (`struct hd_struct` until 5.10)
-- @raise kvm.Error `format` where the table is damaged; `fault`, `excluded`
-- @usage local blkdev = kvm.linux.blkdev
-- for disk in blkdev.for_each_disk(k) do for part in blkdev.for_each_part(disk) do assert(blkdev.partno(part) >= 0) end end
function M.for_each_part(disk)
  local table_ = disk.part_tbl
  if not table_ or object.typeof(table_):name() ~= "xarray" then return old_parts(disk) end
  local step = xarray.for_each_entry("struct block_device", table_)
  return function() return select(2, step()) end
end

--- The name of a part.
-- @param part `struct block_device` (`struct hd_struct` until 5.10)
-- @treturn string "vda", "vda1", "nvme0n1p1": as disk_name() in block/genhd.c makes it
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.blkdev.name(kvm.linux.blkdev.part0(disk)) == disk.disk_name) end
function M.name(part)
  check_part(part, "name")
  local name, number = M.disk(part).disk_name, M.partno(part)
  if number == 0 then return name end
  return (name:find "%d$" and "%sp%d" or "%s%d"):format(name, number)
end

--- A part's device number.
-- @param part `struct block_device` (`struct hd_struct` until 5.10)
-- @treturn integer major
-- @treturn integer minor
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.blkdev.numbers(disk.part0) > 0) end
function M.numbers(part)
  return device.numbers(M.device(part).devt)
end

--- How large a part is.
-- @param part `struct block_device` (`struct hd_struct` until 5.10)
-- @treturn integer sectors of 512 bytes
-- @treturn integer the sector of the disk where it starts
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.blkdev.sectors(kvm.linux.blkdev.part0(disk)) >= 0) end
function M.sectors(part)
  check_part(part, "sectors")
  if is_old(part) then return part.nr_sects, part.start_sect end
  if has(part, "bd_nr_sectors") then return part.bd_nr_sectors, part.bd_start_sect end -- 6.1, not yet 5.15
  return part.bd_inode.i_size // M.SECTOR, part.bd_start_sect
end

--- Whether nothing may be written to a part.
-- @param part `struct block_device` (`struct hd_struct` until 5.10)
-- @treturn boolean
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.blkdev.is_read_only(disk.part0) ~= nil) end
function M.is_read_only(part)
  check_part(part, "is_read_only")
  if is_old(part) then return part.policy ~= 0 end
  if M.disk(part).state >> GD_READ_ONLY & 1 == 1 then return true end
  if has(part, "bd_read_only") then return part.bd_read_only end -- 6.1, no longer 6.12
  return part.__bd_flags.counter & BD_READ_ONLY ~= 0
end

--- Whether a disk's medium can be taken out.
-- @param disk `struct gendisk`
-- @treturn boolean
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.blkdev.is_removable(disk) ~= nil) end
function M.is_removable(disk)
  return disk.flags & REMOVABLE ~= 0
end

--- What the partition table says of a partition.
-- @param part `struct block_device` (`struct hd_struct` until 5.10)
-- @treturn string uuid; nil where the table has none, and for a disk
-- @treturn string label; "" for none
-- @raise kvm.Error
-- @usage local blkdev = kvm.linux.blkdev
-- for disk in blkdev.for_each_disk(k) do for part in blkdev.for_each_part(disk) do assert(blkdev.label(part) ~= "") end end
function M.label(part)
  check_part(part, "label")
  local info = is_old(part) and part.info or not is_old(part) and part.bd_meta_info or nil
  if not info then return nil end
  return info.uuid, object.string(info.volname)
end

--- The functions of a disk's driver.
-- @param disk `struct gendisk`
-- @treturn string the symbol of its `struct block_device_operations`, "virtblk_fops"; an address where there is none
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(#kvm.linux.blkdev.operations(disk) > 0) end
function M.operations(disk)
  local k = object.handle(disk)
  return kallsyms.symbol_name(k, k:ptr(object.addr(disk, "fops")))
end

local SUMS <const> = {"ios", "merges", "sectors", "nsecs"}
local GROUPS <const> = {"read", "write", "discard", "flush"} -- enum stat_group

--- What was done with a part since it came.
-- @param part `struct block_device` (`struct hd_struct` until 5.10)
-- @treturn table read_ios, read_merges, read_sectors (of 512 bytes), read_nsecs, so also write_, discard_, flush_; io_ns (time in which
--  anything was under way, up to the last time that the kernel looked), in_flight (requests whose time is counted)
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.blkdev.stats(kvm.linux.blkdev.part0(disk)).read_ios >= 0) end
function M.stats(part)
  check_part(part, "stats")
  local out, ticks, under_way = {}, 0, 0
  local stats = is_old(part) and part.dkstats or not is_old(part) and part.bd_stats
  if not stats then kvm_error.fail("format", "the part at 0x%x counts nothing", object.addr(part)) end
  for _, copy in percpu.for_each_copy(stats) do
    copy = object.fetch(copy)
    for _, sum in ipairs(SUMS) do
      local values = copy[sum]
      for i, group in ipairs(GROUPS) do
        local key = group .. "_" .. sum
        out[key] = (out[key] or 0) + values[i - 1]
      end
    end
    ticks = ticks + copy.io_ticks
    for way = 0, 1 do under_way = under_way + copy.in_flight[way].a.counter end
  end
  out.io_ns = ticks * jiffies.tick_ns(object.handle(part))
  out.in_flight = math.max(under_way, 0) -- a request may start on one CPU and end on another
  return out
end

return M
