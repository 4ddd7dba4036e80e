-- SPDX-License-Identifier: BSD-2-Clause
-- linux/netfilter.h: the functions that see packets on their way through a namespace, in the order in which they are called. Checked
-- against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out what those functions look up (tables and chains of nf_tables and iptables).
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"
local netdevice = require "kvm.linux.netdevice"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local MOST <const> = 1024 -- MAX_HOOK_COUNT, net/netfilter/core.c

-- Hooks by family, from 0 on: uapi/linux/netfilter.h, netfilter_arp.h, netfilter_bridge.h.
local INET <const> = {"prerouting", "input", "forward", "output", "postrouting"}
local FAMILIES <const> = {
  {name = "ip", member = "hooks_ipv4", hooks = INET}, {name = "ip6", member = "hooks_ipv6", hooks = INET},
  {name = "arp", member = "hooks_arp", hooks = {"input", "output", "forward"}}, {name = "bridge", member = "hooks_bridge", hooks = INET},
}
local OF_DEVICES <const> = {{"ingress", "nf_hooks_ingress"}, {"egress", "nf_hooks_egress"}} -- egress since 5.16

-- The functions of a hook; behind them lie the pointers to what they were registered with.
local function functions(entries, emit)
  local k, count = object.handle(entries), entries.num_hook_entries
  if count > MOST then kvm_error.fail("format", "%d functions of netfilter at 0x%x", count, object.addr(entries)) end
  local first = object.addr(entries, "hooks")
  local size = types.sizeof(k, "struct nf_hook_entry")
  for i = 0, count - 1 do
    local ops = kvm_error.check(k:object(k:ptr(first + count * size + 8 * i), "struct nf_hook_ops"))
    local func = k:ptr(first + i * size)
    emit {func = kallsyms.symbol_name(k, func), func_addr = func, priority = ops.priority, addr = object.addr(ops)}
  end
end

--- The functions that see a namespace's packets.
-- @param net `struct net`
-- @treturn function an iterator of tables: family ("ip", "ip6", "arp", "bridge", "netdev"), hook ("prerouting", "input", "forward",
--  "output", "postrouting"; of "netdev" "ingress" or "egress"), device (name, of "netdev"), priority (the lowest first), func (symbol),
--  func_addr, addr (`struct nf_hook_ops *`)
-- @raise kvm.Error `notfound`: this kernel has no netfilter (CONFIG_NETFILTER); `format`: more functions than there can be
-- @usage for h in kvm.linux.netfilter.for_each_hook(k:object "init_net") do assert(h.family and h.hook) end
function M.for_each_hook(net)
  if not object.typeof(net):strip():field "nf" then kvm_error.fail("notfound", "this kernel has no netfilter (CONFIG_NETFILTER)") end
  return coroutine.wrap(function()
    local nf = object.typeof(net):strip():field("nf").type:strip()
    for _, family in ipairs(FAMILIES) do
      for i, hook in ipairs(nf:field(family.member) and family.hooks or {}) do
        local entries = net.nf[family.member][i - 1]
        if entries then
          functions(entries, function(rec)
            rec.family, rec.hook = family.name, hook
            coroutine.yield(rec)
          end)
        end
      end
    end
    for dev in netdevice.for_each_netdev(net) do
      for _, of in ipairs(OF_DEVICES) do
        local entries = object.typeof(dev):strip():field(of[2]) and dev[of[2]]
        if entries then
          functions(entries, function(rec)
            rec.family, rec.hook, rec.device = "netdev", of[1], dev.name
            coroutine.yield(rec)
          end)
        end
      end
    end
  end)
end

return M
