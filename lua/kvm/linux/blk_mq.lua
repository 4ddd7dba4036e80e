-- SPDX-License-Identifier: BSD-2-Clause
-- linux/blk-mq.h: the queues of a disk, and the requests in them, as the tags tell that are in use (block/blk-mq-tag.c): a request that
-- the driver was given has a tag of the hardware queue, one that waits in a scheduler has one of the scheduler's. Checked against Linux
-- 5.10, 6.1, 6.12 and 7.2. Leaves out bios that have no request yet (throttled, in a task's plug), and devices that take bios alone.
local kvm_error = require "kvm.error"
local jiffies = require "kvm.linux.jiffies"
local object = require "kvm.object"
local sbitmap = require "kvm.linux.sbitmap"
local timekeeping = require "kvm.linux.timekeeping"
local types = require "kvm.type"
local xarray = require "kvm.linux.xarray"

local M = {}

local MOST_QUEUES <const>, MOST_TAGS <const> = 1 << 16, 1 << 20 -- BLK_MQ_MAX_DEPTH is 10240
local OP_MASK <const> = 0xff -- REQ_OP_MASK, include/linux/blk_types.h

local function has(o, member) return object.typeof(o):strip():field(member) ~= nil end

--- Whether a queue takes requests (blk-mq), not only bios.
-- @param queue `struct request_queue`
-- @treturn boolean
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.blk_mq.is_mq(disk.queue) ~= nil) end
function M.is_mq(queue)
  return queue.mq_ops ~= nil
end

local function from_array(queue, count)
  local array, i = queue.queue_hw_ctx, -1
  return function()
    while array and i + 1 < count do
      i = i + 1
      local hctx = array[i]
      if hctx then return i, hctx end
    end
  end
end

--- The hardware queues.
-- @param queue `struct request_queue`
-- @treturn function an iterator of number and `struct blk_mq_hw_ctx`; none for a queue that takes only bios
-- @raise kvm.Error `format` where there are too many; `fault`, `excluded`
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- for i, hctx in kvm.linux.blk_mq.for_each_hw_queue(disk.queue) do assert(hctx.queue_num == i) end end
function M.for_each_hw_queue(queue)
  local count = queue.nr_hw_queues
  if count > MOST_QUEUES then kvm_error.fail("format", "the queue at 0x%x has %d hardware queues", object.addr(queue), count) end
  -- An XArray in 6.1 and 6.12 (4e5cc99e1e48), an array in 5.10 and again in 7.2.
  if has(queue, "hctx_table") then return xarray.for_each_entry("struct blk_mq_hw_ctx", queue.hctx_table, 0, math.max(count - 1, 0)) end
  return from_array(queue, count)
end

-- --- tags

local function at(array, i, what)
  local request = array and array[i]
  return request and request.q == what.queue and request[what.member] == what.tag and request or nil
end

-- The request of a tag in use: the one that the driver was given under it; before that the one that was made for it.
local function request_of(tags, bit, member, queue)
  local what = {queue = queue, member = member, tag = bit}
  return member == "tag" and at(tags.rqs, bit, what) or at(tags.static_rqs, bit, what)
end

local function each_tag(tags, member, queue, emit)
  local count, reserved = tags.nr_tags, tags.nr_reserved_tags
  if count > MOST_TAGS or reserved > count then
    kvm_error.fail("format", "the tags at 0x%x are %d, %d of them reserved", object.addr(tags), count, reserved)
  end
  for _, part in ipairs {{"breserved_tags", 0}, {"bitmap_tags", reserved}} do
    local bits = tags[part[1]] -- a pointer in 5.10
    if bits then
      for bit in sbitmap.for_each_set(bits) do
        local tag = bit + part[2]
        local request = tag < count and request_of(tags, tag, member, queue)
        if request then emit(request) end
      end
    end
  end
end

--- The requests of a queue: those with a driver, those that are about to be given to it, those that wait in a scheduler.
-- @param queue `struct request_queue`
-- @treturn function an iterator of `struct request` and of its `struct blk_mq_hw_ctx`, each request once
-- @raise kvm.Error `format` for tags that can't be; `fault`, `excluded`
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- for request in kvm.linux.blk_mq.for_each_request(disk.queue) do assert(request.q == disk.queue) end end
function M.for_each_request(queue)
  return coroutine.wrap(function()
    local seen = {}
    for _, hctx in M.for_each_hw_queue(queue) do
      local function emit(request)
        local addr = object.addr(request)
        if seen[addr] or request.mq_hctx ~= hctx then return end -- queues may share their tags
        seen[addr] = true
        coroutine.yield(request, hctx)
      end
      if hctx.tags then each_tag(hctx.tags, "tag", queue, emit) end
      if hctx.sched_tags then each_tag(hctx.sched_tags, "internal_tag", queue, emit) end
    end
  end)
end

-- --- requests

local names = setmetatable({}, {__mode = "k"}) -- by the table of an enum: the other way round, without a prefix

-- The name of an enum's value without its prefix, in small letters.
local function name_of(k, enum, prefix, value)
  local values = types.enumerators(k, enum)
  if not values then return nil end
  if not names[values] then
    local own = {}
    for name, v in pairs(values) do
      if name:sub(1, #prefix) == prefix then own[v] = name:sub(#prefix + 1):lower() end
    end
    names[values] = own
  end
  return names[values][value]
end

--- What a request does.
-- @param request `struct request`
-- @treturn string "read", "write", "flush", "discard", "drv_in": REQ_OP_ without that, in small letters; a number that has no name
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- for request in kvm.linux.blk_mq.for_each_request(disk.queue) do assert(kvm.linux.blk_mq.op(request)) end end
function M.op(request)
  local k, op = object.handle(request), request.cmd_flags & OP_MASK
  return name_of(k, "enum req_op", "REQ_OP_", op) or name_of(k, "enum req_opf", "REQ_OP_", op) or tostring(op) -- req_opf in 5.10
end

--- How a request is to be done.
-- @param request `struct request`
-- @treturn {string,...} "sync", "meta", "fua", ...: __REQ_ without that, in small letters
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- for request in kvm.linux.blk_mq.for_each_request(disk.queue) do assert(#kvm.linux.blk_mq.flags(request) >= 0) end end
function M.flags(request)
  local k, out = object.handle(request), {}
  for bit = 8, 31 do
    if request.cmd_flags >> bit & 1 == 1 then out[#out + 1] = name_of(k, "enum req_flag_bits", "__REQ_", bit) or tostring(bit) end
  end
  return out
end

--- How far a request is.
-- @param request `struct request`
-- @treturn string "idle" (it was not given to the driver), "in_flight", "complete"; nil for another number
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- for request in kvm.linux.blk_mq.for_each_request(disk.queue) do assert(kvm.linux.blk_mq.state(request)) end end
function M.state(request)
  return name_of(object.handle(request), "enum mq_rq_state", "MQ_RQ_", request.state)
end

--- How old a request is, as the clocks stood at the last tick.
-- @param request `struct request`
-- @treturn integer ns since it was made; nil where the queue keeps no times
-- @treturn integer ns since the driver was given it; nil for one that it was not given
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- for request in kvm.linux.blk_mq.for_each_request(disk.queue) do assert((kvm.linux.blk_mq.age(request) or 0) >= 0) end end
function M.age(request)
  local k = object.handle(request)
  local now = timekeeping.clocks(k).monotonic_ns
  local function since(start) return start ~= 0 and math.max(now - start, 0) or nil end
  local made, given = since(request.start_time_ns), since(request.io_start_time_ns)
  if not given and M.state(request) == "in_flight" and request.timeout > 0 then -- blk_add_timer: jiffies, kept of every request
    given = math.max(jiffies.now(k) - (request.deadline - request.timeout), 0) * jiffies.tick_ns(k)
  end
  return made, given
end

--- The part of a disk that a request is for.
-- @param request `struct request`
-- @return `struct block_device` (`struct hd_struct` until 5.10); nil for one of no part
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do
-- for request in kvm.linux.blk_mq.for_each_request(disk.queue) do
-- local part = kvm.linux.blk_mq.part(request) assert(not part or kvm.linux.blkdev.disk(part) == disk) end end
function M.part(request)
  return request.part
end

-- --- queues

--- The name of a queue's scheduler.
-- @param queue `struct request_queue`
-- @treturn string "none", "mq-deadline", ...
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(#kvm.linux.blk_mq.scheduler(disk.queue) > 0) end
function M.scheduler(queue)
  local own = queue.elevator
  return own and object.string(own.type.elevator_name) or "none"
end

--- What a queue is set to, and how full it is.
-- @param queue `struct request_queue`
-- @treturn table scheduler, nr_requests, hw_queues, depth (tags of each hardware queue; nil where it takes bios), busy (requests that have
--  a tag of the driver), frozen and quiesced (how often: new requests wait, none goes to the driver; quiesced is nil in 5.10),
--  timeout_ns
-- @raise kvm.Error
-- @usage for disk in kvm.linux.blkdev.for_each_disk(k) do assert(kvm.linux.blk_mq.queue(disk.queue).nr_requests >= 0) end
function M.queue(queue)
  local k, set = object.handle(queue), queue.tag_set
  local out = {scheduler = M.scheduler(queue), nr_requests = queue.nr_requests, hw_queues = queue.nr_hw_queues,
    depth = set and set.queue_depth, frozen = queue.mq_freeze_depth, timeout_ns = queue.rq_timeout * jiffies.tick_ns(k), busy = 0}
  if types.of(k, "struct request_queue"):strip():field "quiesce_depth" then out.quiesced = queue.quiesce_depth end
  for request in M.for_each_request(queue) do
    if request.tag >= 0 then out.busy = out.busy + 1 end
  end
  return out
end

return M
