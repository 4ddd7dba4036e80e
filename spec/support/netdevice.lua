-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a network device and its addresses, for the specs of what walks them.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local NET, DEV, MAC, IN, IFA, IN6, IFA6 = S, S + 0x800, S + 0xe0, S + 0x100, S + 0x140, S + 0x200, S + 0x240
M.at = {OPS = S + 0xb00, QDISC = S + 0xb80, NET = NET, DEV = DEV, MAC = MAC, IN = IN, IFA = IFA, IN6 = IN6, IFA6 = IFA6}

-- The members of struct net_device_stats.
M.COUNTERS = {"rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "multicast",
  "collisions", "rx_length_errors", "rx_over_errors", "rx_crc_errors", "rx_frame_errors", "rx_fifo_errors", "rx_missed_errors",
    "tx_aborted_errors", "tx_carrier_errors", "tx_fifo_errors", "tx_heartbeat_errors", "tx_window_errors", "rx_compressed", "tx_compressed"}

-- How devices count, besides: as since 5.18, as before.
local CORE <const> = "struct net_device_core_stats { unsigned long rx_dropped, tx_dropped, rx_nohandler; };"
M.layouts = {{name = "of 7.2", declarations = CORE .. "enum netdev_stat_type { NETDEV_PCPU_STAT_NONE, NETDEV_PCPU_STAT_LSTATS, "
  .. "NETDEV_PCPU_STAT_TSTATS };", members = "struct net_device_core_stats *core_stats; enum netdev_stat_type pcpu_stat_type; "
  .. "unsigned char priv[0];", is_new = true},
  {name = "of 5.10", declarations = "", members = "struct atomic_long rx_dropped, tx_dropped, rx_nohandler;"}}

--- An open handle, and what else the specs need; memory.forget behind the test.
function M.open(layout)
  layout = layout or M.layouts[1]
  local k, net, dev
  k = memory.open(([[
    struct cpumask { unsigned long bits[1]; };
    struct atomic_long { long counter; };
    struct local64 { struct atomic_long a; };
    struct u64_stats { struct local64 v; };
    struct net_device_stats { unsigned long %s; };
    struct pcpu_sw_netstats { struct u64_stats rx_packets, rx_bytes, tx_packets, tx_bytes; };
    struct pcpu_lstats { struct u64_stats packets, bytes; };
    struct net_device_ops { void *(*ndo_get_stats64)(void), *(*ndo_get_stats)(void); };
    struct Qdisc_ops { char id[16]; };
    struct Qdisc { struct Qdisc_ops *ops; };
    struct queue_stats { unsigned long packets, bytes, drops, tx_timeouts; };
    struct some_queue { int pad; struct queue_stats stats; };
    struct virtnet_info { struct some_queue *sq, *rq; unsigned short max_queue_pairs; };
    %s
    struct in_ifaddr { struct in_ifaddr *ifa_next; unsigned int ifa_local; unsigned char ifa_prefixlen, ifa_scope; unsigned int ifa_flags;
      char ifa_label[16]; };
    struct in_device { struct in_ifaddr *ifa_list; };
    struct in6_addr { unsigned char bytes[16]; };
    struct inet6_ifaddr { struct in6_addr addr; unsigned int prefix_len, flags; unsigned short scope; struct list_head if_list; };
    struct inet6_dev { struct list_head addr_list; };
    struct net_device { struct list_head dev_list; char name[16]; int ifindex; unsigned int flags; unsigned char operstate, addr_len;
      unsigned char *dev_addr; struct in_device *ip_ptr; struct inet6_dev *ip6_ptr; struct net_device_ops *netdev_ops; struct Qdisc *qdisc;
      struct net_device_stats stats; union { struct pcpu_lstats *lstats; struct pcpu_sw_netstats *tstats; }; %s };
    struct net { struct list_head dev_base_head; };
  ]]):format(table.concat(M.COUNTERS, ", "), layout.declarations, layout.members))
  local function ring(head, node)
    assert(k:write(head, ("<I8I8"):pack(node, node)))
    assert(k:write(node, ("<I8I8"):pack(head, head)))
  end
  ring(NET, DEV)
  memory.set(k, "struct net_device", DEV, {ifindex = 2, flags = 0x1 | 0x1000, operstate = 6, addr_len = 6, dev_addr = MAC, ip_ptr = IN,
    ip6_ptr = IN6, netdev_ops = M.at.OPS, qdisc = M.at.QDISC})
  memory.set(k, "struct Qdisc", M.at.QDISC, {ops = M.at.QDISC + 0x20})
  assert(k:write(M.at.QDISC + 0x20, "fq_codel\0"))
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
