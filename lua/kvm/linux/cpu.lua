-- SPDX-License-Identifier: BSD-2-Clause
-- asm/processor.h of x86: what the kernel found out about each CPU when it started it, as /proc/cpuinfo has it (struct cpuinfo_x86,
-- arch/x86/kernel/cpu/proc.c). Ids of package and core are in `topo` since 6.7. Checked against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out
-- the clock rate of the moment and the power management flags; of other machines there is nothing.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local percpu = require "kvm.linux.percpu"
local object = require "kvm.object"

local M = {}

local WORD_BITS <const>, MOST_WORDS <const>, POINTER <const>, NAME_MAX <const> = 32, 128, 8, 64

--- What is known of a CPU.
-- @param k an open handle
-- @tparam integer cpu number
-- @return `struct cpuinfo_x86`
-- @raise kvm.Error `notfound` of another machine; `inval` for a CPU that the kernel can't have
-- @usage assert(#kvm.linux.cpu.info(k, 0).x86_vendor_id > 0)
function M.info(k, cpu)
  return percpu.per_cpu(k, "cpu_info", cpu, "struct cpuinfo_x86")
end

--- The package and the core that a CPU is in.
-- @param info `struct cpuinfo_x86`
-- @treturn integer package ("physical id")
-- @treturn integer core ("core id")
-- @raise kvm.Error
-- @usage assert(kvm.linux.cpu.place(kvm.linux.cpu.info(k, 0)) >= 0)
function M.place(info)
  if object.typeof(info):field "topo" then return info.topo.pkg_id, info.topo.core_id end
  return info.phys_proc_id, info.cpu_core_id
end

-- The words of flags: all, and those at their end that are bugs. x86_bug_flags names NBUGINTS * 32 bugs behind the NCAPINTS * 32 of
-- x86_cap_flags; neither number is in the types, but the size of the smaller table is in the symbols.
local function words_of(k, info)
  local all = #info.x86_capability
  local bugs = kvm_error.check(k:symbol "x86_bug_flags").size // (WORD_BITS * POINTER)
  if all > MOST_WORDS or bugs < 1 or bugs >= all then
    kvm_error.fail("format", "%d words of CPU flags, %d of them for bugs", all, bugs)
  end
  return all, bugs
end

local function names(k, info, symbol, first, last)
  local at, out = kallsyms.address(k, symbol), {}
  for word = first, last do
    local bits = info.x86_capability[word]
    for bit = 0, WORD_BITS - 1 do
      local name = bits >> bit & 1 == 1 and k:ptr(at + ((word - first) * WORD_BITS + bit) * POINTER) or 0
      if name ~= 0 then out[#out + 1] = k:cstring(name, NAME_MAX) end
    end
  end
  return out
end

--- The features of a CPU that have names.
-- @param info `struct cpuinfo_x86`
-- @treturn {string,...} "fpu", "lm" ... as the line "flags" has them
-- @raise kvm.Error
-- @usage assert(#kvm.linux.cpu.flags(kvm.linux.cpu.info(k, 0)) > 0)
function M.flags(info)
  local k = object.handle(info)
  local all, bugs = words_of(k, info)
  return names(k, info, "x86_cap_flags", 0, all - bugs - 1)
end

--- The bugs of a CPU that the kernel knows of.
-- @param info `struct cpuinfo_x86`
-- @treturn {string,...} "spectre_v1" ... as the line "bugs" has them
-- @raise kvm.Error
-- @usage for _, bug in ipairs(kvm.linux.cpu.bugs(kvm.linux.cpu.info(k, 0))) do assert(#bug > 0) end
function M.bugs(info)
  local k = object.handle(info)
  local all, bugs = words_of(k, info)
  return names(k, info, "x86_bug_flags", all - bugs, all - 1)
end

--- The rate of the time stamp counter that the kernel measured.
-- @param k an open handle
-- @treturn integer kHz
-- @raise kvm.Error
-- @usage assert(kvm.linux.cpu.tsc_khz(k) > 0)
function M.tsc_khz(k)
  return k:u32(kallsyms.address(k, "tsc_khz"))
end

return M
