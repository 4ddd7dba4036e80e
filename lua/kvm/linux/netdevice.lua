-- SPDX-License-Identifier: BSD-2-Clause
-- linux/netdevice.h, linux/inetdevice.h and net/if_inet6.h: network devices and their addresses, as ip addr shows them. Counters:
-- if_link.lua. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local object = require "kvm.object"

local M = {}

local MOST <const> = 1 << 20
local MAX_ADDR_LEN <const> = 32

-- include/uapi/linux/if.h
local FLAGS <const> = {{0x1, "UP"}, {0x2, "BROADCAST"}, {0x4, "DEBUG"}, {0x8, "LOOPBACK"}, {0x10, "POINTOPOINT"}, {0x80, "NOARP"},
  {0x100, "PROMISC"}, {0x200, "ALLMULTI"}, {0x400, "MASTER"}, {0x800, "SLAVE"}, {0x1000, "MULTICAST"}}
local OPERSTATES <const> = {[0] = "unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"}

--- The devices of a namespace.
-- @param net `struct net`
-- @return iterator of objects `struct net_device`
-- @raise kvm.Error `format` where the list is damaged; `fault`, `excluded`
-- @usage for dev in kvm.linux.netdevice.for_each_netdev(k:object("init_net")) do assert(dev.ifindex > 0) end
function M.for_each_netdev(net)
  return list.for_each_entry("struct net_device", net.dev_base_head, "dev_list", MOST)
end

--- The names of a device's flags.
-- @param dev `struct net_device`
-- @treturn {string,...} "UP", "BROADCAST", ...
-- @raise kvm.Error
-- @usage for dev in kvm.linux.netdevice.for_each_netdev(k:object("init_net")) do assert(kvm.linux.netdevice.flags(dev)) end
function M.flags(dev)
  local out, flags = {}, dev.flags
  for _, flag in ipairs(FLAGS) do
    if flags & flag[1] ~= 0 then out[#out + 1] = flag[2] end
  end
  return out
end

--- The operational state of a device (RFC 2863).
-- @param dev `struct net_device`
-- @treturn string "up", "down", "unknown" ...
-- @raise kvm.Error
-- @usage for dev in kvm.linux.netdevice.for_each_netdev(k:object("init_net")) do assert(kvm.linux.netdevice.operstate(dev)) end
function M.operstate(dev)
  return OPERSTATES[dev.operstate] or tostring(dev.operstate)
end

--- The hardware address of a device.
-- @param dev `struct net_device`
-- @treturn string "52:54:00:12:34:56", "" for none
-- @raise kvm.Error `format` for a length that can't be
-- @usage for dev in kvm.linux.netdevice.for_each_netdev(k:object("init_net")) do assert(kvm.linux.netdevice.address(dev)) end
function M.address(dev)
  local len = dev.addr_len
  if len > MAX_ADDR_LEN then kvm_error.fail("format", "a hardware address of %d bytes at 0x%x", len, object.addr(dev)) end
  if len == 0 then return "" end
  local bytes = kvm_error.check(object.handle(dev):read(object.addr(dev.dev_addr), len))
  return (bytes:gsub(".", function(c) return ("%02x:"):format(c:byte()) end):sub(1, -2))
end

--- An IPv4 address as text.
-- @tparam string bytes four, in network order
-- @treturn string "127.0.0.1"
-- @usage assert(kvm.linux.netdevice.ipv4 "\127\0\0\1" == "127.0.0.1")
function M.ipv4(bytes)
  return ("%d.%d.%d.%d"):format(bytes:byte(1, 4))
end

--- An IPv6 address as text (RFC 5952).
-- @tparam string bytes sixteen, in network order
-- @treturn string "::1", "fe80::1", "::ffff:10.0.0.1"
-- @usage assert(kvm.linux.netdevice.ipv6(("\0"):rep(15) .. "\1") == "::1")
function M.ipv6(bytes)
  if bytes:sub(1, 12) == ("\0"):rep(10) .. "\xff\xff" then return "::ffff:" .. M.ipv4(bytes:sub(13)) end
  local words = table.pack((">I2I2I2I2I2I2I2I2"):unpack(bytes))
  local best, best_len, i = nil, 1, 1
  while i <= 8 do
    local j = i
    while j <= 8 and words[j] == 0 do j = j + 1 end
    if j - i > best_len then best, best_len = i, j - i end
    i = math.max(j, i) + 1
  end
  local function text(from, to)
    local out = {}
    for n = from, to do out[#out + 1] = ("%x"):format(words[n]) end
    return table.concat(out, ":")
  end
  if not best then return text(1, 8) end
  return text(1, best - 1) .. "::" .. text(best + best_len, 8)
end

local function bytes_of(o, path, len)
  return kvm_error.check(object.handle(o):read(object.addr(o, path), len))
end

-- ip(8)'s words, include/uapi/linux/rtnetlink.h
local SCOPES <const> = {[0] = "global", [200] = "site", [253] = "link", [254] = "host", [255] = "nowhere"}
local IFA_HOST <const>, IFA_LINK <const>, IFA_SITE <const> = 0x10, 0x20, 0x40 -- net/ipv6.h: IPV6_ADDR_LOOPBACK, LINKLOCAL, SITELOCAL

--- The addresses of a device.
-- @param dev `struct net_device`
-- @treturn function an iterator of tables: family ("inet", "inet6"), address (text), prefix (bits), scope ("global", "link", "host" ...),
--  label (IPv4), flags (IFA_F_*), addr (`struct in_ifaddr *` or `struct inet6_ifaddr *`)
-- @raise kvm.Error `format` where a list is damaged; `fault`, `excluded`
-- @usage for dev in kvm.linux.netdevice.for_each_netdev(k:object("init_net")) do
-- for a in kvm.linux.netdevice.for_each_address(dev) do assert(a.prefix > 0) end end
function M.for_each_address(dev)
  return coroutine.wrap(function()
    local ip, left = dev.ip_ptr, MOST
    local a = ip and ip.ifa_list
    while a do
      left = left - 1
      if left < 0 then kvm_error.fail("format", "the IPv4 addresses of %s do not end", dev.name) end
      coroutine.yield {family = "inet", address = M.ipv4(bytes_of(a, "ifa_local", 4)), prefix = a.ifa_prefixlen,
        scope = SCOPES[a.ifa_scope] or tostring(a.ifa_scope), label = a.ifa_label, flags = a.ifa_flags, addr = object.addr(a)}
      a = a.ifa_next
    end
    local ip6 = dev.ip6_ptr
    if not ip6 then return end
    for six in list.for_each_entry("struct inet6_ifaddr", ip6.addr_list, "if_list", MOST) do
      local scope = six.scope
      coroutine.yield {family = "inet6", address = M.ipv6(bytes_of(six, "addr", 16)), prefix = six.prefix_len,
        scope = scope & IFA_HOST ~= 0 and "host" or scope & IFA_LINK ~= 0 and "link" or scope & IFA_SITE ~= 0 and "site" or "global",
        flags = six.flags, addr = object.addr(six)}
    end
  end)
end

return M
