-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local ipcs = require "kvm.cmd.ipcs"
local made = require "spec.support.ipc"
local memory = require "spec.support.memory"
local queues = require "spec.support.mqueue"

describe("kvm.cmd.ipcs", function()
  harness.guard()
  local k
  before_each(function() k = made.open() end)
  after_each(memory.forget)

  it("tells of each object", function()
    memory.set(k, "struct msg_queue", made.at.QUEUE, {["q_perm.key"] = -2, ["q_perm.mode"] = 0x1a4, q_qnum = 2, q_lspid = made.at.PID,
      q_stime = 100})
    local r = fake.collect(ipcs.run(k, {contents = true}))
    assert.are.same({2, "sem", 4, 2, {5, 6}, "5 6"}, {#r, r[1].kind, r[1].id, r[1].count, r[1].values, r[1].contents})
    assert.are.same({kind = "msg", id = 0, key = 0xfffffffe, mode = 0x1a4, perms = "644", uid = 0, gid = 0, cuid = 0, cgid = 0, bytes = 0,
      count = 2, pid = 123, last_pid = 0, created = 0, first = 100, second = 0, addr = made.at.QUEUE,
      messages = {{type = 7, text = "hello", addr = made.at.FIRST}, {type = 8, text = "", addr = made.at.SECOND}},
      contents = '7:"hello" 8:""'}, r[2])
    assert.are.equal(1, #fake.collect(ipcs.run(k, {sem = true})))
    assert.are.equal(0, #fake.collect(ipcs.run(k, {shm = true})))
    assert.is_nil(ipcs.run(k, {msg = true})().messages)
  end)

  it("names what can't be read, and goes on behind what is damaged", function()
    memory.set(k, "struct msg_queue", made.at.QUEUE, {q_lspid = memory.UNMAPPED})
    memory.set(k, "struct msg_msg", made.at.FIRST, {m_ts = 1 << 40})
    local r = fake.collect(ipcs.run(k, {msg = true, contents = true}))
    assert.are.same({"pid", "messages"}, r[1].partial)
    memory.set(k, "struct ipc_ids", made.at.NS, {["ipcs_idr.idr_rt.xa_head"] = memory.UNMAPPED + 2})
    r = fake.collect(ipcs.run(k))
    assert.are.same({"fault", "msg"}, {r[1].code, r[2].kind})
  end)

  it("tells of POSIX message queues", function()
    memory.forget()
    local q, _, set = queues.open(true)
    assert.are.same({{kind = "posix", name = "a-queue", addr = queues.at.QUEUE, mode = 0x8180, perms = "600", uid = 5, gid = 6, bytes = 7,
      count = 2, pid = 0, messages = {{priority = 9, text = "high", addr = queues.at.SECOND},
        {priority = 1, text = "low", addr = queues.at.FIRST}}, contents = '9:"high" 1:"low"'}},
      fake.collect(ipcs.run(q, {posix = true, contents = true})))
    set("posix_msg_tree_node", queues.at.LOW, {["rb_node.rb_right"] = queues.at.LOW})
    assert.are.same({"messages"}, fake.collect(ipcs.run(q, {posix = true, contents = true}))[1].partial)
  end)

  it("says when a kernel has none", function()
    memory.forget()
    local ok, err = pcall(ipcs.run, k)
    assert.are.same({false, "this kernel has no System V IPC (CONFIG_SYSVIPC): no symbol shm_init_ns"}, {ok, err.message})
  end)
end)
