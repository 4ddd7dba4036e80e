-- SPDX-License-Identifier: BSD-2-Clause
-- uapi/linux/if_link.h: what network devices have counted, as /proc/net/dev has it (dev_get_stats in net/core/dev.c). Most drivers keep
-- their own counts: known are those of loopback, virtio-net, and of all that leave it to the kernel (dev->stats, per-CPU tstats and
-- lstats). Checked against Linux 5.10, 6.1, 6.12 and 7.2; 5.10 tells no types of modules, so virtio-net's are not known there.
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"
local types = require "kvm.type"

local M = {}

local MOST_QUEUES <const>, NETDEV_ALIGN <const> = 1 << 16, 32

-- Counters are numbers, or u64_stats_t: local64_t, which is an atomic one.
local function number(v)
  while math.type(v) ~= "integer" do
    local t = object.typeof(v):strip()
    v = t:field "v" and v.v or t:field "a" and v.a or v.counter
  end
  return v
end

local COMMON <const> = {"rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped",
  "multicast", "collisions", "rx_length_errors", "rx_over_errors", "rx_crc_errors", "rx_frame_errors", "rx_fifo_errors", "rx_missed_errors",
  "tx_aborted_errors", "tx_carrier_errors", "tx_fifo_errors", "tx_heartbeat_errors", "tx_window_errors", "rx_compressed", "tx_compressed"}

local function zeros()
  local out = {rx_nohandler = 0}
  for _, name in ipairs(COMMON) do out[name] = 0 end
  return out
end

local function of_device(dev)
  local out = zeros()
  for _, name in ipairs(COMMON) do out[name] = dev.stats[name] end
  return out
end

local function add_tstats(dev, out)
  if not dev.tstats then return out end
  for _, copy in percpu.for_each_copy(dev.tstats) do
    for _, name in ipairs {"rx_packets", "rx_bytes", "tx_packets", "tx_bytes"} do out[name] = out[name] + number(copy[name]) end
  end
  return out
end

local function loopback(dev)
  local out = zeros()
  for _, copy in percpu.for_each_copy(dev.lstats) do
    out.rx_packets, out.rx_bytes = out.rx_packets + number(copy.packets), out.rx_bytes + number(copy.bytes)
  end
  out.tx_packets, out.tx_bytes = out.rx_packets, out.rx_bytes
  return out
end

-- What a driver keeps behind the device (netdev_priv): a member of it since 6.11.
local function private(dev)
  if object.typeof(dev):strip():field "priv" then return object.addr(dev, "priv") end
  local size = object.typeof(dev):strip():size()
  return object.addr(dev) + (size + NETDEV_ALIGN - 1 & -NETDEV_ALIGN)
end

-- drivers/net/virtio_net.c, virtnet_stats
local function virtio_net(dev)
  local k = object.handle(dev)
  local t, _, code = k:type "struct virtnet_info"
  if not t and code == "notfound" then return nil end
  local info, out = kvm_error.check(k:object(private(dev), kvm_error.check(t))), zeros()
  local pairs_ = info.max_queue_pairs
  if pairs_ > MOST_QUEUES then kvm_error.fail("format", "%d queues of %s", pairs_, dev.name) end
  local function each(queues, fn)
    local first, own = object.addr(queues), object.typeof(queues)
    for i = 0, pairs_ - 1 do fn(kvm_error.check(k:object(first + i * own:strip():size(), own)).stats) end
  end
  each(info.sq, function(s)
    out.tx_packets, out.tx_bytes = out.tx_packets + number(s.packets), out.tx_bytes + number(s.bytes)
    out.tx_errors = out.tx_errors + (object.typeof(s):strip():field "tx_timeouts" and number(s.tx_timeouts) or 0) -- since 5.17
  end)
  each(info.rq, function(s)
    out.rx_packets, out.rx_bytes = out.rx_packets + number(s.packets), out.rx_bytes + number(s.bytes)
    out.rx_dropped = out.rx_dropped + number(s.drops)
  end)
  for _, name in ipairs {"tx_dropped", "rx_length_errors", "rx_frame_errors", "tx_fifo_errors", "rx_fifo_errors"} do
    out[name] = out[name] + dev.stats[name]
  end
  return out
end

-- What drivers have as ndo_get_stats64, by symbol.
local DRIVERS <const> = {
  dev_get_tstats64 = function(dev) return add_tstats(dev, of_device(dev)) end,
  loopback_get_stats64 = loopback,
  virtnet_stats = virtio_net,
}

-- What the core drops itself: per CPU since 5.18, members of the device before.
local function add_core(dev, out)
  local function add(from)
    for _, name in ipairs {"rx_dropped", "tx_dropped", "rx_nohandler"} do out[name] = out[name] + number(from[name]) end
  end
  if not object.typeof(dev):strip():field "core_stats" then
    add(dev)
  elseif dev.core_stats then
    for _, copy in percpu.for_each_copy(dev.core_stats) do add(copy) end
  end
  return out
end

-- Without a function of its own: dev->stats, and since 6.8 what pcpu_stat_type says.
local function without_function(dev)
  local out = of_device(dev)
  if object.typeof(dev):strip():field "pcpu_stat_type" then
    local values = types.enumerators(object.handle(dev), "enum netdev_stat_type")
    if dev.pcpu_stat_type == values.NETDEV_PCPU_STAT_TSTATS then add_tstats(dev, out) end
  end
  return out
end

--- What a device has counted.
-- @param dev `struct net_device`
-- @treturn[1] table rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors, tx_errors, rx_dropped, tx_dropped, rx_nohandler, multicast,
--  collisions and the details of errors, as `struct rtnl_link_stats64` names them
-- @treturn[2] nil
-- @treturn[2] string the driver's function that would tell
-- @raise kvm.Error
-- @usage for dev in kvm.linux.netdevice.for_each_netdev(k:object("init_net")) do
-- if dev.name == "lo" then assert(kvm.linux.if_link.stats(dev).rx_bytes == kvm.linux.if_link.stats(dev).tx_bytes) end end
function M.stats(dev)
  local k, ops = object.handle(dev), dev.netdev_ops
  local function func(name) return k:ptr(object.addr(ops, name)) end
  local own = func "ndo_get_stats64"
  if own == 0 then own = func "ndo_get_stats" end
  if own == 0 then return add_core(dev, without_function(dev)) end
  local name = kallsyms.symbol_name(k, own)
  local out = DRIVERS[name] and DRIVERS[name](dev)
  if not out then return nil, name end
  return add_core(dev, out)
end

return M
