-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local fib6 = require "kvm.linux.fib6"
local kvm = require "kvm"
local memory = require "spec.support.memory"

local S = memory.START
local NET, HEADS, TABLE, NODE, INFO, NEXT, DEV, HOP = S, S + 0x40, S + 0x900, S + 0xa00, S + 0xb00, S + 0xc00, S + 0xd00, S + 0xd40
local DECLARATIONS = [[
  struct hlist_node { struct hlist_node *next, **pprev; };
  struct hlist_head { struct hlist_node *first; };
  struct in6_addr { unsigned char bytes[16]; };
  struct rt6key { struct in6_addr addr; int plen; };
  struct net_device { char name[16]; };
  struct fib_nh_common { struct net_device *nhc_dev; unsigned char nhc_flags, nhc_gw_family, nhc_scope;
    union { unsigned int ipv4; struct in6_addr ipv6; } nhc_gw; };
  struct fib6_nh { struct fib_nh_common nh_common; };
  struct nh_info { struct fib_nh_common fib_nhc; };
  struct nexthop { unsigned int id; bool is_group; struct nh_info *nh_info; };
  struct fib6_info { struct fib6_info *fib6_next; struct rt6key fib6_dst, fib6_src, fib6_prefsrc; unsigned int fib6_flags, fib6_metric;
    unsigned char fib6_type; struct nexthop *nh; struct fib6_nh fib6_nh[0]; };
  struct fib6_node { struct fib6_node *parent, *left, *right; struct fib6_info *leaf; unsigned short fn_flags; };
  struct fib6_table { struct hlist_node tb6_hlist; unsigned int tb6_id; struct fib6_node tb6_root; };
  struct netns_ipv6 { struct hlist_head *fib_table_hash; %s };
  struct net { struct netns_ipv6 ipv6; };
]]

for _, several in ipairs {true, false} do
  describe("kvm.linux.fib6 with " .. (several and "several tables" or "one table"), function()
    harness.guard()
    local k, set, net
    before_each(function()
      k = memory.open(DECLARATIONS:format(several and "bool fib6_has_custom_rules;" or ""))
      set = function(t, at, members) memory.set(k, "struct " .. t, at, members) end
      net = k:object(NET, "struct net")
      local bucket = HEADS + (several and 8 * 254 or 0)
      set("netns_ipv6", NET, {fib_table_hash = HEADS})
      assert(k:write(bucket, ("<I8"):pack(TABLE)))
      set("fib6_table", TABLE, {["tb6_hlist.pprev"] = bucket, tb6_id = 254, ["tb6_root.left"] = NODE})
      local root = TABLE + k:type("struct fib6_table"):strip():field("tb6_root").offset
      set("fib6_node", NODE, {parent = root, leaf = INFO, fn_flags = 4})
      assert(k:write(DEV, "eth0\0"))
      set("fib6_info", INFO, {fib6_next = NEXT, fib6_metric = 256, fib6_flags = 1, fib6_type = 1, ["fib6_dst.plen"] = 64})
      local t = k:type("struct fib6_info"):strip()
      assert(k:write(INFO + t:field("fib6_dst").offset, "\xfd\0\0\1"))
      set("fib6_nh", INFO + t:field("fib6_nh").offset, {["nh_common.nhc_dev"] = DEV, ["nh_common.nhc_gw_family"] = 10})
      local gw = INFO + t:field("fib6_nh").offset + k:type("struct fib6_nh"):strip():field("nh_common.nhc_gw").offset
      assert(k:write(gw, "\xfe\x80" .. ("\0"):rep(13) .. "\2"))
      set("fib6_info", NEXT, {nh = HOP, fib6_type = 6, ["fib6_src.plen"] = 8, ["fib6_prefsrc.plen"] = 128})
      set("nexthop", HOP, {id = 3, nh_info = HOP + 0x40})
      set("nh_info", HOP + 0x40, {["fib_nhc.nhc_dev"] = DEV})
    end)

    local function routes() return memory.collect(fib6.for_each_route(net)) end

    it("gives routes with their ways", function()
      assert.are.same({
        {destination = "fd00:1::", prefix = 64, table = "main", type = "unicast", priority = 256, flags = 1, addr = INFO,
          ways = {{device = "eth0", gateway = "fe80::2", flags = 0, scope = 0}}},
        {destination = "::", prefix = 0, from = "::/8", source = "::", table = "main", type = "blackhole", priority = 0, flags = 0,
          addr = NEXT, ways = {{device = "eth0", flags = 0, scope = 0}}}}, (routes()))
      set("nexthop", HOP, {is_group = 1})
      assert.are.same({}, routes()[2].ways)
    end)

    it("passes over nodes without routes", function()
      set("fib6_node", NODE, {fn_flags = 0})
      assert.are.same({}, (routes()))
    end)

    it("stops where a node hangs below another one", function()
      set("fib6_node", NODE, {right = NODE})
      local got, err = routes()
      assert.are.same({2, "format", NODE}, {#got, err.code, err.addr})
    end)
  end)
end

describe("kvm.linux.fib6 without IPv6", function()
  it("says so, or gives none", function()
    local k = memory.open "struct net { int ifindex; };"
    assert.matches("CONFIG_IPV6", select(2, kvm.try(fib6.for_each_route, k:object(NET, "struct net"))).message, 1, true)
    k = memory.open(DECLARATIONS:format "")
    memory.set(k, "struct netns_ipv6", NET, {fib_table_hash = 0}) -- ipv6.disable=1
    assert.is_nil(fib6.for_each_route(k:object(NET, "struct net"))())
  end)
end)
