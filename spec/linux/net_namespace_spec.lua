-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local net_namespace = require "kvm.linux.net_namespace"

local A, B, HEAD = memory.START, memory.START + 0x40, memory.START + 0x80

describe("kvm.linux.net_namespace", function()
  harness.guard()
  local k
  before_each(function()
    k = memory.open [[ struct ns_common { unsigned int inum; }; struct net { struct list_head list; struct ns_common ns; }; ]]
    memory.symbols {net_namespace_list = HEAD, init_net = A}
    local ring = {HEAD, A, B}
    for i, at in ipairs(ring) do
      assert(k:write(at, ("<I8"):pack(ring[i % 3 + 1])))
      assert(k:write(ring[i % 3 + 1] + 8, ("<I8"):pack(at)))
    end
    memory.set(k, "struct net", A, {["ns.inum"] = 11})
    memory.set(k, "struct net", B, {["ns.inum"] = 12})
  end)
  after_each(memory.forget)

  it("gives namespaces, and finds them by number", function()
    assert.are.same({A, B}, (memory.collect(net_namespace.for_each_net(k), kvm.addr)))
    assert.are.equal(A, kvm.addr(net_namespace.init_net(k)))
    assert.are.equal(B, kvm.addr(net_namespace.by_inode(k, 12)))
    assert.is_nil(net_namespace.by_inode(k, 13))
  end)

  it("stops where the list is damaged", function()
    assert(k:write(A, ("<I8"):pack(HEAD)))
    local got, err = memory.collect(net_namespace.for_each_net(k), kvm.addr)
    assert.are.same({{A}, "format"}, {got, err.code})
  end)

  it("says when a kernel has no network", function()
    memory.forget()
    local _, err = kvm.try(net_namespace.init_net, k)
    assert.are.equal("this kernel has no network (CONFIG_NET): no symbol init_net", err.message)
  end)
end)
