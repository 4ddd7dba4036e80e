-- SPDX-License-Identifier: BSD-2-Clause
-- kernel/configs.c: the configuration that a kernel was built with, which it keeps packed with gzip where CONFIG_IKCONFIG says so: from
-- kernel_config_data to kernel_config_data_end (since 5.1, a global symbol), between the marks IKCFG_ST and IKCFG_ED. Distributions leave
-- it out mostly, and lay it beside the kernel as a file.
local kvm_error = require "kvm.error"
local inflate = require "kvm.inflate"
local kallsyms = require "kvm.linux.kallsyms"

local M = {}

local BEGIN <const>, END <const> = "IKCFG_ST", "IKCFG_ED"
local MOST_PACKED <const>, MOST <const> = 1 << 22, 1 << 24

--- The configuration, as a file .config.
-- @param k an open handle
-- @treturn string
-- @raise kvm.Error `notfound`: this kernel has no configuration in memory (CONFIG_IKCONFIG); `format` where it is damaged
-- @usage local text, err = kvm.try(kvm.linux.ikconfig.text, k) assert(text or err.code == "notfound")
function M.text(k)
  local from = kallsyms.need(k, {"kernel_config_data"}, "configuration in memory", "CONFIG_IKCONFIG")
  local to = kallsyms.need(k, {"kernel_config_data_end"}, "configuration in memory", "CONFIG_IKCONFIG")
  local size = to - from
  if size < 0 or size > MOST_PACKED then kvm_error.fail("format", "a packed configuration of %d bytes", size) end
  local bytes = kvm_error.check(k:read(from - #BEGIN, size + #BEGIN + #END))
  if bytes:sub(1, #BEGIN) ~= BEGIN or bytes:sub(-#END) ~= END then
    kvm_error.fail("format", "the configuration at 0x%x is not between its marks", from)
  end
  return inflate.gzip(bytes:sub(#BEGIN + 1, -#END - 1), MOST)
end

--- The options of the configuration, in its order.
-- @param k an open handle
-- @treturn function an iterator of name ("CONFIG_SMP") and value: "y", "m", "n" for what is not set, a number, text with its quotes
-- @raise kvm.Error as text
-- @usage local step = kvm.try(kvm.linux.ikconfig.for_each, k)
-- for name, value in step or function() end do assert(name:find "^CONFIG_" and value) end
function M.for_each(k)
  local lines = M.text(k):gmatch "[^\n]+"
  return function()
    for line in lines do
      local off = line:match "^# (CONFIG_[%w_]+) is not set$"
      if off then return off, "n" end
      local name, value = line:match "^(CONFIG_[%w_]+)=(.*)$"
      if name then return name, value end
    end
  end
end

return M
