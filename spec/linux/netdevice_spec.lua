-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.netdevice"
local memory = require "spec.support.memory"
local netdevice = require "kvm.linux.netdevice"

local DEV, IFA, IN6 = made.at.DEV, made.at.IFA, made.at.IN6

describe("kvm.linux.netdevice", function()
  harness.guard()
  local k, net, dev

  before_each(function() k, net, dev = made.open() end)

  it("gives devices and their addresses", function()
    assert.are.same({DEV}, (memory.collect(netdevice.for_each_netdev(net), kvm.addr)))
    assert.are.same({"UP", "MULTICAST"}, netdevice.flags(dev))
    assert.are.same({"up", "52:54:00:12:34:56"}, {netdevice.operstate(dev), netdevice.address(dev)})
    local got = memory.collect(netdevice.for_each_address(dev))
    assert.are.same({"inet", "10.0.2.15", 24, "link"}, {got[1].family, got[1].address, got[1].prefix, got[1].scope})
    assert.are.same({"inet6", "fe80::1", 64, "link"}, {got[2].family, got[2].address, got[2].prefix, got[2].scope})
    assert.are.equal(2, #got)
    memory.set(k, "struct net_device", DEV, {addr_len = 0, ip_ptr = 0, ip6_ptr = 0, operstate = 99})
    assert.are.same({"", "99", {}}, {netdevice.address(dev), netdevice.operstate(dev), (memory.collect(netdevice.for_each_address(dev)))})
  end)

  it("stops where a device is damaged", function()
    memory.set(k, "struct net_device", DEV, {addr_len = 33})
    local _, err = kvm.try(netdevice.address, dev)
    assert.are.equal("format", err.code)
    memory.set(k, "struct in_ifaddr", IFA, {ifa_next = memory.UNMAPPED})
    local got
    got, err = memory.collect(netdevice.for_each_address(dev))
    assert.are.same({1, "fault"}, {#got, err.code})
    memory.set(k, "struct in_ifaddr", IFA, {ifa_next = 0})
    assert(k:write(IN6, ("<I8"):pack(IN6 + 8)))
    got, err = memory.collect(netdevice.for_each_address(dev))
    assert.are.same({1, "format"}, {#got, err.code})
  end)

  it("writes IPv6 addresses as RFC 5952 has them", function()
    for text, words in pairs {
      ["::"] = {0, 0, 0, 0, 0, 0, 0, 0}, ["::1"] = {0, 0, 0, 0, 0, 0, 0, 1}, ["1::"] = {1, 0, 0, 0, 0, 0, 0, 0},
      ["2001:db8::1:0:0:1"] = {0x2001, 0xdb8, 0, 0, 1, 0, 0, 1}, ["1:2:3:4:5:6:7:8"] = {1, 2, 3, 4, 5, 6, 7, 8},
      ["1:0:3:4:5:6:7:8"] = {1, 0, 3, 4, 5, 6, 7, 8}, ["1:0:0:4::8"] = {1, 0, 0, 4, 0, 0, 0, 8},
      ["::ffff:127.0.0.1"] = {0, 0, 0, 0, 0, 0xffff, 0x7f00, 1},
    } do
      assert.are.equal(text, netdevice.ipv6((">I2I2I2I2I2I2I2I2"):pack(table.unpack(words))))
    end
  end)
end)
