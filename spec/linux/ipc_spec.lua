-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local ipc = require "kvm.linux.ipc"
local kvm = require "kvm"
local made = require "spec.support.ipc"
local memory = require "spec.support.memory"

local QUEUE, FIRST, SECOND, SEMS, PAGES = made.at.QUEUE, made.at.FIRST, made.at.SECOND, made.at.SEMS, made.at.PAGES

describe("kvm.linux.ipc", function()
  harness.guard()
  local k, ns

  before_each(function() k, ns = made.open() end)
  after_each(memory.forget)

  local function messages()
    return memory.collect(ipc.messages(k:object(QUEUE, "struct msg_queue")), function(m) return m.text end)
  end

  it("gives objects, semaphores and messages", function()
    assert.are.same({{SEMS, 4}}, (memory.collect(ipc.for_each(ns, "sem"), function(o, perm) return {kvm.addr(o), perm.id} end)))
    assert.are.same({QUEUE}, (memory.collect(ipc.for_each(ns, "msg"), function(o) return kvm.addr(o) end)))
    assert.are.same({}, (memory.collect(ipc.for_each(ns, "shm"))))
    assert.are.same({{value = 5, pid = 123}, {value = 6, pid = 0}}, ipc.semaphores(k:object(SEMS, "struct sem_array")))
    assert.are.same({"hello", ""}, (messages()))
  end)

  it("puts a long message together", function()
    local head = k:type("struct msg_msg"):size()
    local first = 4096 - head
    memory.set(k, "struct msg_msg", FIRST, {m_ts = first + 3, next = PAGES})
    assert(k:write(PAGES + 8, "end"))
    memory.set(k, "struct msg_msg", SECOND, {m_ts = 0})
    local got = messages()
    assert.are.same({first + 3, "end"}, {#got[1], got[1]:sub(-3)})
    memory.set(k, "struct msg_msg", FIRST, {next = 0})
    local none, err = messages()
    assert.are.same({{}, "format"}, {none, err.code})
  end)

  it("stops where it is damaged", function()
    memory.set(k, "struct sem_array", SEMS, {sem_nsems = -1})
    local _, err = kvm.try(ipc.semaphores, k:object(SEMS, "struct sem_array"))
    assert.are.equal("format", err.code)
    memory.set(k, "struct msg_msg", SECOND, {m_ts = 1 << 30})
    local got
    got, err = messages()
    assert.are.same({{"hello"}, "format"}, {got, err.code})
  end)

  it("says when a kernel has none", function()
    memory.forget()
    local _, err = kvm.try(ipc.init_ns, k)
    assert.are.equal("this kernel has no System V IPC (CONFIG_SYSVIPC): no symbol shm_init_ns", err.message)
    assert.are.equal(0, ipc.pid_of(nil))
  end)
end)
