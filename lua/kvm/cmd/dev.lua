-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm dev: disks and partitions, what was done with them, their queues with the requests in them, SCSI hosts, and which numbers the
-- drivers of devices have taken.
local blk_mq = require "kvm.linux.blk_mq"
local blkdev = require "kvm.linux.blkdev"
local device = require "kvm.linux.device"
local dm = require "kvm.linux.dm"
local loop = require "kvm.linux.loop"
local md = require "kvm.linux.md"
local nvme = require "kvm.linux.nvme"
local object = require "kvm.object"
local scsi = require "kvm.linux.scsi"
local walk = require "kvm.cmd.walk"
local words = require "kvm.cmd.words"

local TARGET <const> = {
  {name = "type", kind = "string"}, {name = "start", kind = "integer"}, {name = "sectors", kind = "integer"},
  {name = "to", kind = "string"}, {name = "to_sector", kind = "integer"}, {name = "addr", kind = "hex"},
}
local MEMBER <const> = {
  {name = "name", kind = "string"}, {name = "slot", kind = "integer"}, {name = "flags", kind = "strings"},
  {name = "data_sector", kind = "integer"}, {name = "addr", kind = "hex"},
}
-- What kvm.linux.loop, nvme, dm, md and scsi tell.
local DEVICE <const> = {
  {name = "state", kind = "string"}, {name = "addr", kind = "hex"}, {name = "file", kind = "string"}, {name = "offset", kind = "integer"},
  {name = "limit", kind = "integer"}, {name = "flags", kind = "strings"}, {name = "namespace", kind = "integer"},
  {name = "block_bytes", kind = "integer"}, {name = "model", kind = "string"}, {name = "serial", kind = "string"},
  {name = "firmware", kind = "string"}, {name = "nqn", kind = "string"}, {name = "controller", kind = "string"},
  {name = "mapped_name", kind = "string"}, {name = "uuid", kind = "string"}, {name = "open_count", kind = "integer"},
  {name = "targets", kind = "records", columns = TARGET}, {name = "members", kind = "records", columns = MEMBER},
  {name = "level", kind = "string"}, {name = "raid_disks", kind = "integer"}, {name = "degraded", kind = "integer"},
  {name = "chunk_bytes", kind = "integer"}, {name = "name", kind = "string"}, {name = "type", kind = "integer"},
  {name = "vendor", kind = "string"}, {name = "queue_depth", kind = "integer"}, {name = "busy", kind = "integer"},
  {name = "requested", kind = "integer"}, {name = "done", kind = "integer"}, {name = "errors", kind = "integer"},
  {name = "driver", kind = "string"}, {name = "can_queue", kind = "integer"}, {name = "hw_queues", kind = "integer"},
  {name = "failed", kind = "integer"},
}

local M = {
  name = "dev",
  summary = "disks, their queues and requests; SCSI hosts; device numbers",
  operands = {{key = "names", name = "DISK", many = true, optional = true}},
  options = {
    {flags = "-d --diskstats", help = "what was done with each, as /proc/diskstats has it"},
    {flags = "-q --queues", help = "the queues, with their requests and how old these are"},
    {flags = "-s --scsi", help = "SCSI hosts and the devices behind them"},
    {flags = "-c --majors", help = "device numbers that drivers have taken, as /proc/devices has them"},
  },
  columns = {
    {name = "kind", kind = "string", title = "KIND", width = 9, left = true},
    {name = "name", kind = "string", title = "NAME", width = 12, left = true},
    {name = "dev", kind = "string", title = "DEV", width = 8, left = true},
    {name = "addr", kind = "hex", title = "ADDRESS", width = 18, left = true},
    {name = "size_bytes", kind = "size"},
    {name = "start_bytes", kind = "integer"},
    {name = "read_only", kind = "boolean"},
    {name = "removable", kind = "boolean"},
    {name = "operations", kind = "string"},
    {name = "queue", kind = "hex"},
    {name = "uuid", kind = "string"},
    {name = "label", kind = "string"},
    {name = "device", kind = "record", columns = DEVICE},
    {name = "stats", kind = "counts"},
    {name = "scheduler", kind = "string"},
    {name = "hw_queues", kind = "integer"},
    {name = "nr_requests", kind = "integer"},
    {name = "depth", kind = "integer"},
    {name = "busy", kind = "integer"},
    {name = "frozen", kind = "integer"},
    {name = "quiesced", kind = "integer"},
    {name = "timeout_ns", kind = "integer"},
    {name = "part", kind = "string"},
    {name = "hw_queue", kind = "integer"},
    {name = "tag", kind = "integer"},
    {name = "scheduler_tag", kind = "integer"},
    {name = "op", kind = "string"},
    {name = "flags", kind = "strings"},
    {name = "state", kind = "string"},
    {name = "sector", kind = "integer"},
    {name = "bytes", kind = "integer"},
    {name = "age_ns", kind = "integer"},
    {name = "issued_ns", kind = "integer"},
    {name = "major", kind = "integer"},
    {name = "minor", kind = "integer"},
    {name = "minors", kind = "integer"},
    {name = "partial", kind = "strings"},
    {name = "what", kind = "string", title = "WHAT", left = true, width = 0, json = false},
  },
  no_match = "there is none",
}

-- --- disks

local PARTS <const> = {
  {"name", blkdev.name},
  {"dev", function(part) return ("%d:%d"):format(blkdev.numbers(part)) end},
  {"read_only", blkdev.is_read_only},
}

local function sizes(rec, part)
  local sectors, start = walk.field(rec, "size_bytes", blkdev.sectors, part)
  rec.size_bytes, rec.start_bytes = sectors and sectors * blkdev.SECTOR, start and start * blkdev.SECTOR
end

local KINDS <const> = {
  {loop.is_loop, loop.device}, {nvme.is_nvme, nvme.device}, {scsi.is_scsi, scsi.device},
  {dm.is_mapped, dm.device}, {md.is_array, md.device},
}

-- What the driver knows, where it is one of those that are known.
local function own_device(rec, disk)
  for _, kind in ipairs(KINDS) do
    if walk.field(rec, "operations", kind[1], disk) then return walk.field(rec, "device", kind[2], disk) end
  end
end

local function names_of(list, key)
  local out = {}
  for i, entry in ipairs(list) do out[i] = entry[key] end
  return table.concat(out, " ")
end

-- What a disk is made of, in words.
local function made_of(own)
  if own.targets then
    return ("%s (%s) on %s"):format(own.mapped_name or "?", names_of(own.targets, "type"), names_of(own.members, "name"))
  end
  if own.members then
    return ("%s %s, %d of %d disks: %s"):format(own.level or "no level", own.state or "?", own.raid_disks - own.degraded, own.raid_disks,
      names_of(own.members, "name"))
  end
  return own.file or own.model
end

local function describe(rec)
  local own = made_of(rec.device or {})
  return ("%s%s%s%s"):format(rec.size_bytes and require "kvm.format".size(rec.size_bytes) or "?", rec.read_only and " read only" or "",
    rec.label and rec.label ~= "" and " " .. rec.label or "", own and " " .. own or "")
end

local function whole(disk, part)
  local rec = {kind = "disk", addr = object.addr(disk)}
  walk.fields(rec, PARTS, part)
  sizes(rec, part)
  rec.removable = walk.field(rec, "removable", blkdev.is_removable, disk)
  rec.operations = walk.field(rec, "operations", blkdev.operations, disk)
  rec.queue = walk.field(rec, "queue", function() return object.addr(disk.queue) end)
  rec.device = own_device(rec, disk)
  rec.what = describe(rec)
  return rec
end

local function partition(part)
  local rec = {kind = "partition", addr = object.addr(part)}
  walk.fields(rec, PARTS, part)
  sizes(rec, part)
  rec.uuid, rec.label = walk.field(rec, "uuid", blkdev.label, part)
  rec.what = describe(rec)
  return rec
end

local function disks(disk, emit)
  for part in blkdev.for_each_part(disk) do
    emit(blkdev.partno(part) == 0 and whole(disk, part) or partition(part))
  end
end

-- --- what was done with them

local ORDER <const> = {"read", "write", "discard", "flush"}

local function in_flight(disk, part)
  if not blk_mq.is_mq(disk.queue) then return nil end
  local n, is_whole = 0, blkdev.partno(part) == 0
  for request in blk_mq.for_each_request(disk.queue) do
    if blk_mq.state(request) == "in_flight" and (is_whole or request.part == part) then n = n + 1 end
  end
  return n
end

local function statistics(disk, emit)
  for part in blkdev.for_each_part(disk) do
    local rec = {kind = "stats", addr = object.addr(part)}
    walk.fields(rec, PARTS, part)
    local stats = walk.field(rec, "stats", blkdev.stats, part)
    rec.stats = stats
    if stats then
      stats.in_flight = walk.field(rec, "in_flight", in_flight, disk, part) or stats.in_flight
      local out = {}
      for i, way in ipairs(ORDER) do out[i] = ("%s %d"):format(way, stats[way .. "_ios"]) end
      rec.what = ("%s in flight %d, busy %d ms"):format(table.concat(out, " "), stats.in_flight, stats.io_ns // 1000000)
    end
    emit(rec)
  end
end

-- --- queues

local REQUEST <const> = {
  {"op", blk_mq.op}, {"flags", blk_mq.flags}, {"state", blk_mq.state},
  {"sector", function(request) return request.__sector end},
  {"bytes", function(request) return request.__data_len end},
  {"tag", function(request) return request.tag >= 0 and request.tag or nil end},
  {"scheduler_tag", function(request) return request.internal_tag >= 0 and request.internal_tag or nil end},
  {"part", function(request) local part = blk_mq.part(request) return part and blkdev.name(part) end},
}

local function milliseconds(ns) return ns and ("%.3f ms"):format(ns / 1e6) or "?" end

local function request_record(request, hctx, name)
  local rec = {kind = "request", name = name, addr = object.addr(request)}
  walk.fields(rec, REQUEST, request)
  rec.hw_queue = walk.field(rec, "hw_queue", function() return hctx.queue_num end)
  rec.age_ns, rec.issued_ns = walk.field(rec, "age_ns", blk_mq.age, request)
  rec.what = ("%s sector %s, %s bytes, %s, %s old"):format(rec.op or "?", rec.sector or "?", rec.bytes or "?", rec.state or "?",
    milliseconds(rec.age_ns or rec.issued_ns))
  return rec
end

local function queues(disk, emit)
  local queue = disk.queue
  local rec = {kind = "queue", name = disk.disk_name, addr = object.addr(queue)}
  for key, value in pairs(walk.field(rec, "scheduler", blk_mq.queue, queue) or {}) do rec[key] = value end
  rec.what = ("scheduler %s, %s hardware queues of %s, %s busy"):format(rec.scheduler or "?", rec.hw_queues or "?", rec.depth or "?",
    rec.busy or "?")
  emit(rec)
  for request, hctx in blk_mq.for_each_request(queue) do emit(request_record(request, hctx, disk.disk_name)) end
end

-- --- SCSI

local function scsi_device(dev)
  local rec = {kind = "scsi", addr = object.addr(dev)}
  local own = walk.field(rec, "device", scsi.describe, dev)
  rec.device, rec.name = own, own and own.name or nil
  rec.what = own and ("%s %s, %s, %d of %d commands, %d errors"):format(own.vendor or "?", own.model or "?", own.state or "?", own.busy,
    own.queue_depth, own.errors) or ""
  return rec
end

local function scsi_host(host)
  local rec = {kind = "host", addr = object.addr(host)}
  local own = walk.field(rec, "device", scsi.host, host)
  rec.device, rec.name = own, own and own.name or nil
  rec.what = own and ("%s, %s, %d commands at once, %d failed"):format(own.driver or "?", own.state or "?", own.can_queue, own.failed) or ""
  return rec
end

local function scsi_hosts(k, emit)
  walk.part(emit, function()
    for host in scsi.for_each_host(k) do
      emit(scsi_host(host))
      walk.part(emit, function()
        for dev in scsi.for_each_device(host) do emit(scsi_device(dev)) end
      end)
    end
  end)
end

-- --- device numbers

local function majors(k, emit)
  for _, kind in ipairs {"char", "block"} do
    walk.part(emit, function()
      for _, m in ipairs(device.majors(k, kind)) do
        emit {kind = kind, name = m.name, major = m.major, minor = m.minor, minors = m.minors, addr = m.addr, dev = tostring(m.major),
          what = m.minors and ("minors %d to %d"):format(m.minor, m.minor + m.minors - 1) or ""}
      end
    end)
  end
end

local function filter(names)
  if not names or not names[1] then return function() return true end end
  local patterns = {}
  for i, name in ipairs(names) do patterns[i] = words.glob(name) end
  return function(name)
    for _, pattern in ipairs(patterns) do
      if name:find(pattern) then return true end
    end
    return false
  end
end

--- Devices.
-- @param k an open handle
-- @tparam[opt] table opts names ({string,...}: only these disks; * stands for any text), diskstats, queues, scsi, majors; without these
--  four disks and their partitions
-- @treturn function an iterator of records, by kind: "disk" and "partition" (name, dev ("MAJOR:MINOR"), size_bytes, start_bytes, read_only,
--  removable, operations (symbol of the driver's functions), queue, uuid and label (of the partition table), device: what kvm.linux.loop,
--  nvme, scsi, dm or md tells of it), "stats" (name, dev, stats: as kvm.linux.blkdev.stats has them), "queue" (name (of the disk) and what
--  kvm.linux.blk_mq.queue has), "request" (name, part, hw_queue, tag and scheduler_tag (nil for one that has none), op, flags, state,
--  sector (of 512 bytes), bytes, age_ns (since it was made) and issued_ns (since the driver was given it)), "host" and "scsi" (name,
--  device: what kvm.linux.scsi.host and describe tell), "char" and "block" (name,
--  major, and of "char" minor and minors); all: addr (of the kernel's structure), partial (keys that could not be read); what is damaged
--  as kvm.cmd.walk tells it
-- @raise kvm.Error `notfound`: this kernel has no disks (CONFIG_BLOCK)
-- @usage for r in require "kvm.cmd.dev".run(k) do assert(r.stopped or r.name) end
function M.run(k, opts)
  opts = opts or {}
  local wanted = filter(opts.names)
  return walk.records(function(emit)
    if opts.majors then majors(k, emit) end
    if opts.scsi then scsi_hosts(k, emit) end
    local ways = {}
    if opts.diskstats then ways[#ways + 1] = statistics end
    if opts.queues then ways[#ways + 1] = queues end
    if not ways[1] and not opts.majors and not opts.scsi then ways[1] = disks end
    if not ways[1] then return end
    for disk in blkdev.for_each_disk(k) do
      for _, way in ipairs(ways) do
        walk.part(emit, function()
          if wanted(disk.disk_name) then way(disk, emit) end
        end)
      end
    end
  end)
end

return M
