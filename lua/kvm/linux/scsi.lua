-- SPDX-License-Identifier: BSD-2-Clause
-- scsi/scsi_host.h and scsi/scsi_device.h: hosts (adapters) and the devices behind them. Where SCSI is not built in, the types come from
-- the BTF of the module scsi_mod, which modules have since 5.11. Checked against Linux 6.1, 6.12 and 7.2. Leaves out targets, commands, and
-- what the hosts' drivers know.
local blkdev = require "kvm.linux.blkdev"
local device = require "kvm.linux.device"
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local object = require "kvm.object"
local sbitmap = require "kvm.linux.sbitmap"

local M = {}

local DISKS <const> = {sd_fops = true, sr_bdops = true}
local MOST_DEVICES <const> = 1 << 20 -- of a host
local VENDOR_BYTES <const>, MODEL_BYTES <const>, REVISION_BYTES <const> = 8, 16, 4 -- of an INQUIRY, include/scsi/scsi.h
-- By enum scsi_device_state and enum scsi_host_state, as drivers/scsi/scsi_sysfs.c of 5.10 to 7.2 names them.
local STATES <const> = {"created", "running", "cancel", "deleted", "quiesce", "offline", "transport-offline", "blocked", "created-blocked"}
local HOST_STATES <const> = {"created", "running", "cancel", "deleted", "recovery", "cancel/recovery", "deleted/recovery"}

--- Whether a disk is a SCSI device.
-- @param disk `struct gendisk`
-- @treturn boolean
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- assert(kvm.linux.scsi.is_scsi(disk) == (disk.disk_name:match "^s[dr]" ~= nil)) end
function M.is_scsi(disk)
  return DISKS[blkdev.operations(disk)] ~= nil
end

--- The hosts, in the order in which they came.
-- @param k an open handle
-- @treturn function an iterator of objects `struct Scsi_Host`
-- @raise kvm.Error `notfound`: this kernel has no SCSI hosts (CONFIG_SCSI), or its module no types; `format` where the list is damaged
-- @usage local ok, hosts = pcall(kvm.linux.scsi.for_each_host, k)
-- if ok then for host in hosts do assert(host.host_no >= 0) end end
function M.for_each_host(k)
  kallsyms.need(k, {"shost_class"}, "SCSI hosts", "CONFIG_SCSI")
  kvm_error.check(k:type "struct Scsi_Host")
  local step = device.for_each_device(kvm_error.check(k:object("shost_class", "struct class")))
  return function()
    local dev = step()
    return dev and object.container_of(dev, "struct Scsi_Host", "shost_dev")
  end
end

--- What is known of a host.
-- @param host `struct Scsi_Host`
-- @treturn table name ("host0"), driver (of its template), state ("created", "running", "cancel", "deleted", "recovery", "cancel/recovery",
--  "deleted/recovery"; nil for another), can_queue (commands at once), hw_queues, failed (commands that wait for the error handler), addr
-- @raise kvm.Error `fault`, `excluded`
-- @usage local ok, hosts = pcall(kvm.linux.scsi.for_each_host, k)
-- if ok then for host in hosts do assert(kvm.linux.scsi.host(host).can_queue >= 0) end end
function M.host(host)
  local template = host.hostt
  local driver = template.proc_name or template.name
  return {name = ("host%d"):format(host.host_no), driver = driver and object.string(driver), state = HOST_STATES[host.shost_state],
    can_queue = host.can_queue, hw_queues = host.nr_hw_queues, failed = host.host_failed, addr = object.addr(host)}
end

--- The devices behind a host.
-- @param host `struct Scsi_Host`
-- @treturn function an iterator of objects `struct scsi_device`
-- @raise kvm.Error `format` where the list is damaged; `fault`, `excluded`
-- @usage local ok, hosts = pcall(kvm.linux.scsi.for_each_host, k)
-- if ok then for host in hosts do for dev in kvm.linux.scsi.for_each_device(host) do assert(dev.host == host) end end end
function M.for_each_device(host)
  return list.for_each_entry("struct scsi_device", host.__devices, "siblings", MOST_DEVICES)
end

-- A pointer into the answer to an INQUIRY, where it does not end (an array of its own in 7.2), padded with blanks.
local function words(text, bytes)
  if object.is_object(text) then text = object.string(text, bytes) end
  return text and (text:gsub("%s+$", "")) or nil
end

local function busy(dev)
  if object.typeof(dev):strip():field "device_busy" then return dev.device_busy.counter end -- until 5.12
  return sbitmap.weight(dev.budget_map)
end

--- What is known of a device.
-- @param dev `struct scsi_device`
-- @treturn table name ("HOST:CHANNEL:ID:LUN"), type (number as of INQUIRY: 0 is a disk), vendor, model, firmware, state ("created",
--  "running", "cancel", "deleted", "quiesce", "offline", "transport-offline", "blocked", "created-blocked"; nil for another), queue_depth,
--  busy (commands under way), requested, done and errors (commands since it came), addr (`struct scsi_device *`)
-- @raise kvm.Error `fault`, `excluded`
-- @usage local ok, hosts = pcall(kvm.linux.scsi.for_each_host, k)
-- if ok then for host in hosts do
-- for dev in kvm.linux.scsi.for_each_device(host) do assert(kvm.linux.scsi.describe(dev).busy >= 0) end end end
function M.describe(dev)
  return {name = ("%d:%d:%d:%d"):format(dev.host.host_no, dev.channel, dev.id, dev.lun), type = dev.type,
    vendor = words(dev.vendor, VENDOR_BYTES), model = words(dev.model, MODEL_BYTES), firmware = words(dev.rev, REVISION_BYTES),
    state = STATES[dev.sdev_state], queue_depth = dev.queue_depth, busy = busy(dev), requested = dev.iorequest_cnt.counter,
    done = dev.iodone_cnt.counter, errors = dev.ioerr_cnt.counter, addr = object.addr(dev)}
end

--- What is known of the device of a disk.
-- @param disk `struct gendisk` of which is_scsi is true
-- @treturn table as describe has it
-- @raise kvm.Error `notfound`: the module has no types (before 5.11); `fault`, `excluded`
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- if kvm.linux.scsi.is_scsi(disk) then assert(kvm.linux.scsi.device(disk).queue_depth > 0) end end
function M.device(disk)
  return M.describe(object.cast(disk.queue.queuedata, "struct scsi_device"))
end

return M
