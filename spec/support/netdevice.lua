-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a network device and its addresses, for the specs of what walks them.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local NET, DEV, MAC, IN, IFA, IN6, IFA6 = S, S + 0x40, S + 0xe0, S + 0x100, S + 0x140, S + 0x200, S + 0x240
M.at = {NET = NET, DEV = DEV, MAC = MAC, IN = IN, IFA = IFA, IN6 = IN6, IFA6 = IFA6}

--- An open handle, and what else the specs need; memory.forget behind the test.
function M.open()
  local k, net, dev
  k = memory.open [[
    struct in_ifaddr { struct in_ifaddr *ifa_next; unsigned int ifa_local; unsigned char ifa_prefixlen, ifa_scope; unsigned int ifa_flags;
      char ifa_label[16]; };
    struct in_device { struct in_ifaddr *ifa_list; };
    struct in6_addr { unsigned char bytes[16]; };
    struct inet6_ifaddr { struct in6_addr addr; unsigned int prefix_len, flags; unsigned short scope; struct list_head if_list; };
    struct inet6_dev { struct list_head addr_list; };
    struct net_device { struct list_head dev_list; char name[16]; int ifindex; unsigned int flags; unsigned char operstate, addr_len;
      unsigned char *dev_addr; struct in_device *ip_ptr; struct inet6_dev *ip6_ptr; };
    struct net { struct list_head dev_base_head; };
  ]]
  local function ring(head, node)
    assert(k:write(head, ("<I8I8"):pack(node, node)))
    assert(k:write(node, ("<I8I8"):pack(head, head)))
  end
  ring(NET, DEV)
  memory.set(k, "struct net_device", DEV, {ifindex = 2, flags = 0x1 | 0x1000, operstate = 6, addr_len = 6, dev_addr = MAC, ip_ptr = IN,
    ip6_ptr = IN6})
  assert(k:write(DEV + 16, "eth7\0"))
  assert(k:write(MAC, "\x52\x54\x00\x12\x34\x56"))
  memory.set(k, "struct in_device", IN, {ifa_list = IFA})
  memory.set(k, "struct in_ifaddr", IFA, {ifa_prefixlen = 24, ifa_scope = 253, ifa_flags = 0x80})
  assert(k:write(IFA + 8, "\10\0\2\15"))
  ring(IN6, IFA6 + k:type("struct inet6_ifaddr"):strip():field("if_list").offset)
  assert(k:write(IFA6, "\xfe\x80" .. ("\0"):rep(13) .. "\1"))
  memory.set(k, "struct inet6_ifaddr", IFA6, {prefix_len = 64, scope = 0x20})
  net, dev = k:object(NET, "struct net"), k:object(DEV, "struct net_device")
  return k, net, dev
end

return M
