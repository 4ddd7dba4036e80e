-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a SCSI host and a device behind it, in the layouts of 5.10 and of 7.2, for the specs of what walks them.
local memory = require "spec.support.memory"

local M = {}

local COMMON = [[
  struct counted { int counter; };
  struct kobject { const char *name; };
  struct kref { int refs; };
  struct klist { int k_lock; struct list_head k_list; };
  struct klist_node { void *n_klist; struct list_head n_node; struct kref n_ref; };
  struct subsys_private { struct klist klist_devices; };
  struct class { const char *name; struct subsys_private *p; };
  struct device { struct kobject kobj; };
  struct device_private { struct klist_node knode_class; struct device *device; };
  struct sbitmap_word { unsigned long word, cleared; };
  struct sbitmap { unsigned int depth, shift, map_nr; struct sbitmap_word *map; };
  struct scsi_host_template { const char *name, *proc_name; };
  struct Scsi_Host { struct list_head __devices; struct scsi_host_template *hostt; unsigned int host_failed, host_no; int can_queue;
    unsigned int nr_hw_queues, shost_state; struct device shost_dev; };
  struct block_device_operations { int x; };
  struct request_queue { void *queuedata; };
  struct gendisk { struct block_device_operations *fops; struct request_queue *queue; };
  struct scsi_device { struct Scsi_Host *host; struct list_head siblings; %s unsigned short queue_depth; unsigned int id, channel;
    unsigned long lun; unsigned char type; unsigned int sdev_state; struct counted iorequest_cnt, iodone_cnt, ioerr_cnt; };
]]
local LAYOUTS <const> = {
  ["5.10"] = "struct counted device_busy; const char *vendor, *model, *rev;",
  ["7.2"] = "struct sbitmap budget_map; char vendor[9], model[17], rev[5];",
}
M.layouts = {"5.10", "7.2"}

local S = memory.START
M.CLASS, M.SUBSYS, M.PRIVATE, M.HOST, M.TEMPLATE, M.NAMES = S, S + 0x40, S + 0x80, S + 0x100, S + 0x200, S + 0x240
M.DEVICE, M.MAP, M.DISK, M.QUEUE, M.OPS = S + 0x300, S + 0x400, S + 0x440, S + 0x480, S + 0x4c0

local INQUIRY <const> = "ACME    A long disk name1.05" -- vendor, model and revision, that end nowhere

local function inquiry(k, layout, field, set)
  if layout == "5.10" then
    assert(k:write(M.NAMES + 0x20, INQUIRY))
    return set("scsi_device", M.DEVICE, {vendor = M.NAMES + 0x20, model = M.NAMES + 0x28, rev = M.NAMES + 0x38,
      ["device_busy.counter"] = 2})
  end
  for member, text in pairs {vendor = INQUIRY:sub(1, 8), model = INQUIRY:sub(9, 24), rev = INQUIRY:sub(25)} do
    assert(k:write(M.DEVICE + field("scsi_device", member), text .. "\0"))
  end
  set("scsi_device", M.DEVICE, {["budget_map.depth"] = 8, ["budget_map.shift"] = 3, ["budget_map.map_nr"] = 1, ["budget_map.map"] = M.MAP})
  set("sbitmap_word", M.MAP, {word = 1 << 1 | 1 << 3})
end

--- An open handle, and a function that sets members; memory.forget behind the test.
function M.open(layout)
  local k = memory.open(COMMON:format(LAYOUTS[layout]))
  local function set(t, addr, members) memory.set(k, "struct " .. t, addr, members) end
  local function field(t, path) return assert(k:type("struct " .. t):strip():field(path)).offset end
  local function only(head, node) -- a list of one node
    for _, at in ipairs {head, head + 8} do assert(k:write(at, ("<i8"):pack(node))) end
    for _, at in ipairs {node, node + 8} do assert(k:write(at, ("<i8"):pack(head))) end
  end
  memory.symbols {shost_class = M.CLASS, sd_fops = M.OPS}
  set("class", M.CLASS, {p = M.SUBSYS})
  set("device_private", M.PRIVATE, {device = M.HOST + field("Scsi_Host", "shost_dev"), ["knode_class.n_klist"] = M.SUBSYS})
  only(M.SUBSYS + field("subsys_private", "klist_devices.k_list"), M.PRIVATE + field("device_private", "knode_class.n_node"))
  assert(k:write(M.NAMES, "acme_scsi\0"))
  set("scsi_host_template", M.TEMPLATE, {proc_name = M.NAMES})
  set("Scsi_Host", M.HOST, {hostt = M.TEMPLATE, host_failed = 1, host_no = 3, can_queue = 256, nr_hw_queues = 2, shost_state = 6})
  only(M.HOST, M.DEVICE + field("scsi_device", "siblings"))
  set("scsi_device", M.DEVICE, {host = M.HOST, queue_depth = 32, id = 5, channel = 1, lun = 7, type = 0, sdev_state = 8,
    ["iorequest_cnt.counter"] = 12, ["iodone_cnt.counter"] = 10, ["ioerr_cnt.counter"] = 4})
  inquiry(k, layout, field, set)
  set("gendisk", M.DISK, {fops = M.OPS, queue = M.QUEUE})
  set("request_queue", M.QUEUE, {queuedata = M.DEVICE})
  return k, set
end

--- What is told of them.
M.host = {name = "host3", driver = "acme_scsi", state = "cancel/recovery", can_queue = 256, hw_queues = 2, failed = 1, addr = M.HOST}
M.device = {name = "3:1:5:7", type = 0, vendor = "ACME", model = "A long disk name", firmware = "1.05", state = "blocked", queue_depth = 32,
  busy = 2, requested = 12, done = 10, errors = 4, addr = M.DEVICE}

return M
