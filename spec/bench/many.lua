-- SPDX-License-Identifier: BSD-2-Clause
-- make bench, fourth part: a dump of 5,000 tasks (key many61): the stacks of all of them beside drgn's, which reads them with the kernel's
-- DWARF (keys drgn and debug61), on the same kdump; triage of it. CPU time, for other work on the machine is none of ours. A goal that is
-- not kept is a failure (status 1). Argument: FOLDER of the dumps.
local cjson = require "cjson"

local B = os.getenv("KVM_BUILD") or "build"
local LUA = os.getenv("KVM_LUA") or "lua5.4"
local DUMPS = arg[1]
local RUNS <const> = 5
local TIMES_FASTER <const>, SAME_FRAMES <const> = 20, 0.99
local TRIAGE_US <const> = 3000000

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

local function exists(path)
  local f = io.open(path, "rb")
  if f then f:close() end
  return f ~= nil
end

local function output(form, ...)
  local words = {}
  for i, word in ipairs {...} do words[i] = quote(word) end
  local pipe = assert(io.popen(form:format(table.unpack(words))))
  local text = pipe:read "a"
  return pipe:close() and text or ""
end

local missed = 0
local function verdict(what, kept, form, ...)
  if not kept then missed = missed + 1 end
  print(("  %-44s %s  %s"):format(what, kept and "PASS" or "MISS", form:format(...)))
end

-- The best of several, for other work on the machine only ever slows it down.
local function best_of(fn)
  local best
  for _ = 1, RUNS do
    local value = fn()
    if value and (not best or value > best) then best = value end
  end
  return best
end

local core, drgn, vmlinux = DUMPS .. "/many61/elf", DUMPS .. "/drgn/drgn", DUMPS .. "/debug61/vmlinux"
print "\na dump of 5,000 tasks"
if not exists(core) then
  print "  no such dump: spec/kernels/dump.sh many61 makes it"
  os.exit(1)
end

local kdump = B .. "/bench/many.kdump"
assert(os.remove(kdump) or not exists(kdump))
output("%s convert %s %s --format kdump", B .. "/bin/luakvm", core, kdump)
local frames, tasks
local ours = best_of(function()
  local text = output(LUA .. " spec/bench/stacks.lua %s", kdump)
  tasks, frames = tonumber(text:match "tasks\t(%d+)"), tonumber(text:match "frames\t(%d+)")
  return tonumber(text:match "frames/s\t(%d+)")
end)
if not ours then
  verdict("stacks of all tasks", false, "failed")
elseif not (exists(drgn) and exists(vmlinux)) then
  verdict("stacks of all tasks", false, "%.0f frames/s; to compare: spec/kernels/dump.sh drgn debug61", ours)
else
  local theirs = cjson.decode(output("%s -q -c %s -s %s spec/kernels/drgn_stacks.py", drgn, kdump, vmlinux))
  local names = 0
  for _, list in pairs(theirs.stacks) do names = names + #list end
  local rate = theirs.frames / theirs.seconds -- with its inlined frames
  verdict("stacks of all tasks", ours >= TIMES_FASTER * rate, "%.0f frames/s, drgn %.0f: %.0f times (goal %d)", ours, rate, ours / rate,
    TIMES_FASTER)
  verdict("as many frames", math.min(frames, names) >= SAME_FRAMES * math.max(frames, names), "%d of %d tasks, drgn %d", frames, tasks,
    names)
end
os.remove(kdump)

local cpu = best_of(function()
  local used, status = output(B .. "/bench/measure %s triage %s", B .. "/bin/luakvm", core):match "^%d+ (%d+) %d+ (-?%d+)"
  return status == "0" and -tonumber(used) or nil
end)
verdict("triage", cpu ~= nil and -cpu < TRIAGE_US, "%.2f s of CPU time (goal %d)", -(cpu or 0) / 1000000, TRIAGE_US // 1000000)
os.exit(missed == 0)
