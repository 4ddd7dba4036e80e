-- SPDX-License-Identifier: BSD-2-Clause
-- The messages of the log that tell the most, by a score: what a message is known to mean, its level, how near to the end it is. They are
-- no findings of their own: a look at the log before it is read.
local M = {name = "log_score", title = "the messages that matter most"}

local S <const> = 1000000000
local TOP <const>, MOST <const> = 10, 10000 -- messages that are told; those at the end that are looked at
local RECENT_NS <const> = 60 * S -- a message that is a minute older than the last counts half, one of two minutes a third, ...
local BY_LEVEL <const> = {[0] = 40, 30, 25, 12, 4, 0, 0, 0} -- emergency, alert, critical, error, warning
local LEAST <const> = 10

-- Patterns and their weights; the first one that a message has counts. What the kernel says is in kernel/panic.c, lib/bug.c,
-- kernel/watchdog.c, kernel/hung_task.c, mm/oom_kill.c, arch/x86/mm/fault.c, block/blk-core.c, and the drivers named.
local PATTERNS <const> = {
  {"Kernel panic %- not syncing", 100}, {"sysrq: Trigger a crash", 60}, {"^BUG: KASAN", 95}, {"BUG: unable to handle", 95},
  {"kernel BUG at", 95}, {"^Oops", 90}, {"general protection fault", 90}, {"double fault", 90}, {"stack segment", 85},
  {"[Ss]tack guard page was hit", 90},
  {"soft lockup", 85}, {"[Hh]ard LOCKUP", 90}, {"hard lockup", 90}, {"rcu.* detected stalls", 80}, {"rcu.*self%-detected stall", 80},
  {"mce: %[Hardware Error%]", 80}, {"Machine check", 80}, {"Uncorrected .*error", 80}, {"Hardware Error", 75},
  {"list_%a+ corruption", 85}, {"Bad page state", 85}, {"Bad page map", 80}, {"BUG: scheduling while atomic", 70},
  {"refcount_t: ", 75}, {"UBSAN: ", 55}, {"^BUG ", 80}, {"BUG: ", 75}, {"Corrupted low memory", 80},
  {"possible circular locking", 65}, {"possible recursive locking", 65}, {"inconsistent lock state", 60},
  {"blocked for more than", 70}, {"Out of memory", 70}, {"invoked oom%-killer", 65}, {"[Mm]emory cgroup out of memory", 55},
  {"page allocation failure", 50}, {"page allocation stalls", 50}, {"workqueue lockup", 70},
  {"nobody cared", 65}, {"Disabling IRQ", 65}, {"NETDEV WATCHDOG", 60}, {"transmit queue %d+ timed out", 60},
  {"nvme.* timeout", 60}, {"nvme.*controller is down", 70}, {"nvme.*[Rr]emoving after probe failure", 70},
  {"EXT4%-fs error", 65}, {"XFS .*[Cc]orruption", 70}, {"XFS .*[Ss]hutting down", 70}, {"BTRFS.*error", 60}, {"BTRFS critical", 70},
  {"JBD2: .*error", 60}, {"Remounting filesystem read%-only", 70}, {"Aborting journal", 70},
  {"critical medium error", 60}, {"critical target error", 55}, {"I/O error", 50}, {"lost async page write", 50}, {"rejecting I/O", 55},
  {"not responding", 45}, {"Server .* has not responded", 45},
  {"WARNING: ", 55}, {"Call Trace:", 15}, {"segfault at", 20}, {"trap invalid opcode", 25}, {"Link is Down", 25}, {"[Ll]ink down", 20},
  {"clocksource.*unstable", 40}, {"TSC.*unstable", 30}, {"temperature above threshold", 40}, {"interrupt took", 15},
  {"loading out%-of%-tree module", 10}, {"module verification failed", 10}, {"possible SYN flooding", 30},
  {"table overflow", 40}, {"table full, dropping", 40},
}

-- What goes with a message of those, at whatever level.
local QUIET <const> = {"^%s", "^%-%-%-%[ end ", "^Kernel Offset", "^#PF: ", "hung_task_timeout_secs", "^Rebooting in"}

local function is_quiet(text)
  for _, pattern in ipairs(QUIET) do
    if text:find(pattern) then return true end
  end
  return false
end

local function weight_of(text)
  for _, row in ipairs(PATTERNS) do
    if text:find(row[1]) then return row[2] end
  end
  return 0
end

local function score_of(record, last_ns)
  local weight = weight_of(record.text) + (BY_LEVEL[record.level or 7] or 0)
  if weight == 0 or is_quiet(record.text) then return 0 end
  local age = math.max(last_ns - record.time_ns, 0)
  return weight * RECENT_NS / (RECENT_NS + age)
end

-- Messages that differ in their numbers alone are one: what is the same of them.
local function key_of(text) return (text:gsub("0x%x+", "#"):gsub("%x%x%x%x%x%x%x+", "#"):gsub("%d+", "#")) end

-- The messages with their scores, each kind once, with how often it came; the best first.
local function scored(records)
  local last_ns = records[#records] and records[#records].time_ns or 0
  local out, by_key = {}, {}
  for i = math.max(#records - MOST + 1, 1), #records do
    local record = records[i]
    local line = record.text and record.text:match "^[^\n]*"
    local score = line and record.text ~= "" and score_of(record, last_ns) or 0
    if score > 0 then
      local key = key_of(line)
      local row = by_key[key]
      if not row then
        row = {count = 0, score = 0, index = i}
        by_key[key], out[#out + 1] = row, row
      end
      row.count = row.count + 1
      if score > row.score then row.score, row.record, row.line, row.index = score, record, line, i end
    end
  end
  table.sort(out, function(a, b)
    if a.score ~= b.score then return a.score > b.score end
    return a.index < b.index
  end)
  return out
end

--- Scores the log.
-- @param context of the checks
-- @tparam function report takes findings
-- @raise kvm.Error where the log can't be read
function M.run(context, report)
  local lines, first = {}, nil
  for i, row in ipairs(scored(context:log())) do
    if i > TOP or row.score < LEAST then break end
    first = first or row
    lines[i] = ("score %d, at %.3f s%s: %s"):format(row.score // 1 | 0, row.record.time_ns / S,
      row.count > 1 and (", %d times"):format(row.count) or "", row.line)
  end
  if not first then return end
  report {severity = "info", confidence = "certain", evidence = lines, title = ("the log's weightiest message: %s"):format(first.line)}
end

return M
