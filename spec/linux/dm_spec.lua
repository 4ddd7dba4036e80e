-- SPDX-License-Identifier: BSD-2-Clause
local dm = require "kvm.linux.dm"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"

local S = memory.START
local DISK, LOWER, PART, OPS, NAME = S, S + 0x80, S + 0x100, S + 0x180, S + 0x1a0
local MAPPED, CELL, TABLE, TARGETS, LINEAR, ERROR, PRIVATE = S + 0x200, S + 0x280, S + 0x300, S + 0x380, S + 0x400, S + 0x420, S + 0x440
local DEVICE, INTERNAL = S + 0x480, S + 0x4c0

local TYPES <const> = [[
  struct counted { int counter; };
  struct block_device_operations { int x; };
  struct gendisk { char disk_name[32]; struct block_device_operations *fops; void *private_data; };
  struct block_device { struct gendisk *bd_disk; unsigned char bd_partno; };
  struct target_type { const char *name; };
]]
local OF_MODULE <const> = [[
  struct dm_target { struct dm_table *table; struct target_type *type; unsigned long begin, len; void *private; };
  struct dm_dev { struct block_device *bdev; };
  struct dm_dev_internal { struct list_head list; struct dm_dev *dm_dev; };
  struct dm_table { unsigned int num_targets; struct dm_target *targets; struct list_head devices; };
  struct mapped_device { void *map; unsigned long flags; struct counted open_count; void *interface_ptr; };
  struct hash_cell { char *name, *uuid; };
  struct linear_c { struct dm_dev *dev; unsigned long start; };
]]

describe("kvm.linux.dm", function()
  harness.guard()
  local k, disk
  local function set(t, at, members) memory.set(k, "struct " .. t, at, members) end
  local function code(...) return select(2, kvm.try(...)).code end
  before_each(function()
    k = memory.open(TYPES)
    set("gendisk", DISK, {fops = OPS, private_data = MAPPED})
    disk = k:object(DISK, "struct gendisk")
    memory.symbols {dm_blk_dops = OPS, dm_rq_blk_dops = OPS + 8}
  end)
  after_each(memory.forget)

  local function whole()
    kvm.cdef(k, OF_MODULE)
    set("gendisk", LOWER, {})
    assert(k:write(LOWER, "sdx\0"))
    set("block_device", PART, {bd_disk = LOWER, bd_partno = 2})
    assert(k:write(NAME, "lab\0UUID-1\0linear\0error\0"))
    set("mapped_device", MAPPED, {map = TABLE, flags = 2, ["open_count.counter"] = 3, interface_ptr = CELL})
    set("hash_cell", CELL, {name = NAME, uuid = NAME + 4})
    set("dm_table", TABLE, {num_targets = 2, targets = TARGETS, ["devices.next"] = INTERNAL, ["devices.prev"] = INTERNAL})
    set("target_type", LINEAR, {name = NAME + 11})
    set("target_type", ERROR, {name = NAME + 18})
    local size = kvm.sizeof(k:type "struct dm_target")
    set("dm_target", TARGETS, {table = TABLE, type = LINEAR, begin = 0, len = 100, private = PRIVATE})
    set("dm_target", TARGETS + size, {table = TABLE, type = ERROR, begin = 100, len = 28, private = 0})
    set("linear_c", PRIVATE, {dev = DEVICE, start = 64})
    set("dm_dev", DEVICE, {bdev = PART})
    local head = TABLE + k:type("struct dm_table"):strip():field("devices").offset
    set("dm_dev_internal", INTERNAL, {["list.next"] = head, ["list.prev"] = head, dm_dev = DEVICE})
    return size
  end

  it("knows a mapped disk by its driver", function()
    assert.is_true(dm.is_mapped(disk))
    set("gendisk", DISK, {fops = OPS + 8})
    assert.is_true(dm.is_mapped(disk))
    set("gendisk", DISK, {fops = OPS + 16})
    assert.is_false(dm.is_mapped(disk))
  end)

  it("tells targets and what they are on", function()
    assert.are.equal("notfound", code(dm.device, disk)) -- its module has no types
    local size = whole()
    assert.are.same({mapped_name = "lab", uuid = "UUID-1", state = "suspended", open_count = 3, addr = MAPPED, members = {{name = "sdx2"}},
      targets = {{type = "linear", start = 0, sectors = 100, to = "sdx2", to_sector = 64, addr = TARGETS},
        {type = "error", start = 100, sectors = 28, addr = TARGETS + size}}}, dm.device(disk))
    for part in dm.for_each_device(dm.table(disk)) do assert.are.equal(PART, kvm.addr(part)) end
  end)

  it("tells what is there of a disk that comes or goes", function()
    whole()
    set("mapped_device", MAPPED, {map = 0, flags = 0, interface_ptr = 0})
    assert.are.same({state = "active", open_count = 3, addr = MAPPED, members = {}, targets = {}}, dm.device(disk))
    assert.is_nil(dm.table(disk))
    set("mapped_device", MAPPED, {map = TABLE, interface_ptr = CELL})
    set("hash_cell", CELL, {uuid = 0})
    set("dm_table", TABLE, {num_targets = 0, targets = 0})
    local own = dm.device(disk)
    assert.are.same({"lab", nil, 0}, {own.mapped_name, own.uuid, #own.targets})
  end)

  it("names what is damaged", function()
    whole()
    set("dm_table", TABLE, {num_targets = (1 << 20) + 1})
    assert.are.equal("format", code(dm.device, disk))
    set("dm_table", TABLE, {num_targets = 1, ["devices.next"] = memory.UNMAPPED})
    assert.are.equal("fault", code(dm.device, disk))
    set("dm_dev_internal", INTERNAL, {["list.next"] = INTERNAL})
    set("dm_table", TABLE, {["devices.next"] = INTERNAL})
    assert.are.equal("format", code(dm.device, disk))
    set("dm_dev", DEVICE, {bdev = 0})
    assert.are.equal("format", code(dm.device, disk))
    set("mapped_device", MAPPED, {map = memory.UNMAPPED})
    assert.are.equal("fault", code(dm.device, disk))
  end)
end)
