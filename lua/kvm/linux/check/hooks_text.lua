-- SPDX-License-Identifier: BSD-2-Clause
-- Functions whose first instruction was written over so that it leads out of the kernel's code. Looked at are all system calls and what is
-- patched to hide files, processes, connections and modules, or to gain privileges. What the kernel itself writes there stays out: calls to
-- trampolines of ftrace and BPF, which lie in no module, and the jumps of optimised kprobes. Instructions as Intel's SDM, volume 2.
local code = require "kvm.linux.check.code"
local kprobes = require "kvm.linux.kprobes"
local kvm_error = require "kvm.error"
local object = require "kvm.object"

local M = {name = "hooks_text", title = "functions whose beginning was written over"}

local BYTES <const>, ENDBR64 <const> = 20, "\xf3\x0f\x1e\xfa" -- the longest instructions with what follows; a landing pad
local POINTER <const>, MOST_CALLS <const> = 8, 2048
local FUNCTIONS <const> = {
  "filldir", "filldir64", "iterate_dir", "vfs_read", "vfs_write", "vfs_statx", "vfs_getattr", "vfs_open", "do_sys_openat2",
  "do_filp_open", "tcp4_seq_show", "tcp6_seq_show", "udp4_seq_show", "udp6_seq_show", "packet_rcv", "tpacket_rcv", "ip_rcv",
  "ip_local_out", "netif_receive_skb", "__netif_receive_skb", "dev_queue_xmit", "nf_hook_slow", "find_task_by_vpid", "find_vpid",
  "proc_pid_readdir", "proc_pid_lookup", "next_tgid", "do_exit", "do_execveat_common", "bprm_execve", "load_elf_binary", "commit_creds",
  "prepare_creds", "prepare_kernel_cred", "override_creds", "security_inode_permission", "security_task_kill", "security_bprm_check",
  "security_file_open", "cap_capable", "capable", "ns_capable", "generic_permission", "inode_permission", "m_show", "find_module",
  "load_module", "kallsyms_lookup_name", "sprint_symbol", "show_interrupts", "account_process_tick", "audit_alloc",
  "__audit_syscall_entry", "printk", "_printk", "vprintk_emit", "do_syslog", "x64_sys_call", "do_syscall_64", "schedule",
  "wake_up_process", "kernel_clone", "do_group_exit",
}

-- The instructions by their first bytes, what follows them as string.unpack has it, and where they lead.
local function relative(_, addr, value, size) return addr + size + value end
local function absolute(_, _, value) return value end
local function through(k, addr, value, size)
  local ok, target = pcall(k.ptr, k, addr + size + value)
  return ok and target or nil
end
local INSTRUCTIONS <const> = {
  {"call", "\xe8", "<i4", "", relative}, {"jmp", "\xe9", "<i4", "", relative},
  {"mov to rax; jmp rax", "\x48\xb8", "<i8", "\xff\xe0", absolute}, {"mov to rax; push; ret", "\x48\xb8", "<i8", "\x50\xc3", absolute},
  {"mov to r11; jmp r11", "\x49\xbb", "<i8", "\x41\xff\xe3", absolute}, {"push; ret", "\x68", "<i4", "\xc3", absolute},
  {"jmp through memory", "\xff\x25", "<i4", "", through},
}

-- What the first instruction of a function does: its name and where it leads; nil for one that leads nowhere.
local function leads(k, addr, bytes)
  local skip = bytes:sub(1, #ENDBR64) == ENDBR64 and #ENDBR64 or 0
  for _, row in ipairs(INSTRUCTIONS) do
    local name, opcode, form, rest, target = table.unpack(row)
    local at = skip + #opcode + 1
    local after = at + string.packsize(form)
    if bytes:sub(skip + 1, skip + #opcode) == opcode and bytes:sub(after, after + #rest - 1) == rest then
      return name, target(k, addr + skip, (form:unpack(bytes, at)), #opcode + string.packsize(form))
    end
  end
end

-- Where probes are that the kernel knows of; an optimised one writes a jump.
local function probed(k)
  local out = {}
  for probe in kprobes.for_each_kprobe(k) do out[k:ptr(object.addr(probe, "addr"))] = true end
  return out
end

-- Addresses of what is looked at, each once.
local function functions_of(k)
  local out, seen = {}, {}
  local function add(addr)
    if not seen[addr] then out[#out + 1] = addr end
    seen[addr] = true
  end
  for _, name in ipairs(FUNCTIONS) do
    local symbol = k:symbol(name)
    if symbol and not symbol.module then add(symbol.value) end
  end
  local calls = k:symbol "sys_call_table"
  local bytes = calls and kvm_error.check(k:read(calls.value, POINTER * math.min(calls.size // POINTER, MOST_CALLS))) or ""
  for i = 1, #bytes, POINTER do
    local addr = ("<I8"):unpack(bytes, i)
    local symbol, offset = k:symbol(addr)
    if symbol and offset == 0 and not symbol.module and symbol.name:find "sys_" then add(addr) end
  end
  return out
end

--- Looks at the first instruction of each function.
-- @param context of the checks
-- @tparam function report takes findings
-- @raise kvm.Error; pages that the dump lacks are passed over
function M.run(context, report)
  local k = context.k
  local owner, probes = code.owners(k), nil
  local function has_probe(addr)
    probes = probes or kvm_error.try(probed, k) or {}
    for at = addr, addr + BYTES do
      if probes[at] then return true end
    end
    return false
  end
  for _, addr in ipairs(functions_of(k)) do
    local bytes = k:read(addr, BYTES)
    local how, target = leads(k, addr, bytes or "")
    local whose, mod = nil, nil
    if target then whose, mod = owner(target) end
    local by_kernel = not target or whose == "kernel" or how == "call" and whose ~= "module"
    if not by_kernel and owner(addr) == "kernel" and not has_probe(addr) then
      local name = context:symbol_text(addr)
      report {severity = "critical", confidence = "certain", modules = {mod and mod.name}, functions = {name},
        title = ("%s begins with a %s to %s"):format(name, how, code.text(context, owner, target)),
        evidence = {("bytes at 0x%x: %s"):format(addr, (bytes:gsub(".", function(c) return ("%02x "):format(c:byte()) end))),
          ("target: 0x%x"):format(target)}}
    end
  end
end

return M
