-- SPDX-License-Identifier: BSD-2-Clause
-- linux/device-mapper.h, drivers/md/dm-core.h, dm-table.c and dm-ioctl.c: disks that are mapped to others, target by target. The types come
-- from the BTF of the module dm_mod, which modules have since 5.11: where they are not there, a disk is known as a mapped one, but not its
-- table. Checked against Linux 6.1, 6.12 and 7.2. Leaves out the arguments of all targets but linear, and a table that is loaded, but not
-- yet live.
local blkdev = require "kvm.linux.blkdev"
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local object = require "kvm.object"

local M = {}

local KINDS <const> = {dm_blk_dops = "bio", dm_rq_blk_dops = "request"}
local SUSPENDED <const> = 1 << 1 -- DMF_SUSPENDED, drivers/md/dm-core.h (dm.c until 5.11)
local MOST_TARGETS <const>, MOST_DEVICES <const> = 1 << 20, 1 << 16 -- DM_MAX_TARGETS of 6.9, drivers/md/dm-core.h

--- Whether a disk is a mapped one.
-- @param disk `struct gendisk`
-- @treturn boolean
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.dm.is_mapped(disk) == (disk.disk_name:match "^dm%-" ~= nil)) end
function M.is_mapped(disk)
  return KINDS[blkdev.operations(disk)] ~= nil
end

local function own_of(disk) return object.cast(disk.private_data, "struct mapped_device") end

--- The table that a mapped disk goes by.
-- @param disk `struct gendisk` of which is_mapped is true
-- @return `struct dm_table`; nil where none is live
-- @raise kvm.Error `notfound`: the module has no types (before 5.11); `fault`, `excluded`
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- if kvm.linux.dm.is_mapped(disk) then assert(kvm.linux.dm.table(disk).num_targets > 0) end end
function M.table(disk)
  local map = own_of(disk).map
  return map and object.cast(map, "struct dm_table") or nil
end

--- The targets of a table, in the order of their sectors.
-- @param table_ `struct dm_table`
-- @treturn function an iterator of objects `struct dm_target`
-- @raise kvm.Error `format` where the table is damaged; `fault`, `excluded`
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do if kvm.linux.dm.is_mapped(disk) then
-- for target in kvm.linux.dm.for_each_target(kvm.linux.dm.table(disk)) do assert(target.len > 0) end end end
function M.for_each_target(table_)
  local count, i = table_.num_targets, -1
  if count > MOST_TARGETS then kvm_error.fail("format", "the table at 0x%x has %d targets", object.addr(table_), count) end
  if count == 0 then return function() end end
  local k, first = object.handle(table_), table_.targets
  local size = object.sizeof(first)
  return function()
    i = i + 1
    if i < count then return kvm_error.check(k:object(object.addr(first) + i * size, "struct dm_target")) end
  end
end

local function part_of(dev)
  return dev.bdev or kvm_error.fail("format", "the device at 0x%x is on no disk", object.addr(dev))
end

--- The parts of disks that a table maps to.
-- @param table_ `struct dm_table`
-- @treturn function an iterator of objects `struct block_device`
-- @raise kvm.Error `format` where the list is damaged; `fault`, `excluded`
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do if kvm.linux.dm.is_mapped(disk) then
-- for part in kvm.linux.dm.for_each_device(kvm.linux.dm.table(disk)) do assert(kvm.linux.blkdev.disk(part) ~= disk) end end end
function M.for_each_device(table_)
  local step = list.for_each_entry("struct dm_dev_internal", table_.devices, "list", MOST_DEVICES)
  return function()
    local own = step()
    return own and part_of(own.dm_dev)
  end
end

local function linear(private)
  local own = object.cast(private, "struct linear_c")
  return blkdev.name(part_of(own.dev)), own.start
end
local ARGUMENTS <const> = {linear = linear} -- of which the structures are the module's own

--- What a target does.
-- @param target `struct dm_target`
-- @treturn table type ("linear", "striped", "crypt"), start and sectors (of 512 bytes, of the mapped disk), addr; of "linear" also to (name
--  of the part) and to_sector (of that part)
-- @raise kvm.Error `fault`, `excluded`
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do if kvm.linux.dm.is_mapped(disk) then
-- for target in kvm.linux.dm.for_each_target(kvm.linux.dm.table(disk)) do assert(kvm.linux.dm.target(target).type ~= "") end end end
function M.target(target)
  local out = {type = object.string(target.type.name), start = target.begin, sectors = target.len, addr = object.addr(target)}
  local arguments = ARGUMENTS[out.type]
  if arguments then out.to, out.to_sector = arguments(target.private) end
  return out
end

--- What the device mapper knows of a disk.
-- @param disk `struct gendisk` of which is_mapped is true
-- @treturn table mapped_name and uuid (as /sys/block/NAME/dm has them; nil for one that is being removed, uuid also for one that has
--  none), state ("active", "suspended"), open_count, targets ({table,...} as target has them), members ({table,...}: name of each part that
--  it maps to), addr (`struct mapped_device *`)
-- @raise kvm.Error `notfound`: the module has no types (before 5.11); `format` where its table is damaged; `fault`, `excluded`
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- if kvm.linux.dm.is_mapped(disk) then assert(kvm.linux.dm.device(disk).targets[1]) end end
function M.device(disk)
  local own = own_of(disk)
  local out = {state = own.flags & SUSPENDED ~= 0 and "suspended" or "active", open_count = own.open_count.counter, targets = {},
    members = {}, addr = object.addr(own)}
  if own.interface_ptr then
    local cell = object.cast(own.interface_ptr, "struct hash_cell")
    out.mapped_name, out.uuid = object.string(cell.name), cell.uuid and object.string(cell.uuid) or nil
  end
  local live = M.table(disk)
  if not live then return out end
  for target in M.for_each_target(live) do out.targets[#out.targets + 1] = M.target(target) end
  for part in M.for_each_device(live) do out.members[#out.members + 1] = {name = blkdev.name(part)} end
  return out
end

return M
