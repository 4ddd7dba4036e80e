-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm sys: the system as a whole; its configuration, the values of /proc/sys, its CPUs, and the parameters of what is built in.
local kvm_error = require "kvm.error"
local cpu = require "kvm.linux.cpu"
local cpumask = require "kvm.linux.cpumask"
local ikconfig = require "kvm.linux.ikconfig"
local mm = require "kvm.linux.mm"
local moduleparam = require "kvm.linux.moduleparam"
local panic = require "kvm.linux.panic"
local printk = require "kvm.linux.printk"
local setup = require "kvm.linux.setup"
local sysctl = require "kvm.linux.sysctl"
local timekeeping = require "kvm.linux.timekeeping"
local utsname = require "kvm.linux.utsname"
local format = require "kvm.format"
local walk = require "kvm.cmd.walk"
local words = require "kvm.cmd.words"

local M = {
  name = "sys",
  summary = "the system: kernel, uptime, CPUs, taints; its configuration, sysctl values, parameters",
  operands = {
    {key = "what", name = "config|sysctl|parameters|cpus", optional = true},
    {key = "names", name = "NAME", many = true, optional = true},
  },
  options = {},
  columns = {
    {name = "banner", kind = "string"},
    {name = "sysname", kind = "string"},
    {name = "nodename", kind = "string"},
    {name = "release", kind = "string"},
    {name = "version", kind = "string"},
    {name = "machine", kind = "string"},
    {name = "domainname", kind = "string"},
    {name = "hardware", kind = "string"},
    {name = "command_line", kind = "string"},
    {name = "time", kind = "time"},
    {name = "uptime_ns", kind = "duration"},
    {name = "cpus_online", kind = "integer"},
    {name = "cpus_present", kind = "integer"},
    {name = "cpus_possible", kind = "integer"},
    {name = "tsc_khz", kind = "integer"},
    {name = "memory_bytes", kind = "size"},
    {name = "loadavg", kind = "numbers"},
    {name = "taint", kind = "hex"},
    {name = "taints", kind = "strings"},
    {name = "panic", kind = "string"},
    {name = "panic_cpu", kind = "integer"},
    {name = "cpu", kind = "integer"},
    {name = "vendor", kind = "string"},
    {name = "family", kind = "integer"},
    {name = "model", kind = "integer"},
    {name = "stepping", kind = "integer"},
    {name = "model_name", kind = "string"},
    {name = "microcode", kind = "hex"},
    {name = "package", kind = "integer"},
    {name = "core", kind = "integer"},
    {name = "online", kind = "boolean"},
    {name = "flags", kind = "strings"},
    {name = "bugs", kind = "strings"},
    {name = "name", kind = "string"},
    {name = "value", kind = "string"},
    {name = "printed_by", kind = "string"},
    {name = "partial", kind = "strings"},
  },
  view = "fields",
}

-- --- the system

local function uts(name) return {name, function(k) return utsname.field(k, name) end} end
local function count(which) return {"cpus_" .. which, function(k) return #cpumask.of(k, which) end} end

local PARTS <const> = {
  {"banner", utsname.banner}, uts "sysname", uts "nodename", uts "release", uts "version", uts "machine", uts "domainname",
  {"hardware", function(k)
    local text = setup.hardware(k)
    return text ~= "" and text or nil
  end},
  {"command_line", setup.command_line},
  {"time", function(k) return k:info().crash_time or timekeeping.clocks(k).realtime_ns // 1000000000 end},
  {"uptime_ns", function(k) return timekeeping.clocks(k).boottime_ns end},
  count "online", count "present", count "possible", {"tsc_khz", cpu.tsc_khz}, {"memory_bytes", mm.totalram_bytes},
  {"loadavg", function(k) return {kvm_error.check(k:loadavg())} end},
  {"taint", function(k) return (panic.taint(k)) end},
  {"taints", function(k)
    local out = {}
    for i, flag in ipairs(select(2, panic.taint(k))) do out[i] = ("%s: %s"):format(flag.letter or "?", flag.meaning) end
    return out
  end},
  {"panic", function(k)
    local feed, found = panic.log_scanner()
    for rec in printk.records(k) do feed(rec) end
    return found.message
  end},
  {"panic_cpu", function(k) return (panic.cpu(k)) end},
}

local function system(k, emit)
  local rec = {}
  walk.fields(rec, PARTS, k)
  emit(rec)
end

-- --- lists of names and values

-- Whether a name is among those that were asked for; sysctl(8) writes dots for slashes.
local function picker(names)
  local patterns = {}
  for i, name in ipairs(names or {}) do patterns[i] = words.glob(name) end
  return function(...)
    if not patterns[1] then return true end
    for _, name in ipairs {...} do
      for _, pattern in ipairs(patterns) do
        if name:find(pattern) then return true end
      end
    end
    return false
  end
end

local function config(k, emit, pick)
  for name, value in ikconfig.for_each(k) do
    if pick(name, (name:gsub("^CONFIG_", ""))) then emit {name = name, value = value} end
  end
end

local function told(rec, read, ...)
  rec.value, rec.printed_by = walk.field(rec, "value", read, ...)
  return rec
end

local function values(k, emit, pick)
  for _, set in ipairs(sysctl.sets(k)) do
    walk.part(emit, function()
      for path, entry in sysctl.for_each(set) do
        local name = path:gsub("/", ".")
        if pick(path, name) then emit(told({name = name}, sysctl.value, entry, path)) end
      end
    end)
  end
end

local function parameters(k, emit, pick)
  for module, name, param in moduleparam.for_each_builtin(k) do
    name = module .. "." .. name
    if pick(name, module) then emit(told({name = name}, moduleparam.value, param)) end
  end
end

-- --- CPUs

local CPU <const> = {
  {"vendor", function(c) return c.x86_vendor_id end}, {"family", function(c) return c.x86 end},
  {"model", function(c) return c.x86_model end}, {"stepping", function(c) return c.x86_stepping end},
  {"model_name", function(c) return c.x86_model_id end}, {"microcode", function(c) return c.microcode end},
  {"flags", cpu.flags}, {"bugs", cpu.bugs},
}

local function cpus(k, emit, pick)
  local online = {}
  for _, n in ipairs(cpumask.of(k, "online")) do online[n] = true end
  for _, n in ipairs(cpumask.of(k, "present")) do
    if pick(tostring(n)) then
      walk.part(emit, function()
        local info, rec = cpu.info(k, n), {cpu = n, online = online[n] or false}
        walk.fields(rec, CPU, info)
        rec.package, rec.core = walk.field(rec, "package", cpu.place, info)
        emit(rec)
      end)
    end
  end
end

local KINDS <const> = {config = config, sysctl = values, parameters = parameters, cpus = cpus}

--- The system as a whole, or a list of what it consists of.
-- @param k an open handle
-- @tparam[opt] table opts what (nil, "config", "sysctl", "parameters", "cpus"), names ({string,...}: only these; * stands for any text)
-- @treturn function an iterator of records. Without what one: banner, those of uname(2), hardware, command_line, time (seconds since 1970,
--  of the dump), uptime_ns, cpus_online, cpus_present, cpus_possible, tsc_khz, memory_bytes, loadavg ({number,...}), taint (mask), taints
--  (each letter with its meaning), panic (message; nil where there was none), panic_cpu. config, sysctl, parameters: name, value (text; nil
--  where a function computes it: printed_by names it). cpus: cpu, online, vendor, family, model, stepping, model_name, microcode, package,
--  core, flags, bugs. partial: keys that could not be read; what is damaged as kvm.cmd.walk tells it
-- @raise kvm.Error `notfound`: this kernel has no such thing (its option)
-- @usage for r in require "kvm.cmd.sys".run(k) do assert(r.release) end
function M.run(k, opts)
  opts = opts or {}
  local what = opts.what
  local run = what and KINDS[what] or not what and system
  if not run then error({usage = ("%q is none of config, sysctl, parameters, cpus"):format(what)}, 0) end
  if what == "config" then ikconfig.text(k) end -- raises what the kernel lacks
  local pick = picker(opts.names)
  return walk.records(function(emit) run(k, emit, pick) end)
end

--- A name and its value as a line; nothing of other records.
function M.text(rec, opts)
  if not rec.name or rec.stopped then return nil end
  if rec.value then return ("%s%s%s\n"):format(rec.name, opts.what == "config" and "=" or " = ", format.escape(rec.value)) end
  return ("%s: %s\n"):format(rec.name, rec.partial and "it can't be read" or rec.printed_by and "computed by " .. rec.printed_by
    or "it has no value that can be read")
end

return M
