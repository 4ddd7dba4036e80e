-- SPDX-License-Identifier: BSD-2-Clause
-- The network of a dump is what the guest printed of it: devices, addresses, routes, neighbours, sockets with their queues.
local matrix = require "spec.kernels.matrix"

local function lines(text, pattern)
  local out = {}
  for line in text:gmatch "[^\n]+" do
    local values = table.pack(line:match(pattern))
    if values[1] then out[#out + 1] = values end
  end
  return out
end

-- As /proc/net prints addresses: words of 32 bits in the CPU's order.
local function address(hex)
  local bytes = hex:gsub("(%x%x)(%x%x)(%x%x)(%x%x)", function(a, b, c, d)
    return string.char(tonumber(d, 16), tonumber(c, 16), tonumber(b, 16), tonumber(a, 16))
  end)
  local netdevice = require "kvm.linux.netdevice"
  return #bytes == 4 and netdevice.ipv4(bytes) or netdevice.ipv6(bytes)
end

local STATES = require "kvm.linux.sock".STATES
-- Connections come and go with time alone.
local PASSING = {TIME_WAIT = true, NEW_SYN_RECV = true, SYN_RECV = true, FIN_WAIT1 = true, FIN_WAIT2 = true, LAST_ACK = true,
  CLOSING = true}

local function records(dump, ...) return matrix.records(matrix.luakvm("net", dump.path, "--json", ...)) end

local function index(list, key)
  local out = {}
  for _, r in ipairs(list) do
    assert.is_nil(r.stopped)
    assert.is_nil(r.partial)
    out[key(r)] = r
  end
  return out
end

-- Of a busy guest ping's raw sockets and its own ones come and go.
local function compare_inet(dump, protocol)
  local report, compared = matrix.report(), 0
  local found = index(records(dump, "-p", protocol), function(r)
    return ("%s:%d %s:%d %d"):format(r["local"], r.local_port, r.remote, r.remote_port, r.inode or 0)
  end)
  local PATTERN = "^ *%d+: (%x+):(%x+) (%x+):(%x+) (%x+) (%x+):(%x+) %S+ %S+ +(%d+) +%d+ (%d+)"
  for _, version in ipairs {"", "6"} do
    for _, v in ipairs(lines(dump:truth().raw["net_" .. protocol .. version] or "", PATTERN)) do
      local key = ("%s:%d %s:%d %d"):format(address(v[1]), tonumber(v[2], 16), address(v[3]), tonumber(v[4], 16), tonumber(v[9]))
      local r, state = found[key], STATES[tonumber(v[5], 16)]
      if not PASSING[state] then
        compared = compared + 1
        if not r then
          if not (dump.is_busy and protocol == "raw") then report.add("%s is missing", key) end
        elseif r.state ~= state or r.rx_queue ~= tonumber(v[7], 16) and not (dump.is_busy and protocol == "raw")
          or r.tx_queue ~= tonumber(v[6], 16) or r.uid ~= tonumber(v[8]) then
          report.add("%s: %s %d %d, was %s %d %d", key, r.state, r.tx_queue, r.rx_queue, state, tonumber(v[6], 16), tonumber(v[7], 16))
        end
      end
    end
  end
  report.check()
  assert.is_true(compared > 0)
  return compared, found
end

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua
  local raw
  setup(function() raw = dump:truth().raw end)

  it("has the devices and addresses of ip addr", function()
    local out = {}
    for _, d in ipairs(records(dump)) do
      out[#out + 1] = ("%d: %s mtu %d"):format(d.index, d.name, d.mtu)
      out[#out + 1] = d.lladdr
      for _, a in ipairs(d.addresses) do out[#out + 1] = a end
    end
    local want = {}
    for line in raw.ip_addr:gmatch "[^\n]+" do
      local n, name, mtu = line:match "^(%d+): (%S+): .* mtu (%d+)"
      if n then want[#want + 1] = ("%s: %s mtu %s"):format(n, name, mtu) end
      want[#want + 1] = line:match "^ +link/%S+ (%S+)" or line:match "^ +inet6? (%S+)"
    end
    assert.are.same(want, out)
    assert.is_true(#out >= 8)
  end)

  it("has the IPv4 routes of ip route", function()
    local found = {}
    for _, r in ipairs(records(dump, "-r")) do
      found[r.family == "inet" and #found + 1 or 0] = ("%s %s/%d via %s dev %s table %s scope %s src %s"):format(r.type, r.destination,
        r.prefix, r.gateway, r.device,
        r.table, r.scope, r.source)
    end
    local want = {}
    for line in raw.ip_route:gmatch "[^\n]+" do
      local type, dest = line:match "^(%a+) (%d+%.%S+)"
      dest = dest or line:match "^(%d+%.%S+)" or line:match "^(default) via %d+%."
      if dest then
        if dest == "default" then dest = "0.0.0.0/0" end
        if not dest:find "/" then dest = dest .. "/32" end
        want[#want + 1] = ("%s %s via %s dev %s table %s scope %s src %s"):format(type or "unicast", dest, line:match " via (%S+)",
          line:match " dev (%S+)", line:match " table (%a+)" or "main", line:match " scope (%a+)" or "global", line:match " src (%S+)")
      end
    end
    found[0] = nil
    table.sort(found)
    table.sort(want)
    assert.are.same(want, found)
    assert.is_true(#want >= 7)
  end)

  -- /proc/net prints addresses of IPv6 as they are sent here; a gateway sets a flag.
  it("has the IPv6 routes of /proc/net/ipv6_route", function()
    local RTF_GATEWAY, found, want = 2, {}, {}
    local function text(hex)
      return require "kvm.linux.netdevice".ipv6((hex:gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)))
    end
    local k, linux = dump:open(), require "kvm".linux
    for r in linux.fib6.for_each_route(k:object "init_net") do
      local way = r.ways[1]
      found[#found + 1] = ("%s/%d via %s metric %d flags %x dev %s"):format(r.destination, r.prefix, way.gateway or "::", r.priority,
        r.flags & ~RTF_GATEWAY, way.device)
    end
    local PATTERN = "^(%x+) (%x+) %x+ %x+ (%x+) (%x+) %x+ %x+ (%x+) +(%S+)"
    for _, v in ipairs(lines(raw.net_ipv6_route, PATTERN)) do
      want[#want + 1] = ("%s/%d via %s metric %d flags %x dev %s"):format(text(v[1]), tonumber(v[2], 16), text(v[3]), tonumber(v[4], 16),
        tonumber(v[5], 16) & ~RTF_GATEWAY, v[6])
    end
    table.sort(found)
    table.sort(want)
    assert.are.same(want, found)
    assert.is_true(#want >= 8)
    local shown = 0
    for _, r in ipairs(records(dump, "-r")) do shown = shown + (r.family == "inet6" and 1 or 0) end
    assert.are.equal(#want, shown)
  end)

  -- What comes while the guest prints the rest: some pings of a busy one, the router's advertisements.
  it("has the counters of devices", function()
    local found, report = index(records(dump), function(r) return r.name end), matrix.report()
    local KEYS = {[2] = "rx_bytes", [3] = "rx_packets", [4] = "rx_errors", [5] = "rx_dropped", [10] = "tx_bytes", [11] = "tx_packets",
      [12] = "tx_errors", [13] = "tx_dropped"}
    for _, v in ipairs(lines(raw.net_dev, "^ *(%S+):" .. (" +(%d+)"):rep(16))) do
      local r = found[v[1]]
      if v[1] == "eth0" and not r.rx_bytes then
        assert.are.same({"virtnet_stats", true}, {r.stats_by, dump.key:find "510" ~= nil}) -- no types of modules in 5.10
      else
        for i, key in pairs(KEYS) do
          local was, more = tonumber(v[i]), dump.is_busy and 1 << 20 or 4000
          if r[key] < was or r[key] > was + more then report.add("%s: %s is %s, was %d", v[1], key, r[key], was) end
        end
      end
      assert.are.equal(v[1] == "lo" and "noqueue" or "pfifo_fast", (r.qdisc:gsub("fq_codel", "pfifo_fast")))
    end
    report.check()
  end)

  it("has what CPUs did with packets", function()
    local found = records(dump, "-S")
    local PATTERN = "^(%x+) (%x+) (%x+) "
    local want = lines(raw.net_softnet_stat, PATTERN)
    assert.are.equal(#want, #found)
    for i, v in ipairs(want) do
      local processed = tonumber(v[1], 16)
      assert.is_true(found[i].processed >= processed and found[i].processed < processed + (dump.is_busy and 100000 or 100))
      assert.are.equal(tonumber(v[2], 16), found[i].dropped)
      assert.are.same({0, 0}, {found[i].input_qlen, found[i].process_qlen})
    end
  end)

  it("has the ARP table", function()
    local found = index(records(dump, "-a"), function(r) return r.destination .. " " .. r.device end)
    local seen = 0
    for _, v in ipairs(lines(raw.net_arp, "^(%d+%.%S+) +%S+ +0x2 +(%S+) +%S+ +(%S+)")) do
      assert.are.equal(v[2], found[v[1] .. " " .. v[3]].lladdr)
      seen = seen + 1
    end
    assert.are.equal(1, seen)
    for address_, dev, lladdr in raw.ip_neigh:gmatch "(%S+) dev (%S+) lladdr (%S+)" do
      assert.are.equal(lladdr, found[address_ .. " " .. dev].lladdr)
    end
  end)

  it("has the sockets of TCP, UDP and raw sockets", function()
    local tcp, found = compare_inet(dump, "tcp")
    assert.is_true(tcp >= 7, tcp)
    compare_inet(dump, "udp")
    compare_inet(dump, "raw")
    -- objects.c: what it sent to itself and did not read, and who waits at its listener
    local unread, waiting = 0, 0
    for _, r in pairs(found) do
      if r.local_port == 7001 and r.state == "ESTABLISHED" and r.rx_queue == dump:truth().objects.tcp_unread then unread = unread + 1 end
      if r.local_port == 7001 and r.state == "LISTEN" then waiting = r.rx_queue end
    end
    assert.are.same({1, 1}, {unread, waiting})
  end)

  it("has the Unix sockets", function()
    local found, report, compared = index(records(dump, "-p", "unix"), function(r) return r.inode end), matrix.report(), 0
    for _, v in ipairs(lines(raw.net_unix, "^%S+ %x+ %x+ (%x+) (%x+) (%x+) +(%d+) ?(%S*)")) do
      local r = found[tonumber(v[4])]
      if not r then
        report.add("%s (%s) is missing", v[4], v[5])
      else
        if (r["local"] or "") ~= v[5] then report.add("%s: %s, was %s", v[4], r["local"], v[5]) end
        local listens = tonumber(v[1], 16) & 0x10000 ~= 0 -- SO_ACCEPTCON
        if listens ~= (r.state == "LISTEN") then report.add("%s: %s, listens: %s", v[4], r.state, listens) end
        compared = compared + 1
      end
    end
    report.check()
    assert.is_true(compared >= 9, compared)
  end)

  it("has the netlink and packet sockets", function()
    local found = index(records(dump, "-p", "netlink"), function(r) return ("%s %d %d"):format(r.protocol, r.portid, r.inode) end)
    local compared = 0
    for _, v in ipairs(lines(raw.net_netlink, "^%S+ +(%d+) +(%d+) .- (%d+) *$")) do
      local key = ("%s %d %d"):format(v[1], v[2], v[3])
      assert.is_truthy(found[key], key)
      compared = compared + 1
    end
    assert.is_true(compared >= 5, compared)
    local packets = records(dump, "-p", "packet")
    for i, v in ipairs(lines(raw.net_packet, "^%S+ +%d+ +%d+ +(%x+) .- (%d+) *$")) do
      assert.are.same({"0x" .. v[1], tonumber(v[2])}, {packets[i].protocol, packets[i].inode})
    end
    assert.are.equal(1, #packets)
  end)

  it("gives sockets the inodes by which processes have them open", function()
    local all = index(records(dump, "-s"), function(r) return r.inode or 0 end)
    local compared, objects = 0, dump:truth().objects
    for fd, path in pairs(dump:truth().fds[tostring(objects.pid)]) do
      local inode = path:match "^socket:%[(%d+)%]$"
      if inode and tonumber(fd) ~= objects.netlink then -- that is not bound, and in no table
        assert.is_truthy(all[tonumber(inode)], fd)
        compared = compared + 1
      end
    end
    assert.is_true(compared >= 12, compared)
  end)
end)

matrix.each_with_module(function(dump)
  it("has the functions of netfilter in order", function() -- containers/lab_netfilter.c
    local found = {}
    for _, r in ipairs(records(dump, "-f")) do
      assert.is_nil(r.stopped)
      if r.func:find "^lab_" then found[#found + 1] = ("%s %s %d %s"):format(r.family, r.hook, r.priority, r.func) end
    end
    assert.are.same({"ip input -1000 lab_hook", "ip input 1000 lab_hook_late", "ip6 forward 7 lab_hook"}, found)
  end)
end)
