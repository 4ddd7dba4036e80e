-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local netfilter = require "kvm.linux.netfilter"

local S = memory.START
local NET, DEV, ENTRIES, OPS = S, S + 0x200, S + 0x300, S + 0x400

describe("kvm.linux.netfilter", function()
  harness.guard()
  local k, set, net
  before_each(function()
    k = memory.open [[
      struct nf_hook_entry { int (*hook)(void); void *priv; };
      struct nf_hook_entries { unsigned short num_hook_entries; struct nf_hook_entry hooks[0]; };
      struct nf_hook_ops { int (*hook)(void); int priority; };
      struct netns_nf { struct nf_hook_entries *hooks_ipv4[5], *hooks_arp[3]; };
      struct net_device { struct list_head dev_list; char name[16]; struct nf_hook_entries *nf_hooks_ingress; };
      struct net { struct list_head dev_base_head; struct netns_nf nf; };
    ]]
    set = function(t, at, members) memory.set(k, "struct " .. t, at, members) end
    net = k:object(NET, "struct net")
    assert(k:write(NET, ("<I8I8I8I8"):pack(DEV, DEV, 0, 0)))
    assert(k:write(DEV, ("<I8I8z"):pack(NET, NET, "eth0")))
    memory.symbols {first_hook = 0x1000, last_hook = 0x2000}
  end)
  after_each(memory.forget)

  local function entries(at, ...)
    local list = {...}
    set("nf_hook_entries", at, {num_hook_entries = #list})
    for i, h in ipairs(list) do
      assert(k:write(at + 8 + 16 * (i - 1), ("<I8I8"):pack(h[1], 0)))
      assert(k:write(at + 8 + 16 * #list + 8 * (i - 1), ("<I8"):pack(OPS + 16 * (i - 1))))
      set("nf_hook_ops", OPS + 16 * (i - 1), {priority = h[2]})
    end
  end

  it("gives functions by family, hook and priority", function()
    entries(ENTRIES, {0x1000, -300}, {0x2000, 50})
    set("net", NET, {["nf.hooks_ipv4[1]"] = ENTRIES, ["nf.hooks_arp[2]"] = ENTRIES})
    set("net_device", DEV, {nf_hooks_ingress = ENTRIES})
    local got = memory.collect(netfilter.for_each_hook(net), function(h)
      assert.are.equal(({first_hook = 0x1000, last_hook = 0x2000})[h.func], h.func_addr)
      return ("%s %s %s %d %s"):format(h.family, h.hook, h.device or "-", h.priority, h.func)
    end)
    assert.are.same({"ip input - -300 first_hook", "ip input - 50 last_hook", "arp forward - -300 first_hook", "arp forward - 50 last_hook",
      "netdev ingress eth0 -300 first_hook", "netdev ingress eth0 50 last_hook"}, got)
  end)

  it("gives none where there is none", function()
    assert.are.same({}, (memory.collect(netfilter.for_each_hook(net))))
  end)

  it("refuses more than there can be, and says what a kernel lacks", function()
    set("nf_hook_entries", ENTRIES, {num_hook_entries = 1025})
    set("net", NET, {["nf.hooks_ipv4[0]"] = ENTRIES})
    local _, err = memory.collect(netfilter.for_each_hook(net))
    assert.are.equal("format", err.code)
    local bare = memory.open "struct net { int ifindex; };"
    _, err = kvm.try(netfilter.for_each_hook, bare:object(NET, "struct net"))
    assert.matches("CONFIG_NETFILTER", err.message, 1, true)
  end)
end)
