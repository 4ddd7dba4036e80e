-- SPDX-License-Identifier: BSD-2-Clause
-- net/neighbour.h: the ARP and neighbour discovery tables. Neighbours of a bucket are linked by a pointer until 6.12, by a hash list since
-- 6.13. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local hlist = require "kvm.linux.hlist"
local kallsyms = require "kvm.linux.kallsyms"
local netdevice = require "kvm.linux.netdevice"
local object = require "kvm.object"

local M = {}

local MAX_SHIFT <const>, MOST <const> = 24, 1 << 20
local MAX_ADDR_LEN <const> = 32

-- include/uapi/linux/neighbour.h
local STATES <const> = {{0x1, "incomplete"}, {0x2, "reachable"}, {0x4, "stale"}, {0x8, "delay"}, {0x10, "probe"}, {0x20, "failed"},
  {0x40, "noarp"}, {0x80, "permanent"}}

local TABLES <const> = {
  inet = {symbol = "arp_tbl", what = "ARP", config = "CONFIG_INET", len = 4, text = netdevice.ipv4},
  inet6 = {symbol = "nd_tbl", what = "IPv6", config = "CONFIG_IPV6", len = 16, text = netdevice.ipv6},
}

local function chained(k, first)
  local left, o = MOST, first
  return function()
    local this = o
    if not this then return nil end
    left = left - 1
    if left < 0 then kvm_error.fail("format", "a bucket of neighbours does not end") end
    o = this.next
    return this
  end, k
end

local function each(k, hash, emit)
  local shift = hash.hash_shift
  if shift > MAX_SHIFT then kvm_error.fail("format", "a table of 2^%d buckets of neighbours at 0x%x", shift, object.addr(hash)) end
  if object.typeof(hash):strip():field "hash_heads" then
    for n in hlist.for_each_in_table("struct neighbour", hash.hash_heads, "hash", 1 << shift, MOST) do emit(n) end
    return
  end
  local buckets = k:ptr(object.addr(hash, "hash_buckets"))
  for i = 0, (1 << shift) - 1 do
    local first = k:ptr(buckets + 8 * i)
    if first ~= 0 then
      for n in chained(k, kvm_error.check(k:object(first, "struct neighbour"))) do emit(n) end
    end
  end
end

--- What a neighbour's state is called.
-- @tparam integer state NUD_* bits
-- @treturn string "reachable", "stale", ... ; "none"
-- @usage assert(kvm.linux.neighbour.state_name(2) == "reachable")
function M.state_name(state)
  for _, s in ipairs(STATES) do
    if state & s[1] ~= 0 then return s[2] end
  end
  return "none"
end

local function hardware(n, dev)
  local len = dev and dev.addr_len or 0
  if len > MAX_ADDR_LEN then kvm_error.fail("format", "a hardware address of %d bytes at 0x%x", len, object.addr(n)) end
  local bytes = len > 0 and kvm_error.check(object.handle(n):read(object.addr(n, "ha"), len)) or ""
  return (bytes:gsub(".", function(c) return ("%02x:"):format(c:byte()) end):sub(1, -2))
end

--- The neighbours of a family.
-- @param k an open handle
-- @tparam string family "inet" (ARP) or "inet6"
-- @treturn function an iterator of tables: address, device (name), lladdr (text), state (see state_name), flags (NTF_*), addr
--  (`struct neighbour *`), net (address of its namespace)
-- @raise kvm.Error `notfound`: this kernel has no such table; `format` where it is damaged; `fault`, `excluded`
-- @usage for n in kvm.linux.neighbour.for_each(k, "inet") do assert(n.address:find "^%d+%.%d+%.%d+%.%d+$") end
function M.for_each(k, family)
  local t = TABLES[family]
  local table = kvm_error.check(k:object((kallsyms.need(k, {t.symbol}, t.what, t.config)), "struct neigh_table"))
  return coroutine.wrap(function()
    each(k, table.nht, function(n)
      local dev = n.dev
      coroutine.yield {address = t.text(kvm_error.check(k:read(object.addr(n, "primary_key"), t.len))), device = dev and dev.name,
        lladdr = hardware(n, dev), state = M.state_name(n.nud_state), flags = n.flags, addr = object.addr(n),
        net = dev and object.addr(dev.nd_net.net)}
    end)
  end)
end

return M
