-- SPDX-License-Identifier: BSD-2-Clause
-- Requests of disks that are old, and tasks that wait for I/O which no disk has. A request's age is that since the driver was given it, or
-- since it was made where it still waits. Checked against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out bios that have no request yet.
local attempt = require "kvm.linux.check.attempt"
local blk_mq = require "kvm.linux.blk_mq"
local blkdev = require "kvm.linux.blkdev"
local kvm_error = require "kvm.error"
local nvme = require "kvm.linux.nvme"
local object = require "kvm.object"
local rq = require "kvm.linux.rq"
local scsi = require "kvm.linux.scsi"

local M = {name = "io", title = "requests of disks that take too long"}

local S <const> = 1000000000
-- No disk that works needs seconds: a driver gives up after 30 s (SCSI's and NVMe's timeout), and tries again or fails the request.
local WARNING_NS <const>, ERROR_NS <const> = 10 * S, 30 * S
local NO_SECTOR <const> = -1 -- a request of a driver for itself
local MOST_REQUESTS <const>, MOST_LINES <const> = 20000, 10 -- of a disk that are aged; that are told

local function seconds(ns) return ("%.1f s"):format(ns / S) end

-- "write of 4096 bytes at sector 72 of sda1, with the driver for 35.0 s: struct request 0x..."
local function request_text(r)
  local request, part = r.request, blk_mq.part(r.request)
  local sector = request.__sector
  local place = sector ~= NO_SECTOR and (" at sector %d"):format(sector) or ""
  return ("%s of %d bytes%s%s, %s %s: struct request 0x%x"):format(blk_mq.op(request), request.__data_len, place,
    part and " of " .. blkdev.name(part) or "", r.given and "with the driver for" or "not yet given to the driver for", seconds(r.age),
    object.addr(request))
end

-- The requests of a disk with their ages, the oldest first; how many there are.
local function aged(queue)
  local out, count = {}, 0
  for request in blk_mq.for_each_request(queue) do
    count = count + 1
    local made, given
    if count <= MOST_REQUESTS then made, given = blk_mq.age(request) end
    local age = given or made
    if age and age >= WARNING_NS and blk_mq.state(request) ~= "complete" then
      out[#out + 1] = {request = request, age = age, given = given ~= nil}
    end
  end
  table.sort(out, function(a, b) return a.age > b.age end)
  return out, count
end

-- What the driver says of the device: "NVMe controller nvme0 is in state resetting".
local function device_text(disk)
  local own = kvm_error.try(function()
    if nvme.is_nvme(disk) then
      local d = nvme.device(disk)
      return d.state and ("NVMe controller %s is in state %s"):format(d.controller or "?", d.state)
    end
    local d = scsi.is_scsi(disk) and scsi.device(disk)
    return d and d.state and ("SCSI device is in state %s"):format(d.state)
  end)
  return own or nil
end

local function queue_text(disk)
  local queue = disk.queue
  return ("its queue: scheduler %s, %d requests have a tag of the driver, frozen %d times"):format(blk_mq.scheduler(queue),
    blk_mq.queue(queue).busy, queue.mq_freeze_depth)
end

local function check_disk(report, disk)
  if not disk.queue or not blk_mq.is_mq(disk.queue) then return false end
  local old, count = aged(disk.queue)
  if #old == 0 then return false end
  local first, lines = old[1], {}
  for i = 1, math.min(#old, MOST_LINES) do lines[i] = request_text(old[i]) end
  lines[#lines + 1] = device_text(disk)
  lines[#lines + 1] = queue_text(disk)
  report {severity = first.age >= ERROR_NS and "error" or "warning", confidence = "certain", evidence = lines,
    title = ("disk %s has %d requests under way, %d for more than %s, the oldest (%s) for %s"):format(disk.disk_name, count, #old,
      seconds(WARNING_NS), blk_mq.op(first.request), seconds(first.age))}
  return true
end

-- Tasks that sleep in io_schedule() and for how long (task_struct.in_iowait), the longest first.
local function waiters(context)
  local k, out = context.k, {}
  local now
  for _, t in ipairs(context:tasks()) do
    if t.state == "D" and t.task.in_iowait ~= 0 then
      now = now or rq.clock(k)
      local ns = rq.asleep(t.task, now)
      if ns and ns >= ERROR_NS then out[#out + 1] = {t = t, ns = ns} end
    end
  end
  table.sort(out, function(a, b) return a.ns > b.ns end)
  return out
end

local function check_waiters(context, report, is_known)
  local waiting = waiters(context)
  if #waiting == 0 then return end
  local pids, lines = {}, {}
  for i, w in ipairs(waiting) do
    pids[i] = w.t.pid
    if i <= MOST_LINES then lines[i] = ("pid %d (%s) has waited for I/O for %s"):format(w.t.pid, w.t.comm, seconds(w.ns)) end
  end
  lines[#lines + 1] = is_known and "a disk has old requests" or "no disk has a request older than " .. seconds(WARNING_NS)
  report {severity = "warning", confidence = "certain", pids = pids, evidence = lines,
    title = ("%d tasks have waited for I/O for more than %s%s, pid %d (%s) the longest"):format(#waiting, seconds(ERROR_NS),
      is_known and "" or " that no disk has", waiting[1].t.pid, waiting[1].t.comm)}
end

--- Ages requests and tasks that wait for them.
-- @param context of the checks
-- @tparam function report takes findings
-- @raise kvm.Error what was damaged, behind what was found; a kernel without disks has nothing to tell
function M.run(context, report)
  local is_known, attempts = false, attempt.new()
  attempts:call(function()
    for disk in blkdev.for_each_disk(context.k) do is_known = attempts:call(check_disk, report, disk) or is_known end
  end)
  attempts:call(check_waiters, context, report, is_known)
  attempts:finish()
end

return M
