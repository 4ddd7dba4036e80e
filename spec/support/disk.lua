-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a disk sda, its partition, its queue and a request, in the layouts of 5.10 and of 7.2, for the specs of what walks them.
local memory = require "spec.support.memory"

local M = {}

local COMMON = [[
  struct kref { int refs; };
  struct counted { int counter; };
  struct local { struct counted a; };
  struct cpumask { unsigned long bits[1]; };
  struct kobject { const char *name; struct list_head entry; };
  struct kset { struct list_head list; struct kobject kobj; };
  struct klist { int k_lock; struct list_head k_list; };
  struct klist_node { void *n_klist; struct list_head n_node; struct kref n_ref; };
  struct device { struct kobject kobj; struct device *parent; struct device_private *p; unsigned int devt; };
  struct device_private { struct klist_node knode_class; struct device *device; };
  struct disk_stats { unsigned long nsecs[4], sectors[4], ios[4], merges[4], io_ticks; struct local in_flight[2]; };
  struct partition_meta_info { char uuid[37]; unsigned char volname[64]; };
  struct block_device_operations { int x; };
  struct xarray { unsigned int xa_lock, xa_flags; void *xa_head; };
  struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent; struct xarray *array; void *slots[64];
    unsigned long marks[3][1]; };
  struct sbitmap_word { unsigned long word; unsigned long cleared; };
  struct sbitmap { unsigned int depth, shift, map_nr; struct sbitmap_word *map; };
  struct sbitmap_queue { struct sbitmap sb; unsigned int wake_batch; struct counted ws_active; unsigned int min_shallow_depth; };
  struct blk_mq_ops { int x; };
  struct elevator_type { const char *elevator_name; };
  struct elevator_queue { struct elevator_type *type; };
  enum req_op { REQ_OP_READ = 0, REQ_OP_WRITE = 1 };
  enum req_flag_bits { __REQ_SYNC = 11 };
  enum mq_rq_state { MQ_RQ_IDLE = 0, MQ_RQ_IN_FLIGHT = 1, MQ_RQ_COMPLETE = 2 };
  struct blk_mq_tag_set { unsigned int queue_depth; };
  struct char_device_struct { struct char_device_struct *next; unsigned int major, baseminor; int minorct; char name[64]; };
  struct blk_major_name { struct blk_major_name *next; int major; char name[16]; };
  struct tk_read { unsigned int shift; unsigned long xtime_nsec, base; };
  struct timekeeper { struct tk_read tkr_mono; long offs_real, offs_boot; unsigned long ntp_tick; };
  extern struct char_device_struct *chrdevs[255];
  extern struct blk_major_name *major_names[255];
]]

local LAYOUTS = {
  ["5.10"] = [[
    struct subsys_private { struct kset subsys; struct klist klist_devices; struct class *class; };
    struct class { const char *name; struct subsys_private *p; };
    struct hd_struct { unsigned long start_sect, nr_sects; struct disk_stats *dkstats; struct device __dev; int policy, partno;
      struct partition_meta_info *info; };
    struct disk_part_tbl { int len; struct hd_struct *part[2]; };
    struct gendisk { char disk_name[32]; struct disk_part_tbl *part_tbl; struct hd_struct part0; struct block_device_operations *fops;
      struct request_queue *queue; void *private_data; int flags; };
    struct block_device { unsigned int bd_dev; };
    struct blk_mq_tags { unsigned int nr_tags, nr_reserved_tags; struct sbitmap_queue *bitmap_tags, *breserved_tags;
      struct request **rqs, **static_rqs; };
    struct request { struct request_queue *q; struct blk_mq_hw_ctx *mq_hctx; unsigned int cmd_flags; int tag, internal_tag;
      unsigned int __data_len; unsigned long __sector; struct hd_struct *part; unsigned long start_time_ns, io_start_time_ns;
      unsigned int state, timeout; unsigned long deadline; };
    struct blk_mq_hw_ctx { struct blk_mq_tags *tags, *sched_tags; unsigned int queue_num; };
    struct request_queue { struct elevator_queue *elevator; struct blk_mq_ops *mq_ops; struct blk_mq_hw_ctx **queue_hw_ctx;
      unsigned int nr_hw_queues; unsigned long nr_requests; unsigned int rq_timeout; int mq_freeze_depth;
      struct blk_mq_tag_set *tag_set; };
    extern struct class block_class;
  ]],
  ["7.2"] = [[
    struct class { const char *name; };
    struct subsys_private { struct kset subsys; struct klist klist_devices; struct class *class; };
    struct block_device { unsigned long bd_start_sect, bd_nr_sectors; struct gendisk *bd_disk; struct disk_stats *bd_stats;
      struct counted __bd_flags; struct partition_meta_info *bd_meta_info; struct device bd_device; };
    struct gendisk { char disk_name[32]; struct xarray part_tbl; struct block_device *part0; struct block_device_operations *fops;
      struct request_queue *queue; void *private_data; int flags; unsigned long state; };
    struct blk_mq_tags { unsigned int nr_tags, nr_reserved_tags; struct sbitmap_queue bitmap_tags, breserved_tags;
      struct request **rqs, **static_rqs; };
    struct request { struct request_queue *q; struct blk_mq_hw_ctx *mq_hctx; unsigned int cmd_flags; int tag, internal_tag;
      unsigned int timeout, __data_len; unsigned long __sector; struct block_device *part; unsigned long start_time_ns, io_start_time_ns;
      unsigned int state; unsigned long deadline; };
    struct blk_mq_hw_ctx { struct blk_mq_tags *tags, *sched_tags; unsigned int queue_num; };
    struct request_queue { struct elevator_queue *elevator; struct blk_mq_ops *mq_ops; unsigned int nr_hw_queues;
      struct xarray hctx_table; unsigned long nr_requests; unsigned int rq_timeout; int mq_freeze_depth, quiesce_depth;
      struct blk_mq_tag_set *tag_set; };
    extern struct class block_class;
    extern struct kset *class_kset;
  ]],
}
M.layouts = {"5.10", "7.2"} -- the second one with 6.12's XArray of hardware queues

local S = memory.START
M.CLASS, M.KSET, M.SUBSYS, M.PER_CPU, M.NAMES, M.KEEPER = S, S + 0x20, S + 0x80, S + 0x120, S + 0x160, S + 0x200
M.DISK, M.PART0, M.PART1, M.TABLE, M.INFO = S + 0x280, S + 0x480, S + 0x580, S + 0x680, S + 0x6a0
M.PRIVATE0, M.PRIVATE1, M.STATS, M.QUEUE, M.HCTX, M.TAGS = S + 0x740, S + 0x7a0, S + 0x800, S + 0xa00, S + 0xa80, S + 0xb00
M.MAP, M.RQS, M.REQUEST, M.OTHER, M.SET, M.OPS, M.TIMES = S + 0xc00, S + 0xc80, S + 0xd00, S + 0xd80, S + 0xe00, S + 0xe20, S + 0xe40
M.RESERVED, M.SCHED, M.ELEVATOR, M.TABLES = S + 0xe80, S + 0xf00, S + 0xf80, S + 0x1000
M.NODES, M.MISC = {S + 0x1800, S + 0x1b00}, S + 0x1c00

local function ring(k, nodes)
  for i, at in ipairs(nodes) do
    local after = nodes[i % #nodes + 1]
    assert(k:write(at, ("<i8"):pack(after)))
    assert(k:write(after + 8, ("<i8"):pack(at)))
  end
end

local function at(k, t, base, path) return base + assert(k:type("struct " .. t):strip():field(path)).offset end

-- The list of the class: the partition's device before the disk's.
local function devices(k, set, own)
  local field = own.is_old and "__dev" or "bd_device"
  local part = own.is_old and "hd_struct" or "block_device"
  local list = at(k, "subsys_private", M.SUBSYS, "klist_devices")
  local knodes = {}
  for i, p in ipairs {{own.part0, M.PRIVATE0, 8 << 20, M.NAMES}, {M.PART1, M.PRIVATE1, 8 << 20 | 1, M.NAMES + 8}} do
    set(part, p[1], {[field .. ".devt"] = p[3], [field .. ".p"] = p[2], [field .. ".kobj.name"] = p[4]})
    set("device_private", p[2], {device = at(k, part, p[1], field), ["knode_class.n_klist"] = list})
    knodes[i] = at(k, "device_private", p[2], "knode_class.n_node")
  end
  ring(k, {at(k, "subsys_private", M.SUBSYS, "klist_devices.k_list"), knodes[2], knodes[1]})
  set("subsys_private", M.SUBSYS, {class = M.CLASS})
  if own.is_old then
    set("hd_struct", M.PART1, {["__dev.parent"] = at(k, part, own.part0, field)})
    return set("class", M.CLASS, {p = M.SUBSYS})
  end
  assert(k:write(M.MISC + 0x00, ("<i8"):pack(M.KSET)))
  ring(k, {at(k, "kset", M.KSET, "list"), at(k, "subsys_private", M.SUBSYS, "subsys.kobj.entry")})
end

local function old_disk(k, set)
  set("hd_struct", at(k, "gendisk", M.DISK, "part0"), {nr_sects = 2048, dkstats = M.STATS})
  set("hd_struct", M.PART1, {start_sect = 64, nr_sects = 1024, dkstats = M.STATS, partno = 1, policy = 1, info = M.INFO})
  set("gendisk", M.DISK, {part_tbl = M.TABLE})
  set("disk_part_tbl", M.TABLE, {len = 2, ["part[0]"] = at(k, "gendisk", M.DISK, "part0"), ["part[1]"] = M.PART1})
end

local function node_with(set, array, node, entries)
  set("xarray", array, {xa_head = node + 2})
  set("xa_node", node, {array = array})
  for i, entry in pairs(entries) do set("xa_node", node, {[("slots[%d]"):format(i)] = entry}) end
end

local function new_disk(k, set)
  set("block_device", M.PART0, {bd_nr_sectors = 2048, bd_disk = M.DISK, bd_stats = M.STATS})
  set("block_device", M.PART1, {bd_start_sect = 64, bd_nr_sectors = 1024, bd_disk = M.DISK, bd_stats = M.STATS, bd_meta_info = M.INFO,
    ["__bd_flags.counter"] = 0x101})
  set("gendisk", M.DISK, {part0 = M.PART0})
  node_with(set, at(k, "gendisk", M.DISK, "part_tbl"), M.NODES[1], {[0] = M.PART0, M.PART1})
end

-- One hardware queue of 8 tags, the first two reserved; tags 3 and 5 are in use, 3 by M.REQUEST, 5 by nobody any more.
local function queue(k, set, own)
  set("request_queue", M.QUEUE, {mq_ops = M.OPS, nr_hw_queues = 1, nr_requests = 8, rq_timeout = 7500, tag_set = M.SET})
  set("blk_mq_tag_set", M.SET, {queue_depth = 8})
  if own.is_old then
    assert(k:write(M.MISC + 0x10, ("<i8"):pack(M.HCTX)))
    set("request_queue", M.QUEUE, {queue_hw_ctx = M.MISC + 0x10})
    set("blk_mq_tags", M.TAGS, {bitmap_tags = M.SCHED, breserved_tags = M.RESERVED})
    own.bits, own.reserved = M.SCHED, M.RESERVED
  else
    set("xarray", at(k, "request_queue", M.QUEUE, "hctx_table"), {xa_head = M.HCTX})
    own.bits, own.reserved = at(k, "blk_mq_tags", M.TAGS, "bitmap_tags"), at(k, "blk_mq_tags", M.TAGS, "breserved_tags")
  end
  set("blk_mq_hw_ctx", M.HCTX, {tags = M.TAGS})
  set("blk_mq_tags", M.TAGS, {nr_tags = 8, nr_reserved_tags = 2, rqs = M.RQS, static_rqs = M.RQS + 0x40})
  set("sbitmap_queue", own.bits, {["sb.depth"] = 6, ["sb.shift"] = 3, ["sb.map_nr"] = 1, ["sb.map"] = M.MAP})
  set("sbitmap_queue", own.reserved, {["sb.depth"] = 2, ["sb.shift"] = 3, ["sb.map_nr"] = 1, ["sb.map"] = M.MAP + 0x10})
  set("sbitmap_word", M.MAP, {word = 1 << 1 | 1 << 3 | 1 << 4, cleared = 1 << 4})
  assert(k:write(M.RQS + 3 * 8, ("<i8"):pack(M.REQUEST)))
  set("request", M.REQUEST, {q = M.QUEUE, mq_hctx = M.HCTX, cmd_flags = 0x801, tag = 3, internal_tag = -1, __data_len = 4096, __sector = 72,
    part = M.PART1, start_time_ns = 1000000000, io_start_time_ns = 1500000000, state = 1, timeout = 7500, deadline = 1500 + 7500})
end

--- OPERATIONS: the symbol of the driver's functions.
-- An open handle, a function that sets members, and {part0=, bits=, reserved=, is_old=}; memory.forget behind the test.
function M.open(layout, more, operations)
  local k = memory.open(COMMON .. LAYOUTS[layout] .. (more or ""))
  local function set(t, addr, members) memory.set(k, "struct " .. t, addr, members) end
  local own = {is_old = layout == "5.10"}
  own.part0 = own.is_old and at(k, "gendisk", M.DISK, "part0") or M.PART0
  local symbols = memory.one_cpu(k, M.PER_CPU, 0x100)
  symbols.block_class, symbols.class_kset, symbols.shadow_timekeeper = M.CLASS, M.MISC + 0x00, M.KEEPER
  symbols.jiffies_64, symbols[operations or "virtblk_fops"], symbols.chrdevs, symbols.major_names = M.TIMES, M.OPS, M.TABLES, M.TABLES
  memory.symbols(symbols)
  assert(k:write(M.NAMES, "sda\0\0\0\0\0sda1\0"))
  assert(k:write(M.DISK, "sda\0"))
  assert(k:write(M.INFO, "0badcafe-01\0"))
  assert(k:write(M.INFO + 37, "data\0"))
  set("gendisk", M.DISK, {fops = M.OPS, queue = M.QUEUE, flags = 1});
  (own.is_old and old_disk or new_disk)(k, set)
  devices(k, set, own)
  -- The copy of CPU 0, which is the only one.
  for i, values in ipairs {{5000000, 7000000, 0, 1000000}, {80, 16, 0, 0}, {10, 2, 0, 1}, {3, 0, 0, 0}} do
    assert(k:write(M.STATS + 0x100 + 32 * (i - 1), ("<i8i8i8i8"):pack(table.unpack(values))))
  end
  set("disk_stats", M.STATS + 0x100, {io_ticks = 4, ["in_flight[1].a.counter"] = 1})
  queue(k, set, own)
  set("timekeeper", M.KEEPER, {["tkr_mono.base"] = 2000000000, ntp_tick = 4000000 << 32})
  assert(k:write(M.TIMES, ("<i8"):pack(1625)))
  return k, set, own
end

return M
