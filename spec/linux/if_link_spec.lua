-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local if_link = require "kvm.linux.if_link"
local made = require "spec.support.netdevice"
local memory = require "spec.support.memory"

local S = memory.START
local MASKS, OFFSET, COPIES, QUEUES = S + 0xc00, S + 0xd00, S + 0xe00, S + 0xf00

for _, layout in ipairs(made.layouts) do
  describe("kvm.linux.if_link " .. layout.name, function()
    harness.guard()
    local k, dev, set
    before_each(function()
      local _
      k, _, dev = made.open(layout)
      set = function(t, at, members) memory.set(k, "struct " .. t, at, members) end
      local symbols = memory.one_cpu(k, MASKS, OFFSET)
      symbols.loopback_get_stats64, symbols.dev_get_tstats64, symbols.virtnet_stats, symbols.e1000_get = 0x1000, 0x2000, 0x3000, 0x4000
      memory.symbols(symbols)
      local where = made.at.DEV + k:type("struct net_device"):strip():field("stats").offset
      for i, name in ipairs(made.COUNTERS) do set("net_device_stats", where, {[name] = i}) end
    end)
    after_each(memory.forget)

    -- Per-CPU memory at COPIES.
    local function copies(...) assert(k:write(COPIES, string.pack("<" .. ("i8"):rep(select("#", ...)), ...))) end
    local function stats() return (if_link.stats(dev)) end

    it("takes what the device itself has, and what the core has dropped", function()
      if layout.is_new then
        set("net_device", made.at.DEV, {core_stats = COPIES - OFFSET})
        copies(100, 200, 300)
      else
        set("net_device", made.at.DEV, {["rx_dropped.counter"] = 100, ["tx_dropped.counter"] = 200, ["rx_nohandler.counter"] = 300})
      end
      local out = stats()
      assert.are.same({1, 2, 3, 4, 5, 6, 107, 208, 9, 300}, {out.rx_packets, out.tx_packets, out.rx_bytes, out.tx_bytes, out.rx_errors,
        out.tx_errors, out.rx_dropped, out.tx_dropped, out.multicast, out.rx_nohandler})
    end)

    it("adds what CPUs have counted", function()
      set("net_device", made.at.DEV, {tstats = COPIES - OFFSET})
      copies(10, 20, 30, 40)
      assert.are.equal(1, stats().rx_packets)
      if layout.is_new then
        set("net_device", made.at.DEV, {pcpu_stat_type = 2})
        assert.are.equal(11, stats().rx_packets)
      end
      set("net_device_ops", made.at.OPS, {ndo_get_stats64 = 0x2000})
      local out = stats()
      assert.are.same({11, 23, 32, 44}, {out.rx_packets, out.rx_bytes, out.tx_packets, out.tx_bytes})
    end)

    it("knows loopback", function()
      set("net_device_ops", made.at.OPS, {ndo_get_stats64 = 0x1000})
      set("net_device", made.at.DEV, {lstats = COPIES - OFFSET})
      copies(5, 77)
      local out = stats()
      assert.are.same({5, 77, 5, 77, 0}, {out.rx_packets, out.rx_bytes, out.tx_packets, out.tx_bytes, out.rx_errors})
    end)

    it("knows virtio-net", function()
      local t = k:type("struct net_device"):strip()
      local info = t:field "priv" and made.at.DEV + t:field("priv").offset or made.at.DEV + (t:size() + 31 & -32)
      local size = k:type("struct some_queue"):size()
      set("net_device_ops", made.at.OPS, {ndo_get_stats64 = 0x3000})
      set("virtnet_info", info, {sq = QUEUES, rq = QUEUES + 0x100, max_queue_pairs = 2})
      for i = 0, 1 do
        set("some_queue", QUEUES + i * size, {["stats.packets"] = 10, ["stats.bytes"] = 1000, ["stats.tx_timeouts"] = 1})
        set("some_queue", QUEUES + 0x100 + i * size, {["stats.packets"] = 20, ["stats.bytes"] = 2000, ["stats.drops"] = 3})
      end
      local out = stats()
      assert.are.same({40, 4000, 6, 20, 2000, 2, 8}, {out.rx_packets, out.rx_bytes, out.rx_dropped, out.tx_packets, out.tx_bytes,
        out.tx_errors, out.tx_dropped})
    end)

    it("says whose counters it does not know", function()
      for _, name in ipairs {"ndo_get_stats64", "ndo_get_stats"} do
        set("net_device_ops", made.at.OPS, {ndo_get_stats64 = 0, ndo_get_stats = 0})
        set("net_device_ops", made.at.OPS, {[name] = 0x4000})
        assert.are.same({nil, "e1000_get"}, {if_link.stats(dev)})
      end
    end)
  end)
end
