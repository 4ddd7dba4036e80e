-- SPDX-License-Identifier: BSD-2-Clause
-- linux/nvme.h and drivers/nvme/host/nvme.h: what the NVMe driver knows of a disk: its namespace, its controller, the subsystem's names.
-- Checked against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out the submission and completion queues (the transport's), and which of several
-- paths a multipath disk takes.
local blkdev = require "kvm.linux.blkdev"
local device = require "kvm.linux.device"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local NAMESPACE <const>, HEAD <const> = "struct nvme_ns", "struct nvme_ns_head"
local KINDS <const> = {nvme_fops = NAMESPACE, nvme_bdev_ops = NAMESPACE, nvme_ns_head_ops = HEAD} -- the first in 5.10

--- Whether a disk is an NVMe namespace.
-- @param disk `struct gendisk`
-- @treturn boolean
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.nvme.is_nvme(disk) == (disk.disk_name:match "^nvme" ~= nil)) end
function M.is_nvme(disk)
  return KINDS[blkdev.operations(disk)] ~= nil
end

-- Names are padded with blanks, and need not end.
local function trimmed(text) return (text:gsub("[%s%z]+$", "")) end

local function state_of(ctrl)
  local name = object.enum(ctrl, "state")
  return name and name:gsub("^NVME_CTRL_", ""):lower() or nil
end

--- What the driver knows of a disk.
-- @param disk `struct gendisk` of which is_nvme is true
-- @treturn table namespace (id), block_bytes (of a logical block), model, serial, firmware, nqn (of the subsystem), controller (name;
--  nil for a disk of several paths), state ("new", "live", "resetting", "connecting", "deleting", "deleting_noio", "dead"; nil for another,
--  and for a disk of several paths), addr (`struct nvme_ctrl *`; `struct nvme_ns_head *` for a disk of several paths)
-- @raise kvm.Error `notfound`: the driver has no types; `fault`, `excluded`
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- if kvm.linux.nvme.is_nvme(disk) then assert(kvm.linux.nvme.device(disk).namespace > 0) end end
function M.device(disk)
  local own = object.cast(disk.private_data, KINDS[blkdev.operations(disk)])
  local is_path = object.typeof(own):name() == "nvme_ns"
  local head = is_path and own.head or own
  local in_head = types.of(object.handle(disk), HEAD):strip():field "lba_shift" ~= nil -- 6.12 and 7.2
  local subsystem = head.subsys
  local out = {namespace = head.ns_id, block_bytes = 1 << ((in_head and head or own).lba_shift & 63),
    model = trimmed(subsystem.model), serial = trimmed(subsystem.serial), firmware = trimmed(subsystem.firmware_rev),
    nqn = subsystem.subnqn, addr = object.addr(head)}
  if is_path then
    out.addr, out.state, out.controller = object.addr(own.ctrl), state_of(own.ctrl), device.name(own.ctrl.device)
  end
  return out
end

return M
