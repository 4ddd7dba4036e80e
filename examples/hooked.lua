-- SPDX-License-Identifier: BSD-2-Clause
-- What has been put in the kernel's way: system calls, interrupts, traced functions, packet filters, patched code.
--   luakvm run examples/hooked.lua CORE
--
--   $ luakvm run examples/hooked.lua examples/panic.kdump
--   info: module lab hooks 2 functions by ftrace: lab_trace [lab]
--       handler: 0xffffffffc0579f00, lab_trace [lab]
--       functions: __x64_sys_setfsgid __x64_sys_setfsuid
--   info: module lab hooks __x64_sys_acct by a kprobe (return): lab_return [lab]
--       handler: 0xffffffffc057a020, lab_return [lab]
--       functions: __x64_sys_acct
--   ...
--       ip input, priority 1000: struct nf_hook_ops 0xffffffffc0582240
local findings = require "kvm.linux.check.run".all(k, {checks = {"hooks_syscall", "hooks_idt", "hooks_text", "hooks_ftrace",
  "hooks_netfilter", "hidden_module"}})
for _, f in ipairs(findings) do
  print(("%s: %s"):format(f.severity, f.title))
  for _, line in ipairs(f.evidence) do print("    " .. line) end
end
if #findings == 0 then print "nothing is hooked" end
