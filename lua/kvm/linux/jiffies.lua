-- SPDX-License-Identifier: BSD-2-Clause
-- linux/jiffies.h: how long a jiffy is, and jiffies as other units. CONFIG_HZ is in no variable; the length of a tick is what the
-- timekeeper is to add for each, timekeeper.ntp_tick: nanoseconds with 32 bits behind the point (NTP_SCALE_SHIFT, since 3.17), which the
-- steering of the clock changes by less than 1 in 1000. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"
local timekeeping = require "kvm.linux.timekeeping"
local types = require "kvm.type"

local M = {}

local SCALE_SHIFT <const>, SECOND_NS <const> = 32, 1000000000
local USER_HZ <const> = 100 -- include/asm-generic/param.h
local MOST_HZ <const> = 10000

--- Jiffies of a second.
-- @param k an open handle
-- @treturn integer HZ
-- @raise kvm.Error `format` where the tick has no length that a kernel can have
-- @usage assert(kvm.linux.jiffies.hz(k) >= 100)
function M.hz(k)
  local tick = k:u64(timekeeping.address(k) + types.offsetof(k, "struct timekeeper", "ntp_tick")) >> SCALE_SHIFT
  local hz = tick > 0 and (SECOND_NS + tick // 2) // tick or 0
  if hz < 1 or hz > MOST_HZ then kvm_error.fail("format", "a tick of %d ns", tick) end
  return hz
end

--- How long a jiffy is: 1 s / HZ, rounded.
-- @param k an open handle
-- @treturn integer ns: 4000000 with HZ=250
-- @raise kvm.Error as hz
-- @usage assert(kvm.linux.jiffies.tick_ns(k) <= 10000000)
function M.tick_ns(k)
  local hz = M.hz(k)
  return (SECOND_NS + hz // 2) // hz
end

--- The clock that counts ticks.
-- @param k an open handle
-- @treturn integer jiffies
-- @raise kvm.Error
-- @usage assert(kvm.linux.jiffies.now(k) > 0)
function M.now(k)
  return k:u64(kallsyms.address(k, "jiffies_64"))
end

--- Jiffies as milliseconds, as the kernel's jiffies_to_msecs has them.
-- @tparam integer jiffies
-- @tparam integer hz jiffies of a second
-- @treturn integer
-- @usage assert(kvm.linux.jiffies.to_msecs(250, 250) == 1000)
function M.to_msecs(jiffies, hz)
  if 1000 % hz == 0 then return jiffies * (1000 // hz) end
  return (jiffies * 1000 + hz - 1) // hz
end

--- Jiffies as the ticks of /proc, of which a second has 100.
-- @tparam integer jiffies
-- @tparam integer hz jiffies of a second
-- @treturn integer
-- @usage assert(kvm.linux.jiffies.to_clock(250, 250) == 100)
function M.to_clock(jiffies, hz)
  return jiffies * USER_HZ // hz
end

return M
