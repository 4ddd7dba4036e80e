-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with one CPU of two features and a bug, for the specs of what tells of it.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local INFO <const>, CAPS <const>, BUGS <const>, NAMES <const>, PERCPU <const> = S, S + 0x200, S + 0x400, S + 0x500, S + 0x600
M.at = {INFO = INFO}
local OFFSET <const> = 0x80 -- of the CPU's copy

--- An open handle, a function that sets members; memory.forget behind the test. TOPO: as since 6.7; BUG_BYTES: of the names of bugs.
function M.open(topo, bug_bytes)
  local k = memory.open(([[
    struct cpuinfo_topology { unsigned int pkg_id, core_id; };
    struct cpumask { unsigned long bits[1]; };
    struct cpuinfo_x86 { unsigned char x86, x86_vendor, x86_model, x86_stepping; unsigned int x86_capability[3]; char x86_vendor_id[16];
      char x86_model_id[64]; unsigned int microcode; %s };
  ]]):format(topo and "struct cpuinfo_topology topo;" or "unsigned short phys_proc_id, cpu_core_id;"))
  local function set(members) memory.set(k, "struct cpuinfo_x86", INFO + OFFSET, members) end
  local symbols = memory.one_cpu(k, PERCPU, OFFSET)
  symbols.__cpu_present_mask = symbols.__cpu_online_mask
  symbols.cpu_info, symbols.x86_cap_flags, symbols.x86_bug_flags, symbols.tsc_khz = INFO, CAPS, BUGS, PERCPU + 32
  memory.symbols(symbols, {x86_bug_flags = bug_bytes or 256})
  local t = k:type("struct cpuinfo_x86"):strip()
  local words = INFO + OFFSET + t:field("x86_capability").offset
  assert(k:write(words, ("<I4I4I4"):pack(1 << 3 | 1 << 4, 1 << 31, 1 << 2)))
  assert(k:write(CAPS, ("\0"):rep(512 + 256)))
  for i, name in ipairs {{CAPS + 3 * 8, "tsc"}, {CAPS + 63 * 8, "lm"}, {BUGS + 2 * 8, "a_bug"}} do
    assert(k:write(NAMES + i * 16, name[2] .. "\0"))
    assert(k:write(name[1], ("<I8"):pack(NAMES + i * 16)))
  end
  set(topo and {["topo.pkg_id"] = 1, ["topo.core_id"] = 2} or {phys_proc_id = 1, cpu_core_id = 2})
  set {x86 = 6, x86_model = 85, x86_stepping = 4, microcode = 0x42}
  assert(k:write(INFO + OFFSET + t:field("x86_vendor_id").offset, "GenuineIntel\0"))
  assert(k:write(INFO + OFFSET + t:field("x86_model_id").offset, "A CPU\0"))
  assert(k:write(PERCPU + 32, ("<I4"):pack(2500000)))
  return k, set
end

return M
