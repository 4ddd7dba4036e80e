-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local sock = require "kvm.linux.sock"

local S = memory.START
local NET, OTHER, TABLE, BUCKETS, NAME = S, S + 0x100, S + 0x180, S + 0x200, S + 0x280
local function at(i) return S + 0x400 + 0x100 * i end

describe("kvm.linux.sock", function()
  harness.guard()
  local k, net

  local function u64(where, v) assert(k:write(where, ("<I8"):pack(v))) end
  before_each(function()
    k = memory.open [[
      struct hlist_node { struct hlist_node *next, **pprev; };
      struct hlist_head { struct hlist_node *first; };
      struct udp_hslot { struct hlist_head head; int count; };
      struct udp_table { struct udp_hslot *hash; unsigned int mask; };
      struct net { struct { struct hlist_head sklist; } packet; long number; };
      struct possible_net { struct net *net; };
      struct sock_common { unsigned int skc_daddr, skc_rcv_saddr; unsigned short skc_dport, skc_num, skc_family; unsigned char skc_state;
        struct possible_net skc_net; unsigned char skc_v6_daddr[16], skc_v6_rcv_saddr[16]; struct hlist_node skc_node; };
      struct inode { unsigned long i_ino; };
      struct socket { int state; };
      struct socket_alloc { struct socket socket; struct inode vfs_inode; };
      struct sock { struct sock_common __sk_common; struct socket *sk_socket; struct { struct { int counter; } rmem_alloc; } sk_backlog;
        struct { struct { int counter; } refs; } sk_wmem_alloc; };
      struct sockaddr_un { unsigned short family; char path[108]; };
      struct unix_address { int refcnt, len; struct sockaddr_un name[0]; };
      struct unix_sock { struct sock sk; struct unix_address *addr; };
    ]]
    memory.symbols {udp_table = TABLE}
    net = k:object(NET, "struct net")
    memory.set(k, "struct udp_table", TABLE, {hash = BUCKETS, mask = 3})
    local node = k:type("struct sock_common"):strip():field("skc_node").offset
    for i = 0, 2 do -- two hang in bucket 1, one of another namespace
      memory.set(k, "struct sock", at(i), {["__sk_common.skc_family"] = 2, ["__sk_common.skc_state"] = 7,
        ["__sk_common.skc_num"] = 7000 + i,
        ["__sk_common.skc_net.net"] = i == 1 and OTHER or NET, ["sk_wmem_alloc.refs.counter"] = 1,
        ["sk_backlog.rmem_alloc.counter"] = 10 * i})
      u64(at(i) + node, i < 2 and at(i + 1) + node or 0)
      u64(at(i) + node + 8, i > 0 and at(i - 1) + node or BUCKETS + 16)
    end
    u64(BUCKETS + 16, at(0) + node)
    assert(k:write(at(0), "\1\2\3\4\127\0\0\1\x1b\x5b"))
  end)
  after_each(memory.forget)

  local function ports()
    return memory.collect(sock.for_each(net, "udp"), function(c) return c.skc_num end)
  end

  it("gives the sockets of a namespace", function()
    assert.are.same({7000, 7002}, (ports()))
  end)

  it("tells the ends, queues and inode of a socket", function()
    local c = k:object(at(0), "struct sock_common")
    assert.are.same({"127.0.0.1", 7000, "1.2.3.4", 7003}, {sock.ends(c)})
    assert.is_true(sock.is_full(c))
    local full = kvm.cast(k:object(at(2), "struct sock_common"), "struct sock")
    assert.are.same({20, 0}, {sock.queues(full, "udp")})
    assert.are.equal(0, sock.inode(full))
    memory.set(k, "struct sock", at(2), {sk_socket = NAME})
    memory.set(k, "struct socket_alloc", NAME, {["vfs_inode.i_ino"] = 77})
    assert.are.equal(77, sock.inode(full))
    memory.set(k, "struct sock_common", at(0), {skc_state = 6})
    assert.is_false(sock.is_full(c))
  end)

  it("tells the names of Unix sockets", function()
    local u = k:object(at(0), "struct unix_sock")
    memory.set(k, "struct unix_sock", at(0), {addr = 0})
    assert.is_nil(sock.unix_name(u))
    memory.set(k, "struct unix_sock", at(0), {addr = NAME})
    for _, case in ipairs {{"/tmp/x\0", "/tmp/x"}, {"\0abstract", "@abstract"}, {"", ""}} do
      memory.set(k, "struct unix_address", NAME, {len = #case[1] + 2})
      assert(k:write(NAME + 10, case[1]))
      assert.are.equal(case[2], sock.unix_name(u))
    end
    for _, len in ipairs {1, 111, -5} do
      memory.set(k, "struct unix_address", NAME, {len = len})
      local _, err = kvm.try(sock.unix_name, u)
      assert.are.equal("format", err.code)
    end
  end)

  it("stops where a table is damaged", function()
    memory.set(k, "struct sock_common", at(2), {["skc_node.pprev"] = 0})
    local got, err = ports()
    assert.are.same({{7000}, "format"}, {got, err.code})
    memory.set(k, "struct udp_table", TABLE, {mask = 0xffffffff})
    got, err = ports()
    assert.are.same({{}, "format"}, {got, err.code})
    memory.set(k, "struct udp_table", TABLE, {mask = 0, hash = memory.UNMAPPED})
    got, err = ports()
    assert.are.same({{}, "fault"}, {got, err.code})
  end)

  it("names what is not there", function()
    local _, err = memory.collect(sock.for_each(net, "unix"))
    assert.matches("^this kernel has no Unix sockets %(CONFIG_UNIX%)", err.message)
    local ok, wrong = pcall(sock.for_each, net, "carrier pigeons")
    assert.are.same({false, "inval"}, {ok, wrong.code})
  end)
end)
