-- SPDX-License-Identifier: BSD-2-Clause
-- linux/loop.h (uapi) and drivers/block/loop.c: disks whose contents are a file. The driver's own types come from the BTF of its module,
-- which modules have since 5.11: where they are not there, a disk is known as a loop device, but not its file. Checked against Linux
-- 6.1, 6.12 and 7.2.
local blkdev = require "kvm.linux.blkdev"
local dcache = require "kvm.linux.dcache"
local object = require "kvm.object"

local M = {}

local STATES <const> = {[0] = "unbound", "bound", "rundown", "deleting"} -- drivers/block/loop.c: Lo_*; the last since 5.14
local FLAGS <const> = {{1, "read_only"}, {4, "autoclear"}, {8, "partscan"}, {16, "direct_io"}} -- LO_FLAGS_*, include/uapi/linux/loop.h

--- Whether a disk is a loop device.
-- @param disk `struct gendisk`
-- @treturn boolean
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- assert(kvm.linux.loop.is_loop(disk) == (disk.disk_name:match "^loop%d" ~= nil)) end
function M.is_loop(disk)
  return blkdev.operations(disk) == "lo_fops"
end

--- What a loop device is made of.
-- @param disk `struct gendisk` of which is_loop is true
-- @treturn table state ("unbound", "bound", "rundown", "deleting"), file (path as /sys/block/NAME/loop/backing_file; nil for an unbound
--  one), offset and limit (bytes of the file; limit 0: up to its end), flags ({string,...}: "read_only", "autoclear", "partscan",
--  "direct_io"), addr (`struct loop_device *`)
-- @raise kvm.Error `notfound`: the module has no types (before 5.11); `fault`, `excluded`
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- if kvm.linux.loop.is_loop(disk) then assert(kvm.linux.loop.device(disk).state) end end
function M.device(disk)
  local lo = object.cast(disk.private_data, "struct loop_device")
  local out = {state = STATES[lo.lo_state], offset = lo.lo_offset, limit = lo.lo_sizelimit, flags = {}, addr = object.addr(lo)}
  for _, flag in ipairs(FLAGS) do
    if lo.lo_flags & flag[1] ~= 0 then out.flags[#out.flags + 1] = flag[2] end
  end
  if lo.lo_backing_file then out.file = (dcache.d_path(lo.lo_backing_file.f_path)) end
  return out
end

return M
