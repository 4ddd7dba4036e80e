-- SPDX-License-Identifier: BSD-2-Clause
-- linux/panic.h: taint flags, the CPU that panicked, and the panic's message in the log. Checked against Linux 5.10,
-- 6.1, 6.12 and 7.2 (kernel/panic.c, arch/x86/kernel/reboot.c, Documentation/admin-guide/tainted-kernels.rst). A flag
-- newer than the table is shown by its bit number.
local kallsyms = require "kvm.linux.kallsyms"

local M = {}

-- By bit: the letter and what it means.
local TAINT = {
  [0] = {"P", "proprietary module was loaded"},
  {"F", "module was force loaded"},
  {"S", "kernel running on an out of specification system"},
  {"R", "module was force unloaded"},
  {"M", "processor reported a machine check exception"},
  {"B", "bad page referenced or unexpected page flags"},
  {"U", "taint requested by userspace application"},
  {"D", "kernel died recently: there was an oops or BUG"},
  {"A", "ACPI table overridden by user"},
  {"W", "kernel issued a warning"},
  {"C", "staging driver was loaded"},
  {"I", "workaround for a bug in platform firmware applied"},
  {"O", "externally built (out-of-tree) module was loaded"},
  {"E", "unsigned module was loaded"},
  {"L", "soft lockup occurred"},
  {"K", "kernel has been live patched"},
  {"X", "auxiliary taint, defined by distributions"},
  {"T", "kernel was built with the struct randomization plugin"},
  {"N", "an in-kernel test has been run"},           -- 6.0
  {"J", "userspace used a mutating debug operation in fwctl"}, -- 6.15
}

--- The flags of a taint mask: of the kernel's or of a module's.
-- @tparam integer mask
-- @treturn {table,...} flags, ascending: bit, letter (nil when unknown), meaning
-- @usage assert(require "kvm.linux.panic".taint_flags(1 << 12)[1].letter == "O")
function M.taint_flags(mask)
  local flags = {}
  for bit = 0, 63 do
    if mask & (1 << bit) ~= 0 then
      local t = TAINT[bit] or {nil, ("unknown flag, bit %d"):format(bit)}
      flags[#flags + 1] = {bit = bit, letter = t[1], meaning = t[2]}
    end
  end
  return flags
end

--- The kernel's taint.
-- @param k an open handle
-- @treturn integer tainted_mask (unsigned long)
-- @treturn {table,...} flags as `taint_flags` gives them
-- @raise kvm.Error
-- @usage local mask, flags = require "kvm.linux.panic".taint(k) assert(mask ~= 0 or #flags == 0)
function M.taint(k)
  local mask = k:u64(kallsyms.address(k, "tainted_mask"))
  return mask, M.taint_flags(mask)
end

local CPU_VARIABLES = {"panic_cpu", "crashing_cpu"}

--- The CPU that panicked. panic() and crash_kexec() put its number into panic_cpu (kernel/panic.c; -1, PANIC_CPU_INVALID, before);
-- the x86 crash shutdown puts it into crashing_cpu as well (arch/x86/kernel/reboot.c).
-- @param k an open handle
-- @treturn integer CPU number, or nil when the kernel was not panicking
-- @treturn string the variable that said so
-- @raise kvm.Error `notfound` when the kernel has neither variable
-- @usage local cpu = require "kvm.linux.panic".cpu(k) assert(cpu == nil or cpu >= 0)
function M.cpu(k)
  kallsyms.first(k, CPU_VARIABLES)
  for _, name in ipairs(CPU_VARIABLES) do
    local sym = k:symbol(name)
    local cpu = sym and k:i32(sym.value)
    if cpu and cpu >= 0 then return cpu, name end
  end
  return nil
end

-- What the kernel prints first when something went wrong (arch/x86/mm/fault.c, arch/x86/kernel/{traps,dumpstack}.c,
-- lib/bug.c, kernel/watchdog.c, kernel/hung_task.c, drivers/tty/sysrq.c).
local TROUBLE = {
  "^BUG: ", "^kernel BUG at ", "^Oops: ", "^Oops%[", "^general protection fault", "^Unable to handle kernel ",
  "^watchdog: BUG: ", "^INFO: task .+ blocked for more than ", "^sysrq: Trigger a crash", "^stack segment: ",
  "^invalid opcode: ", "^double fault: ", "^divide error: ", "^int3: ", "^Internal error: ", "^Fatal exception",
}

local function starts_trouble(text)
  for _, pattern in ipairs(TROUBLE) do
    if text:find(pattern) then return true end
  end
  return false
end

--- What the log says about the end: collects from records fed one by one.
-- @treturn function called with each record of kvm.linux.printk, in order
-- @treturn table filled by it: message (behind "Kernel panic - not syncing: "), trouble (the first line of what led there),
--   location ("sysrq_handle_crash+0x16/0x20", the last RIP in the kernel that the log shows)
-- @usage local feed, found = require "kvm.linux.panic".log_scanner() feed{text = "BUG: x", time_ns = 0} assert(found.trouble)
function M.log_scanner()
  local found = {}
  return function(rec)
    local text = rec.text
    if not text then return end
    local message = text:match "^Kernel panic %- not syncing: ([^\n]*)"
    if message then
      found.message = message
    elseif not found.message then
      if starts_trouble(text) then
        -- An oops says several of these lines one behind the other; the first names the fault.
        if not found.trouble or rec.time_ns - found.trouble_ns > 1000000000 then
          found.trouble, found.trouble_ns = text:match "^[^\n]*", rec.time_ns
        end
      end
      local place = text:match "^RIP: 0010:([%w_.]+%+0x%x+/0x%x+)"
      if place then found.location = place end
    end
  end, found
end

return M
