-- SPDX-License-Identifier: BSD-2-Clause
-- drivers/md/md.h and md.c: arrays of disks (RAID). The types come from the BTF of the module md_mod, which modules have since 5.11: where
-- they are not there, a disk is known as an array, but not its members. Checked against Linux 6.1, 6.12 and 7.2. Leaves out the
-- write-intent bitmap, how far a resync is, and the state "broken", whose bit differs by release.
local blkdev = require "kvm.linux.blkdev"
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local object = require "kvm.object"

local M = {}

local MOST_MEMBERS <const> = 1 << 12 -- a super block of version 1 has no room for more than 1920
local CHANGE_PENDING <const> = 1 << 2 -- MD_SB_CHANGE_PENDING, drivers/md/md.h since 4.10
local READ_ONLY <const> = {"readonly", "read-auto"} -- by mddev.ro: MD_RDONLY, MD_AUTO_READ
-- enum flag_bits, drivers/md/md.h of 5.10 to 7.2: the bit and its word in /sys/block/NAME/md/dev-*/state
local FLAGS <const> = {{0, "faulty"}, {1, "in_sync"}, {12, "journal"}, {3, "write_mostly"}, {5, "blocked"}, {6, "write_error"},
  {9, "want_replacement"}, {10, "replacement"}}
local NO_SPARE <const> = 1 << 0 | 1 << 1 | 1 << 12 -- Faulty, In_sync, Journal

--- Whether a disk is an array.
-- @param disk `struct gendisk`
-- @treturn boolean
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.md.is_array(disk) == (disk.disk_name:match "^md" ~= nil)) end
function M.is_array(disk)
  return blkdev.operations(disk) == "md_fops"
end

local function array_of(disk) return object.cast(disk.private_data, "struct mddev") end

--- The members of an array.
-- @param disk `struct gendisk` of which is_array is true
-- @treturn function an iterator of objects `struct md_rdev`
-- @raise kvm.Error `notfound`: the module has no types (before 5.11); `format` where the list is damaged; `fault`, `excluded`
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do if kvm.linux.md.is_array(disk) then
-- for member in kvm.linux.md.for_each_member(disk) do assert(member.raid_disk >= -1) end end end
function M.for_each_member(disk)
  return list.for_each_entry("struct md_rdev", array_of(disk).disks, "same_set", MOST_MEMBERS)
end

--- What an array knows of a member.
-- @param member `struct md_rdev`
-- @treturn table name (of its part of a disk), slot (its place in the array; nil for a spare), flags ({string,...}: "faulty", "in_sync",
--  "journal", "write_mostly", "blocked", "spare", "write_error", "want_replacement", "replacement"), data_sector (where the array's data
--  starts, of 512 bytes), addr (`struct md_rdev *`)
-- @raise kvm.Error `fault`, `excluded`
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do if kvm.linux.md.is_array(disk) then
-- for member in kvm.linux.md.for_each_member(disk) do assert(kvm.linux.md.member(member).name) end end end
function M.member(member)
  local part = member.bdev or kvm_error.fail("format", "the member at 0x%x is on no disk", object.addr(member))
  local out = {name = blkdev.name(part), flags = {}, data_sector = member.data_offset, addr = object.addr(member)}
  if member.raid_disk >= 0 then out.slot = member.raid_disk end
  for _, flag in ipairs(FLAGS) do
    if member.flags >> flag[1] & 1 == 1 then out.flags[#out.flags + 1] = flag[2] end
  end
  if member.flags & NO_SPARE == 0 then table.insert(out.flags, 1, "spare") end
  return out
end

-- As array_state_show in drivers/md/md.c.
local function state_of(array)
  if not array.pers then
    local is_clear = array.raid_disks == 0 and array.dev_sectors == 0 and list.empty(array.disks)
    return is_clear and "clear" or "inactive"
  end
  if array.ro ~= 0 then return READ_ONLY[array.ro] end
  if array.sb_flags & CHANGE_PENDING ~= 0 then return "write-pending" end
  if array.in_sync ~= 0 then return "clean" end
  return array.safemode ~= 0 and "active-idle" or "active"
end

--- What an array is.
-- @param disk `struct gendisk` of which is_array is true
-- @treturn table state ("clear", "inactive", "readonly", "read-auto", "clean", "active", "write-pending", "active-idle", as
--  /sys/block/NAME/md/array_state; nil for another), level ("raid1"; nil while it has none), raid_disks, degraded (members that it lacks),
--  chunk_bytes, members ({table,...} as member has them, by slot, spares last), addr (`struct mddev *`)
-- @raise kvm.Error `notfound`: the module has no types (before 5.11); `format` where its list is damaged; `fault`, `excluded`
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- if kvm.linux.md.is_array(disk) then assert(kvm.linux.md.device(disk).degraded >= 0) end end
function M.device(disk)
  local array = array_of(disk)
  local out = {state = state_of(array), level = array.clevel ~= "" and array.clevel or nil, raid_disks = array.raid_disks,
    degraded = array.degraded, chunk_bytes = array.chunk_sectors * blkdev.SECTOR, members = {}, addr = object.addr(array)}
  for member in M.for_each_member(disk) do out.members[#out.members + 1] = M.member(member) end
  table.sort(out.members, function(a, b)
    if a.slot ~= b.slot then return (a.slot or math.huge) < (b.slot or math.huge) end
    return a.name < b.name
  end)
  return out
end

return M
