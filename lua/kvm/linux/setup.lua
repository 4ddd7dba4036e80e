-- SPDX-License-Identifier: BSD-2-Clause
-- linux/init.h, asm/setup.h: what a kernel was started with and on: its command line (saved_command_line, a pointer; init/main.c) and the
-- machine's name as the firmware told it (dump_stack_arch_desc_str, lib/dump_stack.c; "" where nothing set it). Checked against Linux 5.10,
-- 6.1, 6.12 and 7.2.
local kallsyms = require "kvm.linux.kallsyms"

local M = {}

local COMMAND_LINE_MAX <const>, HARDWARE_MAX <const> = 4096, 128

--- The kernel's command line.
-- @param k an open handle
-- @treturn string
-- @raise kvm.Error
-- @usage assert(type(kvm.linux.setup.command_line(k)) == "string")
function M.command_line(k)
  return k:cstring(k:u64(kallsyms.address(k, "saved_command_line")), COMMAND_LINE_MAX)
end

--- The machine, as the kernel names it in its oopses.
-- @param k an open handle
-- @treturn string vendor, product, firmware; "" where the firmware tells nothing
-- @raise kvm.Error
-- @usage assert(type(kvm.linux.setup.hardware(k)) == "string")
function M.hardware(k)
  return k:cstring(kallsyms.address(k, "dump_stack_arch_desc_str"), HARDWARE_MAX)
end

return M
