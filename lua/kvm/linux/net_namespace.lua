-- SPDX-License-Identifier: BSD-2-Clause
-- net/net_namespace.h: the network namespaces. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local list = require "kvm.linux.list"

local M = {}

local MOST <const> = 1 << 20

--- The network namespaces.
-- @param k an open handle
-- @return iterator of objects `struct net`
-- @raise kvm.Error `notfound`: this kernel has no network (CONFIG_NET); `format`, `fault`, `excluded`
-- @usage for net in kvm.linux.net_namespace.for_each_net(k) do assert(net.ns.inum ~= 0) end
function M.for_each_net(k)
  local head = kallsyms.need(k, {"net_namespace_list"}, "network", "CONFIG_NET")
  return list.for_each_entry("struct net", kvm_error.check(k:object(head, "struct list_head")), "list", MOST)
end

--- The first network namespace.
-- @param k an open handle
-- @return `struct net`
-- @raise kvm.Error `notfound`: this kernel has no network (CONFIG_NET)
-- @usage assert(kvm.linux.net_namespace.init_net(k).ns.inum ~= 0)
function M.init_net(k)
  return kvm_error.check(k:object(kallsyms.need(k, {"init_net"}, "network", "CONFIG_NET"), "struct net"))
end

--- A network namespace by its number.
-- @param k an open handle
-- @tparam integer inum as in /proc/PID/ns/net
-- @return `struct net`, nil when there is none
-- @raise kvm.Error as for_each_net
-- @usage local inum = kvm.linux.net_namespace.init_net(k).ns.inum assert(kvm.linux.net_namespace.by_inode(k, inum).ns.inum == inum)
function M.by_inode(k, inum)
  for net in M.for_each_net(k) do
    if net.ns.inum == inum then return net end
  end
  return nil
end

return M
