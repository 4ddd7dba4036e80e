-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local made = require "spec.support.netdevice"
local memory = require "spec.support.memory"
local net = require "kvm.cmd.net"

describe("kvm.cmd.net", function()
  harness.guard()
  local k
  before_each(function()
    k = made.open()
    memory.symbols {init_net = made.at.NET}
  end)
  after_each(memory.forget)

  local function records(opts) return fake.collect(net.run(k, opts)) end

  it("tells of devices", function()
    local r = records()
    assert.are.equal(1, #r)
    assert.are.same({"mtu"}, r[1].partial) -- these devices have none
    r[1].partial = nil
    assert.are.same({kind = "device", name = "eth7", index = 2, state = "up", flags = {"UP", "MULTICAST"}, lladdr = "52:54:00:12:34:56",
      addresses = {"10.0.2.15/24", "fe80::1/64"}, addr = made.at.DEV, qdisc = "fq_codel", rx_bytes = 0, rx_packets = 0, rx_errors = 0,
        rx_dropped = 0,
      tx_bytes = 0, tx_packets = 0, tx_errors = 0, tx_dropped = 0,
      what = "eth7 52:54:00:12:34:56 10.0.2.15/24 fe80::1/64 rx 0 bytes 0 packets tx 0 bytes 0 packets"}, r[1])
  end)

  it("goes on behind what is damaged", function()
    assert(k:write(made.at.NET, ("<I8"):pack(memory.UNMAPPED)))
    local r = records()
    assert.are.same({1, "fault"}, {#r, r[1].code})
    r = records {sockets = true, neighbours = true}
    local codes = {}
    for i, rec in ipairs(r) do codes[i] = rec.code end
    assert.are.same({8, 8}, {#r, #codes}) -- two tables of neighbours, six kinds of sockets: this kernel has none of them
    assert.matches("this kernel has no ARP %(CONFIG_INET%)", r[1].stopped)
    r = records {routes = true, netfilter = true, softnet = true}
    assert.are.equal(4, #r) -- routes of two families
    for _, rec in ipairs(r) do assert.is_truthy(rec.stopped) end
    assert.matches("CONFIG_IPV6", r[2].stopped)
    assert.matches("CONFIG_NETFILTER", r[3].stopped)
    r = records {protocol = {"telepathy"}}
    assert.are.same({1, "inval"}, {#r, r[1].code})
  end)

  it("says when a kernel has no network", function()
    memory.forget()
    local ok, err = pcall(net.run, k)
    assert.are.same({false, "notfound"}, {ok, err.code})
  end)
end)
