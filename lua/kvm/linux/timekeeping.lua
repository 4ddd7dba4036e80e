-- SPDX-License-Identifier: BSD-2-Clause
-- linux/timekeeping.h: the clocks as they stood at the last tick before the dump. struct timekeeper
-- (include/linux/timekeeper_internal.h) keeps CLOCK_MONOTONIC as tkr_mono.base (ns) plus tkr_mono.xtime_nsec >>
-- tkr_mono.shift; CLOCK_BOOTTIME, which is what /proc/uptime prints (fs/proc/uptime.c), adds offs_boot,
-- CLOCK_REALTIME adds offs_real (kernel/time/timekeeping.c, ktime_get_with_offset). The counter's cycles since that
-- tick are not in a dump, so a clock is behind by up to a tick, or by the time that all CPUs slept. Checked against
-- Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local types = require "kvm.type"

local M = {}

--- The core timekeeper.
-- @param k an open handle
-- @treturn integer address of a `struct timekeeper`
-- @raise kvm.Error
-- @usage assert(k:u32(require "kvm.linux.timekeeping".address(k)) ~= nil)
function M.address(k)
  -- Newest first. 6.17: timekeeper_data[], a struct tk_data for each timekeeper, the core one first (TIMEKEEPER_CORE is
  -- 0); 6.13: tk_core is one struct tk_data. Before that tk_core's type has no name, but shadow_timekeeper is a plain
  -- struct timekeeper, and timekeeping_advance ends with the two equal.
  local data, message, code, addr = k:type("struct tk_data", "vmlinux")
  if code and code ~= "notfound" then kvm_error.check(data, message, code, addr) end
  local field = data and data:field "timekeeper"
  if field then
    return kallsyms.first(k, {"timekeeper_data", "tk_core"}) + field.offset
  end
  return kallsyms.address(k, "shadow_timekeeper")
end

--- The clocks, in nanoseconds.
-- @param k an open handle
-- @treturn table monotonic_ns (since boot, without time asleep), boottime_ns (since boot), realtime_ns (since 1970)
-- @raise kvm.Error
-- @usage assert(require "kvm.linux.timekeeping".clocks(k).boottime_ns > 0)
function M.clocks(k)
  local base = M.address(k)
  local function place(path) return base + types.offsetof(k, "struct timekeeper", path) end
  local shift = k:u32(place "tkr_mono.shift")
  if shift > 63 then
    error(kvm_error.new {code = "format", message = ("the timekeeper shifts by %d bits"):format(shift)})
  end
  local mono = k:i64(place "tkr_mono.base") + (k:u64(place "tkr_mono.xtime_nsec") >> shift)
  return {
    monotonic_ns = mono,
    boottime_ns = mono + k:i64(place "offs_boot"),
    realtime_ns = mono + k:i64(place "offs_real"),
  }
end

return M
