-- SPDX-License-Identifier: BSD-2-Clause
-- TCP sockets whose queues are not empty: who does not read what has come, or can't get rid of what it sent.
--   luakvm run examples/full_queues.lua CORE
--
--   $ luakvm run examples/full_queues.lua examples/panic.kdump
--   127.0.0.1:9090  1 connections not accepted
--   127.0.0.1:7001  1 connections not accepted
--   127.0.0.1:9090 - 127.0.0.1:50460  11 bytes not read, 0 bytes not acknowledged
--   127.0.0.1:7001 - 127.0.0.1:41006  11 bytes not read, 0 bytes not acknowledged
--   11 TCP sockets
local kvm = require "kvm"
local sock = kvm.linux.sock
local LISTEN <const> = 10 -- TCP_LISTEN

local count = 0
for common in sock.for_each(k:object "init_net", "tcp") do
  count = count + 1
  if sock.is_full(common) then
    local received, sent = sock.queues(kvm.cast(common, "struct sock"), "tcp")
    local addr, port, peer, peer_port = sock.ends(common)
    if common.skc_state == LISTEN then
      if received > 0 then print(("%s:%d  %d connections not accepted"):format(addr, port, received)) end
    elseif received > 0 or sent > 0 then
      print(("%s:%d - %s:%d  %d bytes not read, %d bytes not acknowledged"):format(addr, port, peer, peer_port, received, sent))
    end
  end
end
print(("%d TCP sockets"):format(count))
