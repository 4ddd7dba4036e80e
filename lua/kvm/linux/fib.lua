-- SPDX-License-Identifier: BSD-2-Clause
-- net/ip_fib.h: IPv4 routes, out of the tries of net/ipv4/fib_trie.c. A node names its parent, so no walk runs in a circle. The local table
-- shares the trie of the main one until there are rules; each route names its own table. Checked against Linux 5.10, 6.1,
-- 6.12 and 7.2. IPv6: fib6.lua.
local kvm_error = require "kvm.error"
local hlist = require "kvm.linux.hlist"
local netdevice = require "kvm.linux.netdevice"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local MAX_DEPTH <const>, MAX_BITS <const>, MOST <const> = 64, 28, 1 << 20

-- include/uapi/linux/rtnetlink.h
local TYPES <const> = {"unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw", "nat",
  "xresolve"}
local TABLES <const> = {[253] = "default", [254] = "main", [255] = "local"}
local SCOPES <const> = {[0] = "global", [200] = "site", [253] = "link", [254] = "host", [255] = "nowhere"}

local function fail(addr, form, ...)
  error(kvm_error.new {code = "format", addr = addr, message = ("fib trie: node 0x%x: "):format(addr) .. form:format(...)}, 0)
end

local function trie_of(k)
  local vector, tnode = "struct key_vector", "struct tnode"
  return {k = k, vector = types.of(k, vector), tnode = types.offsetof(k, vector, "tnode"), parent = types.offsetof(k, tnode, "parent"),
    inside = types.offsetof(k, tnode, "kv")}
end

-- Leaves below a node, which is a key vector that hangs in a struct tnode (but for the top).
local function leaves(trie, node, depth, emit)
  local addr, bits = object.addr(node), node.bits
  if depth > MAX_DEPTH then fail(addr, "the trie is deeper than %d", MAX_DEPTH) end
  if bits > MAX_BITS then fail(addr, "it has 2^%d children", bits) end
  for i = 0, (1 << bits) - 1 do
    local at = trie.k:ptr(addr + trie.tnode + 8 * i)
    if at ~= 0 then
      local parent = trie.k:ptr(at - trie.inside + trie.parent)
      if parent ~= addr then fail(at, "its parent is 0x%x, it hangs below 0x%x", parent, addr) end
      local child = kvm_error.check(trie.k:object(at, trie.vector))
      if child.bits == 0 then emit(child) else leaves(trie, child, depth + 1, emit) end
    end
  end
end

local function ipv4(number) return netdevice.ipv4((">I4"):pack(number & 0xffffffff)) end

-- A __be32 as it lies in memory.
local function ipv4_at(o, path)
  return netdevice.ipv4(kvm_error.check(object.handle(o):read(object.addr(o, path), 4)))
end

--- A way that packets of a route go.
-- @param common `struct fib_nh_common`
-- @treturn table device (name), gateway (address as text; nil for none), flags (RTNH_F_*), scope
-- @raise kvm.Error
-- @usage for r in kvm.linux.fib.for_each_route(k:object("init_net")) do assert(not r.ways[1] or r.ways[1].flags >= 0) end
function M.way(common)
  local dev = common.nhc_dev
  return {device = dev and dev.name, gateway = common.nhc_gw_family == 2 and ipv4_at(common, "nhc_gw.ipv4")
    or common.nhc_gw_family == 10 and netdevice.ipv6(kvm_error.check(object.handle(common):read(object.addr(common, "nhc_gw.ipv6"), 16)))
    or nil, flags = common.nhc_flags, scope = common.nhc_scope}
end

--- The ways of a nexthop object. Those of a group are left out.
-- @param nexthop `struct nexthop`
-- @treturn {table,...} as way
-- @raise kvm.Error
-- @usage for r in kvm.linux.fib.for_each_route(k:object("init_net")) do assert(r.ways) end
function M.nexthop_ways(nexthop)
  return nexthop.is_group and {} or {M.way(nexthop.nh_info.fib_nhc)}
end

-- The ways of a route: in the route itself, or (since 5.3) in a nexthop object.
local function ways(info)
  local nexthop, out = info.nh, {}
  if nexthop then return M.nexthop_ways(nexthop), nexthop.id end
  local k, count = object.handle(info), info.fib_nhs
  if count < 0 or count > 1 << 16 then kvm_error.fail("format", "a route of %d ways at 0x%x", count, object.addr(info)) end
  local t, at = types.of(k, "struct fib_nh"), object.addr(info) + types.offsetof(k, "struct fib_info", "fib_nh")
  for i = 0, count - 1 do out[i + 1] = M.way(kvm_error.check(k:object(at + i * t:size(), t)).nh_common) end
  return out
end

--- The name of a table, as ip(8) has it.
-- @tparam integer id
-- @treturn string "main", "local", "default"; the number of another one
-- @usage assert(kvm.linux.fib.table_name(254) == "main")
function M.table_name(id) return TABLES[id] or tostring(id) end

--- The name of a type of routes, as ip(8) has it.
-- @tparam integer kind RTN_*
-- @treturn string "unicast", "local", "blackhole", ...; the number of another one
-- @usage assert(kvm.linux.fib.type_name(1) == "unicast")
function M.type_name(kind) return TYPES[kind] or tostring(kind) end

local function route(leaf, alias)
  local info = alias.fa_info
  local hops, nexthop_id = ways(info)
  return {
    destination = ipv4(leaf.key), prefix = 32 - alias.fa_slen, table = M.table_name(alias.tb_id),
    type = M.type_name(alias.fa_type), scope = SCOPES[info.fib_scope] or tostring(info.fib_scope),
    priority = info.fib_priority, source = info.fib_prefsrc ~= 0 and ipv4_at(info, "fib_prefsrc") or nil, ways = hops,
    nexthop = nexthop_id, addr = object.addr(alias),
  }
end

local TABLES_HASH <const> = {[true] = 256, [false] = 2} -- FIB_TABLE_HASHSZ, with and without CONFIG_IP_MULTIPLE_TABLES

--- The IPv4 routes of a namespace.
-- @param net `struct net`
-- @treturn function an iterator of tables: destination (text), prefix (bits), table ("main", "local", a number as text), type ("unicast",
--  "local", ...), scope, priority, source (nil for none), ways ({{device, gateway, flags (RTNH_F_*), scope},...}), nexthop (id of a
--  nexthop object, nil for none), addr (`struct fib_alias *`)
-- @raise kvm.Error `format` where a trie is damaged; `fault`, `excluded`
-- @usage for r in kvm.linux.fib.for_each_route(k:object("init_net")) do assert(r.prefix <= 32) end
function M.for_each_route(net)
  local k = object.handle(net)
  local several = types.of(k, "struct netns_ipv4"):strip():field "fib_has_custom_rules" ~= nil
  return coroutine.wrap(function()
    local trie, seen = trie_of(k), {}
    for table in hlist.for_each_in_table("struct fib_table", net.ipv4.fib_table_hash, "tb_hlist", TABLES_HASH[several], MOST) do
      local top = object.addr(table.tb_data)
      if not seen[top] then
        seen[top] = true
        leaves(trie, kvm_error.check(k:object(top, trie.vector)), 1, function(leaf)
          for alias in hlist.for_each_entry("struct fib_alias", leaf.leaf, "fa_list", MOST) do coroutine.yield(route(leaf, alias)) end
        end)
      end
    end
  end)
end

return M
