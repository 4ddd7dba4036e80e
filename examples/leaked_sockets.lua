-- SPDX-License-Identifier: BSD-2-Clause
-- Sockets that no open file leads to: what a program has closed and the kernel still keeps, or has leaked. Those of the kernel itself
-- are among them.
--   luakvm run examples/leaked_sockets.lua CORE
--
--   $ luakvm run examples/leaked_sockets.lua examples/panic.kdump
--   tcp      struct sock 0xffff8913943d0000
--   tcp      struct sock 0xffff8913943d0980
--   34 sockets
local kvm = require "kvm"
local sock = kvm.linux.sock

local total = 0
for _, protocol in ipairs(sock.PROTOCOLS) do
  local ok, err = pcall(function()
    for common in sock.for_each(k:object "init_net", protocol) do
      total = total + 1
      local full = sock.is_full(common) and kvm.cast(common, "struct sock")
      if full and sock.inode(full) == 0 then print(("%-8s struct sock 0x%x"):format(protocol, kvm.addr(full))) end
    end
  end)
  if not ok then print(("%-8s %s"):format(protocol, err)) end
end
print(("%d sockets"):format(total))
