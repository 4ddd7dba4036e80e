-- SPDX-License-Identifier: BSD-2-Clause
-- Entries of the tables of system calls that do not lead to the kernel's own functions. Where the kernel traces system calls
-- (CONFIG_FTRACE_SYSCALLS) it keeps the name that each number had when it started (syscalls_metadata), so that two which were swapped are
-- told too. Kernels with x64_sys_call (since 6.9, and stable releases) call through that and use the table for tracing alone. Checked
-- against Linux 5.10, 6.1, 6.12 and 7.2.
local code = require "kvm.linux.check.code"
local kvm_error = require "kvm.error"
local types = require "kvm.type"

local M = {name = "hooks_syscall", title = "system calls that lead elsewhere"}

local POINTER <const>, MOST_ENTRIES <const>, MOST_LINES <const>, NAME_MAX <const> = 8, 2048, 20, 128
local TABLES <const> = {{"sys_call_table", "__x64_"}, {"ia32_sys_call_table", "__ia32_"}, {"x32_sys_call_table", "__x64_"}}
-- __x64_sys_read, __ia32_compat_sys_ioctl, sys_ni_syscall; before 4.17 sys_read, SyS_read, compat_sys_ioctl, stub_fork
local NAMES <const> = {"^__%w+_sys_", "^__%w+_compat_sys_", "^sys_", "^SyS_", "^compat_sys_", "^stub_"}

local function is_syscall(symbol, offset)
  if not symbol or offset ~= 0 or symbol.module then return false end
  for _, pattern in ipairs(NAMES) do
    if symbol.name:find(pattern) then return true end
  end
  return false
end

-- The names of the system calls by number, as the kernel found them when it started; nil where it keeps none.
local function original_names(k)
  local meta = k:symbol "syscalls_metadata"
  local trace = meta and k:type "struct trace_array"
  local files = trace and trace:strip():field "enter_syscall_files"
  if not files then return nil end
  local out, base, count = {}, k:ptr(meta.value), files.type:strip():count() -- NR_syscalls
  local name = types.offsetof(k, "struct syscall_metadata", "name")
  for nr = 0, base ~= 0 and math.min(count, MOST_ENTRIES) - 1 or -1 do
    local at = k:ptr(base + POINTER * nr)
    if at ~= 0 then out[nr] = k:cstring(k:ptr(at + name), NAME_MAX) end
  end
  return out, count
end

-- The entries; of a table whose length nothing tells those up to the last that is a system call: what lies behind it is of others.
local function entries_of(k, symbol, count)
  local most = math.min(count or symbol.size // POINTER, MOST_ENTRIES)
  local bytes, out, last = kvm_error.check(k:read(symbol.value, POINTER * most)), {}, 0
  for nr = 0, most - 1 do
    local addr = ("<I8"):unpack(bytes, POINTER * nr + 1)
    local found, offset = k:symbol(addr)
    out[nr] = {addr = addr, good = is_syscall(found, offset)}
    if out[nr].good or count then last = nr + 1 end
  end
  return out, last
end

-- What is wrong with an entry: where it should lead; nil when nothing is.
local function fault(k, entry, prefix, name)
  local own = name and k:symbol(prefix .. name)
  if own and own.value ~= entry.addr then return own.name end
  return not entry.good and (name or "a system call of the kernel") or nil
end

local function check_table(context, report, owner, row, names, count)
  local k, symbol = context.k, context.k:symbol(row[1])
  if not symbol then return end
  local entries, last = entries_of(k, symbol, count)
  local lines, modules, functions, seen = {}, {}, {}, {}
  for nr = 0, last - 1 do
    local wanted = fault(k, entries[nr], row[2], names and names[nr])
    if wanted then
      local addr = entries[nr].addr
      local _, mod = owner(addr)
      lines[#lines + 1] = ("%s[%d] at 0x%x is %s, not %s"):format(row[1], nr, symbol.value + POINTER * nr,
        code.text(context, owner, addr), wanted)
      functions[#functions + 1] = wanted
      if mod and not seen[mod.name] then
        seen[mod.name] = true
        modules[#modules + 1] = mod.name
      end
    end
  end
  if #lines == 0 then return end
  report {severity = "critical", confidence = "certain", modules = modules, functions = functions,
    evidence = code.shortened(lines, MOST_LINES),
    title = ("%d of %d entries of %s lead to %s, the first is that of %s"):format(#lines, last, row[1],
      modules[1] and "module " .. table.concat(modules, ", ") or "other places", functions[1])}
end

--- Compares the tables with the symbols.
-- @param context of the checks
-- @tparam function report takes findings
-- @raise kvm.Error `fault`, `excluded`
function M.run(context, report)
  local owner = code.owners(context.k)
  local names, count = original_names(context.k)
  for i, row in ipairs(TABLES) do check_table(context, report, owner, row, i == 1 and names or nil, i == 1 and count or nil) end
end

return M
