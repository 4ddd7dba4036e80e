-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm net: network devices and their addresses; sockets, routes and neighbours, as ip(8) and /proc/net show them.
local kvm_error = require "kvm.error"
local if_link = require "kvm.linux.if_link"
local netdevice = require "kvm.linux.netdevice"
local net_namespace = require "kvm.linux.net_namespace"
local object = require "kvm.object"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"

local M = {
  name = "net",
  summary = "network devices, sockets, routes, neighbours",
  operands = {},
  options = {
    {flags = "-s --sockets", help = "sockets"},
    {flags = "-p --protocol", value = "PROTOCOL", type = "list", help = "only sockets of tcp, udp, raw, unix, netlink, packet"},
    {flags = "-r --routes", help = "routes"},
    {flags = "-a --neighbours", help = "the ARP and neighbour discovery tables"},
    {flags = "-f --netfilter", help = "the functions that see packets on their way"},
    {flags = "-S --softnet", help = "what each CPU did with packets"},
    {flags = "-n --namespace", value = "PID", type = "integer", help = "the network namespace of this process (default: the first)"},
  },
  columns = {
    {name = "kind", kind = "string", title = "KIND", width = 7, left = true},
    {name = "name", kind = "string"},
    {name = "index", kind = "integer"},
    {name = "state", kind = "string", title = "STATE", width = 11, left = true},
    {name = "flags", kind = "strings"},
    {name = "mtu", kind = "integer"},
    {name = "qdisc", kind = "string"},
    {name = "rx_bytes", kind = "integer"},
    {name = "rx_packets", kind = "integer"},
    {name = "rx_errors", kind = "integer"},
    {name = "rx_dropped", kind = "integer"},
    {name = "tx_bytes", kind = "integer"},
    {name = "tx_packets", kind = "integer"},
    {name = "tx_errors", kind = "integer"},
    {name = "tx_dropped", kind = "integer"},
    {name = "stats_by", kind = "string"},
    {name = "lladdr", kind = "string"},
    {name = "addresses", kind = "strings"},
    {name = "family", kind = "string"},
    {name = "protocol", kind = "string"},
    {name = "local", kind = "string"},
    {name = "local_port", kind = "integer"},
    {name = "remote", kind = "string"},
    {name = "remote_port", kind = "integer"},
    {name = "rx_queue", kind = "integer", title = "RX-Q", width = 6},
    {name = "tx_queue", kind = "integer", title = "TX-Q", width = 6},
    {name = "inode", kind = "integer", title = "INODE", width = 7},
    {name = "uid", kind = "integer"},
    {name = "portid", kind = "integer"},
    {name = "destination", kind = "string"},
    {name = "prefix", kind = "integer"},
    {name = "table", kind = "string"},
    {name = "type", kind = "string"},
    {name = "scope", kind = "string"},
    {name = "priority", kind = "integer"},
    {name = "source", kind = "string"},
    {name = "gateway", kind = "string"},
    {name = "device", kind = "string"},
    {name = "from", kind = "string"},
    {name = "hook", kind = "string"},
    {name = "func", kind = "string"},
    {name = "cpu", kind = "integer"},
    {name = "processed", kind = "integer"},
    {name = "dropped", kind = "integer"},
    {name = "time_squeeze", kind = "integer"},
    {name = "received_rps", kind = "integer"},
    {name = "input_qlen", kind = "integer"},
    {name = "process_qlen", kind = "integer"},
    {name = "addr", kind = "hex", title = "ADDRESS", width = 18, left = true},
    {name = "partial", kind = "strings"},
    {name = "what", kind = "string", title = "WHAT", left = true, width = 0, json = false},
  },
  no_match = "there is none",
}

-- --- devices

local COUNTERS <const> = {"rx_bytes", "rx_packets", "rx_errors", "rx_dropped", "tx_bytes", "tx_packets", "tx_errors", "tx_dropped"}

local function device(dev)
  local rec = {kind = "device", addr = object.addr(dev)}
  rec.name = walk.field(rec, "name", function() return dev.name end)
  rec.index = walk.field(rec, "index", function() return dev.ifindex end)
  rec.mtu = walk.field(rec, "mtu", function() return dev.mtu end)
  rec.flags = walk.field(rec, "flags", netdevice.flags, dev)
  rec.state = walk.field(rec, "state", netdevice.operstate, dev)
  rec.lladdr = walk.field(rec, "lladdr", netdevice.address, dev)
  rec.addresses = walk.field(rec, "addresses", function()
    local out = {}
    for a in netdevice.for_each_address(dev) do out[#out + 1] = ("%s/%d"):format(a.address, a.prefix) end
    return out
  end)
  rec.qdisc = walk.field(rec, "qdisc", function() return dev.qdisc and dev.qdisc.ops.id or nil end)
  local stats, by = walk.field(rec, "stats", if_link.stats, dev)
  for _, name in ipairs(COUNTERS) do rec[name] = stats and stats[name] end
  rec.stats_by = by
  rec.what = ("%s %s %s%s"):format(rec.name or "?", rec.lladdr or "", table.concat(rec.addresses or {}, " "),
    stats and (" rx %d bytes %d packets tx %d bytes %d packets"):format(stats.rx_bytes, stats.rx_packets, stats.tx_bytes, stats.tx_packets)
    or "")
  return rec
end

local function devices(net, emit)
  for dev in netdevice.for_each_netdev(net) do emit(device(dev)) end
end

-- --- sockets

local FAMILIES <const> = {[1] = "unix", [2] = "inet", [10] = "inet6", [16] = "netlink", [17] = "packet"}
-- SS_*, include/uapi/linux/net.h; a listening Unix socket has TCP's state
local UNIX_STATES <const> = {[1] = "CONNECTED", [7] = "UNCONNECTED", [10] = "LISTEN"}

local function ends(rec, sock, common)
  local from, from_port, to, to_port = walk.field(rec, "local", sock.ends, common)
  rec["local"], rec.local_port, rec.remote, rec.remote_port = from, from_port, to, to_port
  rec.what = ("%s:%s %s:%s"):format(from or "?", from_port or "?", to or "?", to_port or "?")
end

local OWN <const> = {
  unix = function(rec, sock, full)
    rec["local"] = walk.field(rec, "local", sock.unix_name, object.cast(full, "struct unix_sock"))
    rec.what = rec["local"] or ""
  end,
  netlink = function(rec, _, full)
    rec.portid = walk.field(rec, "portid", function() return object.cast(full, "struct netlink_sock").portid end)
    rec.protocol = walk.field(rec, "protocol", function() return tostring(full.sk_protocol) end)
    rec.what = ("protocol %s port %s"):format(rec.protocol or "?", rec.portid or "?")
  end,
  packet = function(rec, _, full)
    rec.protocol = walk.field(rec, "protocol", function()
      local p = object.cast(full, "struct packet_sock")
      return ("0x%04x"):format((">I2"):unpack(kvm_error.check(object.handle(p):read(object.addr(p, "num"), 2))))
    end)
    rec.what = "protocol " .. (rec.protocol or "?")
  end,
}

local function socket(sock, common, protocol)
  local rec = {kind = protocol, addr = object.addr(common)}
  rec.family = walk.field(rec, "family", function() return FAMILIES[common.skc_family] or tostring(common.skc_family) end)
  rec.state = walk.field(rec, "state", function()
    return (protocol == "unix" and UNIX_STATES or sock.STATES)[common.skc_state] or tostring(common.skc_state)
  end)
  local full = walk.field(rec, "state", sock.is_full, common) and object.cast(common, "struct sock")
  if OWN[protocol] then
    if full then OWN[protocol](rec, sock, full) end
  else
    ends(rec, sock, common)
  end
  if full then
    rec.inode = walk.field(rec, "inode", sock.inode, full)
    rec.uid = walk.field(rec, "uid", function() return full.sk_uid.val end)
    rec.rx_queue, rec.tx_queue = walk.field(rec, "rx_queue", sock.queues, full, protocol)
  end
  return rec
end

local function sockets(net, emit, opts)
  local sock = require "kvm.linux.sock"
  for _, protocol in ipairs(opts.protocol or sock.PROTOCOLS) do
    walk.part(emit, function()
      for common in sock.for_each(net, protocol) do emit(socket(sock, common, protocol)) end
    end)
  end
end

-- --- routes and neighbours

local function routes(emit, family, step)
  for r in step do
    local way = r.ways[1] or {}
    local rec = {kind = "route", family = family, destination = r.destination, prefix = r.prefix, table = r.table, type = r.type,
      scope = r.scope,
      priority = r.priority, source = r.source, gateway = way.gateway, device = way.device, from = r.from, addr = r.addr}
    rec.what = ("%s %s/%d%s%s table %s"):format(r.type, r.destination, r.prefix, way.gateway and " via " .. way.gateway or "",
      way.device and " dev " .. way.device or "", r.table)
    emit(rec)
    for i = 2, #r.ways do
      emit {kind = "nexthop", family = family, destination = r.destination, prefix = r.prefix, table = r.table, gateway = r.ways[i].gateway,
        device = r.ways[i].device, addr = r.addr, what = (r.ways[i].gateway or "") .. " dev " .. (r.ways[i].device or "?")}
    end
  end
end

local function neighbours(net, emit)
  local own = object.addr(net)
  for _, family in ipairs {"inet", "inet6"} do
    walk.part(emit, function()
      for n in require "kvm.linux.neighbour".for_each(object.handle(net), family) do
        if n.net == own then
          emit {kind = "neigh", family = family, destination = n.address, device = n.device, lladdr = n.lladdr, state = n.state,
            addr = n.addr,
            what = ("%s dev %s lladdr %s"):format(n.address, n.device or "?", n.lladdr)}
        end
      end
    end)
  end
end

-- --- netfilter and CPUs

local function hooks(net, emit)
  for h in require "kvm.linux.netfilter".for_each_hook(net) do
    emit {kind = "hook", family = h.family, hook = h.hook, device = h.device, priority = h.priority, func = h.func, addr = h.addr,
      what = ("%s %s%s priority %d: %s"):format(h.family, h.hook, h.device and " of " .. h.device or "", h.priority, h.func)}
  end
end

local function cpus(k, emit)
  for s in require "kvm.linux.softnet".for_each_cpu(k) do
    s.kind = "softnet"
    s.what = ("CPU %d: %d processed, %d dropped, %d squeezed, %d wait"):format(s.cpu, s.processed, s.dropped, s.time_squeeze,
      s.input_qlen + s.process_qlen)
    emit(s)
  end
end

--- The network.
-- @param k an open handle
-- @tparam[opt] table opts sockets, protocol ({string,...}: only these sockets), routes, neighbours, netfilter, softnet, namespace
--  (process id)
-- @treturn function an iterator of records, by kind: "device" (name, index, state, flags, mtu, lladdr, addresses, qdisc, rx_bytes,
--  rx_packets, rx_errors, rx_dropped, the same with tx_; where they are not known stats_by, the driver's function that would tell), of
--  sockets "tcp", "udp", "raw", "unix", "netlink", "packet" (family, state, local, local_port, remote, remote_port, rx_queue and tx_queue
--  (bytes; of a listening one the connections that wait), inode, uid, portid, protocol), "route" and "nexthop" (family, destination,
--  prefix, table, type, scope, priority, source, gateway, device, from), "hook" (family, hook, device, priority, func), "softnet" (cpu,
--  processed, dropped, time_squeeze, received_rps, input_qlen, process_qlen), "neigh" (family, destination, device, lladdr, state); all:
--  addr (of the kernel's structure), partial (keys that could not be read); what is damaged as kvm.cmd.walk tells it
-- @raise kvm.Error `notfound`: this kernel has no network (CONFIG_NET), or no such process
-- @usage for r in require "kvm.cmd.net".run(k) do assert(r.stopped or r.kind == "device") end
function M.run(k, opts)
  opts = opts or {}
  local net = net_namespace.init_net(k)
  if opts.namespace then
    local p, task = tasks.each(k, {opts.namespace})()
    if not p or not task.nsproxy then kvm_error.fail("notfound", "there is no process %d", opts.namespace) end
    net = task.nsproxy.net_ns
  end
  return walk.records(function(emit)
    if opts.routes then
      walk.part(emit, function() routes(emit, "inet", require "kvm.linux.fib".for_each_route(net)) end)
      walk.part(emit, function() routes(emit, "inet6", require "kvm.linux.fib6".for_each_route(net)) end)
    end
    if opts.netfilter then walk.part(emit, hooks, net, emit) end
    if opts.softnet then walk.part(emit, cpus, k, emit) end
    if opts.neighbours then neighbours(net, emit) end
    if opts.sockets or opts.protocol then sockets(net, emit, opts) end
    local others = opts.routes or opts.neighbours or opts.sockets or opts.protocol or opts.netfilter or opts.softnet
    if not others then devices(net, emit) end
  end)
end

return M
