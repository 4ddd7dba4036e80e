-- SPDX-License-Identifier: BSD-2-Clause
-- The memory of spec.support.slub with a module from outside of the kernel's tree beside it, whose function allocates from the slab cache,
-- or from one of kmalloc's. For the specs of what asks who uses a cache.
local made = require "spec.support.slub"
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local MODULE, TEXT, DATA, KERNEL, KMALLOC, TOTAL, CLOCK = S + 0x200, S + 0x400, S + 0x500, S + 0x600, S + 0x640, S + 0x680, S + 0x700
local LEAK, RELEASE, ALLOCATOR = TEXT, TEXT + 0x80, S + 0x7c0
M.at = {MODULE = MODULE, TEXT = TEXT, DATA = DATA, KMALLOC = KMALLOC, TOTAL = TOTAL, LEAK = LEAK, RELEASE = RELEASE}

local TYPES <const> = [[
  struct module_memory { void *base; unsigned int size; };
  enum mod_mem_type { MOD_TEXT, MOD_DATA };
  struct module { struct module_memory mem[2]; unsigned long taints; };
  struct timekeeper { unsigned long pad, ntp_tick; };
  struct track { unsigned long addr; int cpu, pid; unsigned long when; };
]]

--- Writes at AT a load of a variable, and behind it a call.
function M.code(k, at, variable, callee)
  assert(k:write(at, "\x48\x8b\x3d" .. ("<i4"):pack(variable - at - 7) .. "\xe8" .. ("<i4"):pack(callee - at - 12)))
end

--- An open handle, the cache, the symbols and their sizes, to be changed; memory.forget behind the test. Memory has PAGES
-- pages. The module's function lab_leak loads VARIABLE: "own" (lab_cache, which then has the cache's address) or "kmalloc".
function M.open(variable, pages)
  local k, cache, symbols = made.open(false, TYPES)
  local sizes, owners = {lab_leak = 0x40, lab_release = 0x10, lab_cache = 8, lab_list = 16, kmalloc_caches = 16},
    {lab_leak = "labfault", lab_release = "labfault", lab_cache = "labfault", lab_list = "labfault"}
  for name, at in pairs {_text = S, _etext = S, __start_ro_after_init = KMALLOC, __end_ro_after_init = KMALLOC + 16, _sdata = KERNEL,
    _edata = KERNEL + 16, __bss_start = KERNEL, __bss_stop = KERNEL, kmalloc_caches = KMALLOC, _totalram_pages = TOTAL, lab_leak = LEAK,
    lab_release = RELEASE, lab_cache = DATA, lab_list = DATA + 8, kmem_cache_alloc = ALLOCATOR, shadow_timekeeper = CLOCK,
    jiffies_64 = CLOCK + 16} do
    symbols[name] = at
  end
  memory.symbols(symbols, sizes, owners)
  memory.modules {{name = "labfault", addr = MODULE}}
  assert(k:write(MODULE, ("<i8i8i8i8i8"):pack(TEXT, 0x100, DATA, 0x40, 1 << 12))) -- out of tree
  local is_own = variable == "own"
  M.code(k, LEAK + 5, is_own and DATA or KMALLOC + 8, ALLOCATOR)
  assert(k:write(is_own and DATA or KMALLOC + 8, ("<i8"):pack(made.at.CACHE)))
  assert(k:write(TOTAL, ("<i8"):pack(pages or 4)))
  assert(k:write(CLOCK, ("<i8i8i8"):pack(0, 4000000 << 32, 5000)))
  return k, cache, symbols, sizes
end

return M
