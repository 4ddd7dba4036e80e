-- SPDX-License-Identifier: BSD-2-Clause
local fib = require "kvm.linux.fib"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"

local S = memory.START
local NET, HEADS, TABLE, TOP, NODE, LEAF, ALIAS, INFO, DEV = S, S + 0x40, S + 0x100, S + 0x180, S + 0x200, S + 0x280, S + 0x300,
  S + 0x380, S + 0x480

describe("kvm.linux.fib", function()
  harness.guard()
  local k, net, KV

  local function u64(at, v) assert(k:write(at, ("<I8"):pack(v))) end
  before_each(function()
    k = memory.open [[
      struct hlist_node { struct hlist_node *next, **pprev; };
      struct hlist_head { struct hlist_node *first; };
      struct key_vector { unsigned int key; unsigned char pos, bits, slen;
        union { struct hlist_head leaf; struct key_vector *tnode[0]; }; };
      struct tnode { struct key_vector *parent; struct key_vector kv[1]; };
      struct fib_table { struct hlist_node tb_hlist; unsigned int tb_id; unsigned long *tb_data; };
      struct net_device { char name[16]; };
      struct nexthop_common { struct net_device *nhc_dev; unsigned char nhc_flags, nhc_gw_family, nhc_scope;
        union { unsigned int ipv4; unsigned char ipv6[16]; } nhc_gw; };
      struct fib_nh { struct nexthop_common nh_common; };
      struct nh_info { struct nexthop_common fib_nhc; };
      struct nexthop { unsigned int id; bool is_group; struct nh_info *nh_info; };
      struct fib_info { unsigned char fib_scope; unsigned int fib_prefsrc, fib_priority;
        int fib_nhs; struct nexthop *nh; struct fib_nh fib_nh[0]; };
      struct fib_alias { struct hlist_node fa_list; struct fib_info *fa_info; unsigned char fa_type, fa_slen; unsigned int tb_id; };
      struct netns_ipv4 { struct hlist_head *fib_table_hash; };
      struct net { struct netns_ipv4 ipv4; };
    ]]
    net = k:object(NET, "struct net")
    KV = k:type("struct tnode"):strip():field("kv").offset
    u64(NET, HEADS)
    u64(HEADS, TABLE)
    memory.set(k, "struct fib_table", TABLE, {["tb_hlist.pprev"] = HEADS, tb_id = 254, tb_data = TOP})
    local slots = k:type("struct key_vector"):strip():field("tnode").offset
    u64(TOP + slots, NODE + KV) -- the top has one child; that has two, of which one is a leaf
    memory.set(k, "struct tnode", NODE, {parent = TOP})
    memory.set(k, "struct key_vector", NODE + KV, {bits = 1})
    u64(NODE + KV + slots + 8, LEAF + KV)
    memory.set(k, "struct tnode", LEAF, {parent = NODE + KV})
    memory.set(k, "struct key_vector", LEAF + KV, {key = 0x0a000200, ["leaf.first"] = ALIAS})
    memory.set(k, "struct fib_alias", ALIAS, {["fa_list.pprev"] = LEAF + KV + slots, fa_info = INFO, fa_type = 1, fa_slen = 8, tb_id = 254})
    memory.set(k, "struct fib_info", INFO, {fib_scope = 253, fib_prefsrc = 0x0f02000a, fib_nhs = 2, fib_priority = 5})
    local way = INFO + k:type("struct fib_info"):strip():field("fib_nh").offset
    memory.set(k, "struct fib_nh", way, {["nh_common.nhc_dev"] = DEV, ["nh_common.nhc_gw_family"] = 2,
      ["nh_common.nhc_gw.ipv4"] = 0x0202000a})
    memory.set(k, "struct fib_nh", way + k:type("struct fib_nh"):size(), {["nh_common.nhc_dev"] = DEV})
    assert(k:write(DEV, "eth0\0"))
  end)

  local function routes() return memory.collect(fib.for_each_route(net)) end

  it("gives routes with their ways", function()
    assert.are.same({{destination = "10.0.2.0", prefix = 24, table = "main", type = "unicast", scope = "link", priority = 5,
      source = "10.0.2.15", addr = ALIAS, ways = {{device = "eth0", gateway = "10.0.2.2", flags = 0, scope = 0},
        {device = "eth0", flags = 0, scope = 0}}}}, (routes()))
  end)

  it("knows nexthop objects", function()
    memory.set(k, "struct fib_info", INFO, {nh = DEV + 0x40})
    memory.set(k, "struct nexthop", DEV + 0x40, {id = 9, nh_info = DEV + 0x80})
    memory.set(k, "struct nh_info", DEV + 0x80, {["fib_nhc.nhc_dev"] = DEV})
    local r = routes()[1]
    assert.are.same({9, "eth0", 1}, {r.nexthop, r.ways[1].device, #r.ways})
    memory.set(k, "struct nexthop", DEV + 0x40, {is_group = 1})
    assert.are.same({}, routes()[1].ways)
  end)

  it("stops where a trie is damaged, and does not run in a circle", function()
    memory.set(k, "struct tnode", LEAF, {parent = TOP})
    local got, err = routes()
    assert.are.same({{}, "format", LEAF + KV}, {got, err.code, err.addr})
    memory.set(k, "struct tnode", LEAF, {parent = NODE + KV})
    u64(NODE + KV + k:type("struct key_vector"):strip():field("tnode").offset, NODE + KV)
    got, err = routes()
    assert.are.same({{}, "format", NODE + KV}, {got, err.code, err.addr})
    memory.set(k, "struct key_vector", NODE + KV, {bits = 40})
    got, err = routes()
    assert.are.same({{}, "format"}, {got, err.code})
    memory.set(k, "struct key_vector", NODE + KV, {bits = 1})
    u64(NODE + KV + k:type("struct key_vector"):strip():field("tnode").offset, 0)
    memory.set(k, "struct fib_info", INFO, {fib_nhs = -1})
    got, err = routes()
    assert.are.same({{}, "format"}, {got, err.code})
  end)
end)
