-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local neighbour = require "kvm.linux.neighbour"

local S = memory.START
local TABLE, HASH, BUCKETS, DEV, NET = S, S + 0x40, S + 0x80, S + 0x100, S + 0x140
local function at(i) return S + 0x200 + 0x80 * i end

-- As until 6.12, and as since 6.13.
local LAYOUTS = {
  pointers = [[ struct neighbour { struct neighbour *next; struct net_device *dev; unsigned char ha[32], nud_state; unsigned int flags;
      unsigned char primary_key[16]; };
    struct neigh_hash_table { struct neighbour **hash_buckets; unsigned int hash_shift; }; ]],
  lists = [[ struct neighbour { struct hlist_node hash; struct net_device *dev; unsigned char ha[32], nud_state; unsigned int flags;
      unsigned char primary_key[16]; };
    struct neigh_hash_table { struct hlist_head *hash_heads; unsigned int hash_shift; }; ]],
}

for name, layout in pairs(LAYOUTS) do
  describe("kvm.linux.neighbour with " .. name, function()
    harness.guard()
    local k
    before_each(function()
      k = memory.open([[ struct hlist_node { struct hlist_node *next, **pprev; }; struct hlist_head { struct hlist_node *first; };
        struct net { long n; }; struct net_device { char name[16]; unsigned char addr_len; struct { struct net *net; } nd_net; };
        ]] .. layout .. " struct neigh_table { struct neigh_hash_table *nht; };")
      memory.symbols {arp_tbl = TABLE}
      memory.set(k, "struct neigh_table", TABLE, {nht = HASH})
      memory.set(k, "struct neigh_hash_table", HASH, {[name == "lists" and "hash_heads" or "hash_buckets"] = BUCKETS, hash_shift = 1})
      assert(k:write(DEV, "eth0\0"))
      memory.set(k, "struct net_device", DEV, {addr_len = 2, ["nd_net.net"] = NET})
      for i = 0, 1 do
        memory.set(k, "struct neighbour", at(i), {dev = DEV, nud_state = i == 0 and 2 or 0x80})
        assert(k:write(at(i) + k:type("struct neighbour"):strip():field("primary_key").offset, "\10\0\0" .. string.char(i)))
        assert(k:write(at(i) + k:type("struct neighbour"):strip():field("ha").offset, "\xab" .. string.char(i)))
      end
      assert(k:write(BUCKETS, ("<I8I8"):pack(0, at(0))))
      assert(k:write(at(0), ("<I8I8"):pack(at(1), name == "lists" and BUCKETS + 8 or DEV)))
      assert(k:write(at(1), ("<I8I8"):pack(0, name == "lists" and at(0) or DEV)))
    end)
    after_each(memory.forget)

    it("gives neighbours", function()
      assert.are.same({
        {address = "10.0.0.0", device = "eth0", lladdr = "ab:00", state = "reachable", flags = 0, addr = at(0), net = NET},
        {address = "10.0.0.1", device = "eth0", lladdr = "ab:01", state = "permanent", flags = 0, addr = at(1), net = NET},
      }, (memory.collect(neighbour.for_each(k, "inet"))))
    end)

    it("stops where it is damaged", function()
      assert(k:write(at(1), ("<I8"):pack(memory.UNMAPPED)))
      local got, err = memory.collect(neighbour.for_each(k, "inet"))
      assert.are.same({2, "fault"}, {#got, err.code})
      memory.set(k, "struct neigh_hash_table", HASH, {hash_shift = 60})
      got, err = memory.collect(neighbour.for_each(k, "inet"))
      assert.are.same({0, "format"}, {#got, err.code})
      memory.set(k, "struct net_device", DEV, {addr_len = 33})
      memory.set(k, "struct neigh_hash_table", HASH, {hash_shift = 1})
      got, err = memory.collect(neighbour.for_each(k, "inet"))
      assert.are.same({0, "format"}, {#got, err.code})
    end)

    it("says what a kernel lacks", function()
      local _, err = kvm.try(neighbour.for_each, k, "inet6")
      assert.are.equal("this kernel has no IPv6 (CONFIG_IPV6): no symbol nd_tbl", err.message)
      assert.are.equal("none", neighbour.state_name(0))
    end)
  end)
end
