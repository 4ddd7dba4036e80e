-- SPDX-License-Identifier: BSD-2-Clause
-- net/ip6_fib.h: IPv6 routes, out of the radix trees of net/ipv6/ip6_fib.c. A node names its parent, so no walk runs in a circle. Checked
-- against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out routes that were learnt for single destinations (exceptions).
local fib = require "kvm.linux.fib"
local hlist = require "kvm.linux.hlist"
local kvm_error = require "kvm.error"
local netdevice = require "kvm.linux.netdevice"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local RTN_RTINFO <const> = 4 -- include/uapi/linux/ipv6_route.h
local MAX_DEPTH <const>, MOST <const> = 256, 1 << 20
local TABLES_HASH <const> = {[true] = 256, [false] = 1} -- FIB6_TABLE_HASHSZ, with and without CONFIG_IPV6_MULTIPLE_TABLES

local function fail(addr, form, ...)
  error(kvm_error.new {code = "format", addr = addr, message = ("fib6 tree: node 0x%x: "):format(addr) .. form:format(...)}, 0)
end

-- The nodes below a node that have routes.
local function nodes(node, depth, emit)
  if depth > MAX_DEPTH then fail(object.addr(node), "the tree is deeper than %d", MAX_DEPTH) end
  if node.fn_flags & RTN_RTINFO ~= 0 then emit(node) end
  for _, side in ipairs {"left", "right", "subtree"} do
    -- subtree (of sources): CONFIG_IPV6_SUBTREES
    local child = object.typeof(node):strip():field(side) and node[side]
    if child then
      if not child.parent or object.addr(child.parent) ~= object.addr(node) then
        fail(object.addr(child), "it hangs below 0x%x, which is not its parent", object.addr(node))
      end
      nodes(child, depth + 1, emit)
    end
  end
end

local function address(key)
  return netdevice.ipv6(kvm_error.check(object.handle(key):read(object.addr(key, "addr"), 16))), key.plen
end

-- The way of a route: behind it, or (since 5.3) in a nexthop object, which may be a group of several.
local function ways(info)
  if info.nh then return fib.nexthop_ways(info.nh) end
  local k = object.handle(info)
  local first = kvm_error.check(k:object(object.addr(info, "fib6_nh"), types.of(k, "struct fib6_nh")))
  return {fib.way(first.nh_common)}
end

local function route(info, table_id)
  local destination, prefix = address(info.fib6_dst)
  local source, source_prefix = address(info.fib6_src)
  local preferred, has_preferred = address(info.fib6_prefsrc)
  return {
    destination = destination, prefix = prefix, from = source_prefix > 0 and ("%s/%d"):format(source, source_prefix) or nil,
    source = has_preferred > 0 and preferred or nil, table = fib.table_name(table_id), type = fib.type_name(info.fib6_type),
    priority = info.fib6_metric, flags = info.fib6_flags, ways = ways(info), addr = object.addr(info),
  }
end

--- The IPv6 routes of a namespace.
-- @param net `struct net`
-- @treturn function an iterator of tables: destination (text), prefix (bits), from (source that it is for, "fd00::/64"; nil: any), source
--  (preferred address; nil for none), table ("main", "local", a number as text), type ("unicast", "local", ...), priority (metric), flags
--  (RTF_*), ways ({{device, gateway, flags (RTNH_F_*), scope},...}), addr (`struct fib6_info *`)
-- @raise kvm.Error `notfound`: this kernel has no IPv6 (CONFIG_IPV6); `format` where a tree is damaged; `fault`, `excluded`
-- @usage for r in kvm.linux.fib6.for_each_route(k:object("init_net")) do assert(r.prefix <= 128) end
function M.for_each_route(net)
  if not object.typeof(net):strip():field "ipv6" then kvm_error.fail("notfound", "this kernel has no IPv6 (CONFIG_IPV6)") end
  local k = object.handle(net)
  local several = types.of(k, "struct netns_ipv6"):strip():field "fib6_has_custom_rules" ~= nil
  return coroutine.wrap(function()
    if not net.ipv6.fib_table_hash then return end -- ipv6.disable=1
    for table in hlist.for_each_in_table("struct fib6_table", net.ipv6.fib_table_hash, "tb6_hlist", TABLES_HASH[several], MOST) do
      nodes(table.tb6_root, 1, function(node)
        local info, left = node.leaf, MOST
        while info do
          left = left - 1
          if left < 0 then fail(object.addr(node), "its routes do not end") end
          coroutine.yield(route(info, table.tb6_id))
          info = info.fib6_next
        end
      end)
    end
  end)
end

return M
