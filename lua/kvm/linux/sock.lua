-- SPDX-License-Identifier: BSD-2-Clause
-- net/sock.h: sockets of all families, found in the tables that /proc/net prints them from: TCP (net/ipv4/inet_hashtables.c), UDP, raw,
-- Unix, netlink and packet sockets. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local hlist = require "kvm.linux.hlist"
local kallsyms = require "kvm.linux.kallsyms"
local netdevice = require "kvm.linux.netdevice"
local object = require "kvm.object"
local rhashtable = require "kvm.linux.rhashtable"
local types = require "kvm.type"

local M = {}

local MOST <const> = 1 << 24 -- sockets of one bucket

-- include/net/tcp_states.h
M.STATES = {"ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN",
  "CLOSING",
  "NEW_SYN_RECV"}
local TIME_WAIT <const>, LISTEN <const>, NEW_SYN_RECV <const> = 6, 10, 12
M.AF_UNIX, M.AF_INET, M.AF_INET6, M.AF_NETLINK, M.AF_PACKET = 1, 2, 10, 16, 17

local COMMON <const> = "struct sock_common"

-- What hangs in a table of heads, by the node that such heads lead to.
local function in_table(heads, count)
  local element = object.typeof(heads):strip()
  if element:kind() == "array" then element = element:target():strip() end
  local node = element:name() == "hlist_nulls_head" and "skc_nulls_node" or "skc_node"
  return hlist.for_each_in_table(COMMON, heads, node, count, MOST)
end

-- Buckets that are structs with a head in them.
local function in_buckets(k, first, t, head, count, node, emit)
  local size, offset = types.sizeof(k, t), types.offsetof(k, t, head)
  local head_type = kvm_error.check(types.of(k, t):strip():field(head)).type
  if count < 0 or count > 1 << 26 then kvm_error.fail("format", "a table of %d buckets at 0x%x", count, first) end
  for i = 0, count - 1 do
    local o = kvm_error.check(k:object(first + i * size + offset, head_type))
    if not hlist.empty(o) then
      for common in hlist.for_each_entry(COMMON, o, node, MOST) do emit(common) end
    end
  end
end

-- What a namespace has of its own, or nil where this kernel has one for all.
local function own_of(net, path)
  local o = types.of(object.handle(net), "struct net"):strip():field(path) and net
  for name in path:gmatch "[^.]+" do o = o and o[name] end
  return o or nil
end

-- TCP's tables: one for all namespaces, or since 6.1 perhaps one of a namespace's own.
local function tcp_tables(net)
  local k = object.handle(net)
  local own = own_of(net, "ipv4.tcp_death_row.hashinfo")
  if own then return own end
  local addr = kallsyms.need(k, {"tcp_hashinfo"}, "TCP", "CONFIG_INET")
  return kvm_error.check(k:object(addr, "struct inet_hashinfo"))
end

local function tcp(net, emit)
  local k, info = object.handle(net), tcp_tables(net)
  if object.typeof(info):strip():field "listening_hash" then -- until 5.18
    local t = object.typeof(info):strip():field("listening_hash").type:strip()
    in_buckets(k, object.addr(info, "listening_hash"), "struct inet_listen_hashbucket", "nulls_head", t:count(), "skc_nulls_node", emit)
  else
    in_buckets(k, object.addr(info.lhash2), "struct inet_listen_hashbucket", "nulls_head", info.lhash2_mask + 1, "skc_nulls_node", emit)
  end
  in_buckets(k, object.addr(info.ehash), "struct inet_ehash_bucket", "chain", info.ehash_mask + 1, "skc_nulls_node", emit)
end

local function udp(net, emit)
  local k = object.handle(net)
  -- Since 6.2 a namespace can have its own.
  local table = own_of(net, "ipv4.udp_table")
    or kvm_error.check(k:object(kallsyms.need(k, {"udp_table"}, "UDP", "CONFIG_INET"), "struct udp_table"))
  in_buckets(k, object.addr(table.hash), "struct udp_hslot", "head", table.mask + 1, "skc_node", emit)
end

local function raw(net, emit)
  local k = object.handle(net)
  local function table_at(addr)
    for common in in_table(kvm_error.check(k:object(addr, "struct raw_hashinfo")).ht) do emit(common) end
  end
  table_at((kallsyms.need(k, {"raw_v4_hashinfo"}, "raw sockets", "CONFIG_INET")))
  local six = k:symbol "raw_v6_hashinfo" -- CONFIG_IPV6
  if six then table_at(six.value) end
end

local UNIX_BUCKETS <const> = 512 -- net/af_unix.h: UNIX_HASH_SIZE (twice that before 5.19)

local function unix(net, emit)
  local k = object.handle(net)
  local own = own_of(net, "unx.table.buckets") -- since 6.0
  local heads = own and object.addr(own) or kallsyms.need(k, {"unix_socket_table"}, "Unix sockets", "CONFIG_UNIX")
  for common in in_table(kvm_error.check(k:object(heads, "struct hlist_head")), UNIX_BUCKETS) do emit(common) end
end

local function netlink(net, emit)
  local k = object.handle(net)
  local tables = k:ptr((kallsyms.need(k, {"nl_table"}, "netlink", "CONFIG_NET")))
  local size = types.sizeof(k, "struct netlink_table")
  for i = 0, 31 do -- MAX_LINKS, include/uapi/linux/netlink.h
    local table = kvm_error.check(k:object(tables + i * size, "struct netlink_table"))
    if table.hash.tbl then
      for sock in rhashtable.for_each_entry("struct netlink_sock", table.hash, "node") do emit(sock.sk.__sk_common) end
    end
  end
end

local function packet(net, emit)
  for common in hlist.for_each_entry(COMMON, net.packet.sklist, "skc_node", MOST) do emit(common) end
end

local FINDERS <const> = {tcp = tcp, udp = udp, raw = raw, unix = unix, netlink = netlink, packet = packet}

--- The protocols of for_each.
M.PROTOCOLS = {"tcp", "udp", "raw", "unix", "netlink", "packet"}

local function namespace_of(common)
  local net = common.skc_net.net
  return net and object.addr(net) or 0
end

--- The sockets of a protocol in a namespace.
-- @param net `struct net`
-- @tparam string protocol "tcp", "udp", "raw", "unix", "netlink", "packet"
-- @return iterator of objects `struct sock_common`: of full sockets (see is_full) it is the beginning of their `struct sock`
-- @raise kvm.Error `notfound`: this kernel has no such sockets; `format` where a table is damaged; `fault`, `excluded`
-- @usage for common in kvm.linux.sock.for_each(k:object("init_net"), "netlink") do assert(common.skc_family == 16) end
function M.for_each(net, protocol)
  local find = FINDERS[protocol]
  if not find then kvm_error.fail("inval", "sockets of protocol %q are not known", tostring(protocol)) end
  local own = object.addr(net)
  return coroutine.wrap(function()
    find(net, function(common)
      if namespace_of(common) == own then coroutine.yield(common) end
    end)
  end)
end

--- Whether a socket is a whole `struct sock`, no connection that begins (NEW_SYN_RECV) or has ended (TIME_WAIT).
-- @param common `struct sock_common`
-- @treturn boolean
-- @raise kvm.Error
-- @usage for common in kvm.linux.sock.for_each(k:object("init_net"), "unix") do assert(kvm.linux.sock.is_full(common)) end
function M.is_full(common)
  local state = common.skc_state
  return state ~= TIME_WAIT and state ~= NEW_SYN_RECV
end

--- The inode of a socket, as in "socket:[N]".
-- @param sock `struct sock`
-- @treturn integer 0 when no file is open for it
-- @raise kvm.Error
-- @usage for common in kvm.linux.sock.for_each(k:object("init_net"), "unix") do
-- assert(kvm.linux.sock.inode(kvm.cast(common, "struct sock")) >= 0) end
function M.inode(sock)
  local socket = sock.sk_socket
  return socket and object.container_of(socket, "struct socket_alloc", "socket").vfs_inode.i_ino or 0
end

local function address(common, family, which)
  local k = object.handle(common)
  if family == M.AF_INET6 then
    return netdevice.ipv6(kvm_error.check(k:read(object.addr(common, "skc_v6_" .. which), 16)))
  end
  return netdevice.ipv4(kvm_error.check(k:read(object.addr(common, "skc_" .. which), 4)))
end

--- The ends of an internet socket.
-- @param common `struct sock_common`
-- @treturn string local address
-- @treturn integer local port; of raw sockets the protocol
-- @treturn string remote address
-- @treturn integer remote port
-- @raise kvm.Error
-- @usage for common in kvm.linux.sock.for_each(k:object("init_net"), "tcp") do assert(select(2, kvm.linux.sock.ends(common)) > 0) end
function M.ends(common)
  local family = common.skc_family
  local port = kvm_error.check(object.handle(common):read(object.addr(common, "skc_dport"), 2))
  return address(common, family, "rcv_saddr"), common.skc_num, address(common, family, "daddr"), ((">I2"):unpack(port))
end

--- The name that a Unix socket is bound to.
-- @param sock `struct unix_sock`
-- @treturn string path, "@name" for an abstract one, nil for none
-- @raise kvm.Error `format` for a length that can't be
-- @usage for common in kvm.linux.sock.for_each(k:object("init_net"), "unix") do
-- kvm.linux.sock.unix_name(kvm.cast(common, "struct unix_sock")) end
function M.unix_name(sock)
  local a, k = sock.addr, object.handle(sock)
  if not a then return nil end
  local len = a.len - 2 -- of struct sockaddr_un, without its family
  if len < 0 or len > 108 then kvm_error.fail("format", "the name of the Unix socket at 0x%x has %d bytes", object.addr(sock), len) end
  local bytes = kvm_error.check(k:read(object.addr(a) + types.offsetof(k, "struct unix_address", "name") + 2, len))
  if bytes:sub(1, 1) == "\0" then return "@" .. bytes:sub(2):gsub("%z", "@") end
  return (bytes:match "^[^\0]*")
end

--- What waits in a socket's queues.
-- @param sock `struct sock`
-- @tparam string protocol as of for_each
-- @treturn integer bytes received and not yet read; of a listening TCP or Unix socket the connections that wait
-- @treturn integer bytes sent and not yet acknowledged, or not yet sent
-- @raise kvm.Error
-- @usage for common in kvm.linux.sock.for_each(k:object("init_net"), "udp") do
-- assert(kvm.linux.sock.queues(kvm.cast(common, "struct sock"), "udp") >= 0) end
function M.queues(sock, protocol)
  local state = sock.__sk_common.skc_state
  if protocol == "tcp" then
    if state == LISTEN then return sock.sk_ack_backlog, 0 end
    local t = object.cast(sock, "struct tcp_sock")
    return math.max((t.rcv_nxt - t.copied_seq) & 0xffffffff, 0), (t.write_seq - t.snd_una) & 0xffffffff
  end
  if protocol == "unix" and state == LISTEN then return sock.sk_receive_queue.qlen, 0 end
  -- sk_rmem_alloc_get, sk_wmem_alloc_get: memory, one byte of the latter belongs to the socket itself
  local wmem = sock.sk_wmem_alloc.refs.counter
  return sock.sk_backlog.rmem_alloc.counter, protocol == "netlink" and wmem or math.max(wmem - 1, 0)
end

return M
