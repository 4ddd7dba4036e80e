-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local md = require "kvm.linux.md"
local memory = require "spec.support.memory"

local S = memory.START
local DISK, LOWER, PARTS, OPS, ARRAY, MEMBERS = S, S + 0x80, S + 0x100, S + 0x180, S + 0x200, S + 0x300
local MEMBER_BYTES <const>, PART_BYTES <const> = 0x40, 0x10

local TYPES <const> = [[
  struct block_device_operations { int x; };
  struct gendisk { char disk_name[32]; struct block_device_operations *fops; void *private_data; };
  struct block_device { struct gendisk *bd_disk; unsigned char bd_partno; };
]]
local OF_MODULE <const> = [[
  struct md_personality { int x; };
  struct md_rdev { struct list_head same_set; struct block_device *bdev; unsigned long data_offset, flags; int raid_disk; };
  struct mddev { struct md_personality *pers; struct list_head disks; unsigned long sb_flags, dev_sectors; char clevel[16];
    int ro, chunk_sectors, raid_disks, in_sync, degraded; unsigned int safemode; };
]]

describe("kvm.linux.md", function()
  harness.guard()
  local k, disk
  local function set(t, at, members) memory.set(k, "struct " .. t, at, members) end
  local function code(...) return select(2, kvm.try(...)).code end
  local function member(i, members) set("md_rdev", MEMBERS + (i - 1) * MEMBER_BYTES, members) end
  before_each(function()
    k = memory.open(TYPES)
    set("gendisk", DISK, {fops = OPS, private_data = ARRAY})
    disk = k:object(DISK, "struct gendisk")
    memory.symbols {md_fops = OPS}
  end)
  after_each(memory.forget)

  local function whole()
    kvm.cdef(k, OF_MODULE)
    assert(k:write(LOWER, "sdx\0"))
    local array = k:type("struct mddev"):strip()
    local head = ARRAY + array:field("disks").offset
    set("mddev", ARRAY, {pers = OPS, ["disks.next"] = MEMBERS, ["disks.prev"] = MEMBERS + 2 * MEMBER_BYTES, raid_disks = 2, degraded = 1,
      chunk_sectors = 128, in_sync = 1})
    assert(k:write(ARRAY + array:field("clevel").offset, "raid5\0"))
    for i = 1, 3 do
      set("block_device", PARTS + (i - 1) * PART_BYTES, {bd_disk = LOWER, bd_partno = i})
      local next_, prev = i < 3 and MEMBERS + i * MEMBER_BYTES or head, i > 1 and MEMBERS + (i - 2) * MEMBER_BYTES or head
      member(i, {["same_set.next"] = next_, ["same_set.prev"] = prev, bdev = PARTS + (i - 1) * PART_BYTES, data_offset = 2048})
    end
    member(1, {raid_disk = -1, flags = 0})
    member(2, {raid_disk = 1, flags = 1 | 1 << 5})
    member(3, {raid_disk = 0, flags = 1 << 1 | 1 << 3 | 1 << 10})
  end

  it("knows an array by its driver", function()
    assert.is_true(md.is_array(disk))
    set("gendisk", DISK, {fops = OPS + 8})
    assert.is_false(md.is_array(disk))
  end)

  it("tells level, state and members", function()
    assert.are.equal("notfound", code(md.device, disk)) -- its module has no types
    whole()
    local function rec(name, i, slot, flags)
      return {name = name, slot = slot, flags = flags, data_sector = 2048, addr = MEMBERS + (i - 1) * MEMBER_BYTES}
    end
    assert.are.same({level = "raid5", state = "clean", raid_disks = 2, degraded = 1, chunk_bytes = 65536, addr = ARRAY, members = {
      rec("sdx3", 3, 0, {"in_sync", "write_mostly", "replacement"}), rec("sdx2", 2, 1, {"faulty", "blocked"}),
      rec("sdx1", 1, nil, {"spare"})}}, md.device(disk))
  end)

  it("has the states of array_state", function()
    whole()
    local function state(members)
      set("mddev", ARRAY, members)
      return md.device(disk).state
    end
    assert.are.equal("active", state {in_sync = 0})
    assert.are.equal("active-idle", state {safemode = 2})
    assert.are.equal("write-pending", state {sb_flags = 4})
    assert.are.equal("readonly", state {ro = 1})
    assert.are.equal("read-auto", state {ro = 2})
    assert.is_nil(state {ro = 77})
    assert.are.equal("inactive", state {pers = 0})
    local head = ARRAY + k:type("struct mddev"):strip():field("disks").offset
    assert.are.equal("clear", state {raid_disks = 0, dev_sectors = 0, ["disks.next"] = head, ["disks.prev"] = head})
    assert(k:write(ARRAY + k:type("struct mddev"):strip():field("clevel").offset, "\0"))
    assert.is_nil(md.device(disk).level)
  end)

  it("names what is damaged", function()
    whole()
    member(3, {["same_set.next"] = MEMBERS})
    assert.are.equal("format", code(md.device, disk))
    member(1, {bdev = 0})
    assert.are.equal("format", code(md.device, disk))
    member(1, {bdev = memory.UNMAPPED})
    assert.are.equal("fault", code(md.device, disk))
  end)
end)
