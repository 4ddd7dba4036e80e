-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm log: the kernel's log. The text form is that of `makedumpfile --dump-dmesg`.
local M = {
  name = "log",
  summary = "the kernel's log (dmesg)",
  options = {
    {flags = "-T --ctime", help = "times of day (UTC) instead of seconds since boot"},
    {flags = "-t --notime", help = "neither times nor callers"},
    {flags = "-x --decode", help = "facility and level of each line"},
    {flags = "-m --raw", help = "the level of each record in front: <6>"},
    {flags = "-d --dictionary", help = "subsystem and device of what drivers said"},
    {flags = "-l --level", value = "LEVEL[,LEVEL...]", type = "list",
      help = "only these levels: emerg alert crit err warn notice info debug"},
    {flags = "-n --last", value = "N", type = "integer", help = "only the last N records"},
  },
  columns = {
    {name = "seq", kind = "integer"},
    {name = "time_ns", kind = "integer"},
    {name = "level", kind = "integer"},
    {name = "facility", kind = "integer"},
    {name = "caller", kind = "string"},
    {name = "subsystem", kind = "string"},
    {name = "device", kind = "string"},
    {name = "text", kind = "string"},
    {name = "code", kind = "string"},
  },
}

-- include/linux/kern_levels.h, include/uapi/linux/... syslog(3).
local LEVELS = {[0] = "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"}
local FACILITIES = {
  [0] = "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
}

local function level_set(names)
  local out = {}
  for _, name in ipairs(names) do
    local found
    for n, known in pairs(LEVELS) do
      if known == name or tostring(n) == name then found = n end
    end
    if not found then error {usage = ("there is no level %q"):format(name)} end
    out[found] = true
  end
  return out
end

local function last_of(step, n)
  local ring, count = {}, 0
  for rec in step do
    ring[count % n] = rec
    count = count + 1
  end
  local i = math.max(0, count - n)
  return function()
    if i >= count then return nil end
    i = i + 1
    return ring[(i - 1) % n]
  end
end

local BAD <const>, WARN <const> = {{"", "bad"}}, {{"", "warn"}}
local STYLES <const> = {[0] = BAD, BAD, BAD, BAD, WARN}

--- The emphasis of a record's lines, by its level.
function M.styles(rec) return STYLES[rec.level] end

--- The records of the kernel's log.
-- @param k an open handle
-- @tparam[opt] table opts level (list of names), last (integer), ctime (adds realtime_ns)
-- @treturn function an iterator of records (see kvm.linux.printk.records)
-- @raise kvm.Error
-- @usage for r in require "kvm.cmd.log".run(k, {last = 10}) do assert(r.text or r.code) end
function M.run(k, opts)
  opts = opts or {}
  local records = require "kvm.linux.printk".records(k)
  local levels = opts.level and level_set(opts.level)
  local offset
  if opts.ctime then
    -- The log's clock stops while the machine is asleep, as CLOCK_MONOTONIC does.
    local clocks = require "kvm.linux.timekeeping".clocks(k)
    offset = clocks.realtime_ns - clocks.monotonic_ns
  end
  local function step()
    for rec in records do
      if not levels or levels[rec.level] then
        if offset and rec.time_ns then rec.realtime_ns = rec.time_ns + offset end
        return rec
      end
    end
  end
  if opts.last then return last_of(step, math.max(opts.last, 1)) end
  return step
end

local function prefix(rec, opts)
  local out = opts.raw and rec.level and ("<%d>"):format(rec.level) or ""
  if opts.decode and rec.level then
    out = out .. ("%-6s:%-6s: "):format(FACILITIES[rec.facility] or rec.facility, LEVELS[rec.level])
  end
  if opts.notime then return out end
  if rec.realtime_ns then
    out = out .. os.date("!%Y-%m-%d %H:%M:%S", rec.realtime_ns // 1000000000)
      .. (".%06d "):format(rec.realtime_ns // 1000 % 1000000)
  else
    out = out .. ("[%5d.%06d] "):format(rec.time_ns // 1000000000, rec.time_ns // 1000 % 1000000)
  end
  return rec.caller and out .. ("[%8s] "):format(rec.caller) or out
end

local function escape(text)
  if not text:find "[^\t -~]" then return text end
  return (text:gsub("[^\t -~]", function(c) return ("\\x%02x"):format(c:byte()) end))
end

-- The dictionary as lines below a record.
local function dictionary(rec, indent)
  local out = ""
  for _, part in ipairs {{"SUBSYSTEM", rec.subsystem}, {"DEVICE", rec.device}} do
    if part[2] then out = out .. (" "):rep(indent) .. part[1] .. "=" .. escape(part[2]) .. "\n" end
  end
  return out
end

--- A record as lines of text: what is behind a line break is indented. Bytes that are not printable ASCII are shown
-- as \xNN.
function M.text(rec, opts)
  if rec.dataless then return "" end
  if not rec.text then return ("(a record is not in the dump: %s)\n"):format(rec.code) end
  local head = prefix(rec, opts)
  local more = opts.dictionary and dictionary(rec, #head) or ""
  if not rec.text:find("\n", 1, true) then return head .. escape(rec.text) .. "\n" .. more end
  local lines = {}
  for line in (rec.text .. "\n"):gmatch "([^\n]*)\n" do
    lines[#lines + 1] = (lines[1] and (" "):rep(#head) or head) .. escape(line) .. "\n"
  end
  return table.concat(lines) .. more
end

return M
