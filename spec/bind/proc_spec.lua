-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local badargs = require "spec.support.badargs"
local linux = require "spec.support.build.linux"

-- Built once: a kernel with seven processes and two more threads, as an ELF core with all pages, and as a filtered kdump.
local kernel = linux.build()
local ELF = kernel:elf()
local KDUMP = kernel:kdump{without = function(pfn) return kernel:is_user_page(pfn) end}

local function by_pid(step)
  local out, order = {}, {}
  for p in step do
    out[p.pid] = p
    order[#order + 1] = p.pid
  end
  return out, order
end

local function tids(step)
  local out = {}
  for p in step do out[#out + 1] = p.tid end
  table.sort(out)
  return out
end

local function with_kernel(bytes)
  harness.guard()
  local box = {}
  before_each(function() box.k = harness.open(harness.temp(bytes)) end)
  return box
end

describe("procs", function()
  local box = with_kernel(ELF)

  it("gives every process once, with all of its fields", function()
    local procs, order = by_pid(box.k:procs())
    assert.are.same({1, 2, 3, 100, 200, 201, 4194303}, order)
    assert.are.same({
      pid = 100, tid = 100, ppid = 1, pgid = 100, sid = 100, uid = 33, ruid = 33, svuid = 33, gid = 34, rgid = 34, svgid = 34,
      comm = "server", state = "R", cpu = 0, nice = 5, threads = 3, prio = 125, rt_priority = 0, policy = 0, flags = 0,
      start_ns = 5000000000, utime_ns = procs[100].utime_ns, stime_ns = procs[100].stime_ns, vsz_bytes = 5000 * 4096,
      rss_bytes = 321 * 4096, tty = "ttyS1", tty_dev = 4 << 8 | 65, addr = kernel.task_addr[100],
      leader = kernel.task_addr[100], mm = procs[100].mm,
    }, procs[100])
    assert.is_true(procs[100].mm ~= 0)
    for _, name in ipairs{"pid", "addr", "mm", "utime_ns", "flags", "start_ns"} do
      assert.are.equal("integer", math.type(procs[100][name]), name)
    end
  end)

  it("has no tty and no memory for those that have none", function()
    local procs = by_pid(box.k:procs())
    assert.is_nil(procs[1].tty)
    assert.are.equal(0, procs[1].tty_dev)
    assert.are.equal(0, procs[2].mm)
    assert.are.equal(-20, procs[3].nice)
    assert.are.equal("I", procs[3].state)
    assert.are.equal("odd n)ame (", procs[200].comm)
    assert.are.equal("Z", procs[201].state)
    assert.is_nil(procs[1].partial)
  end)

  it("gives threads when asked to", function()
    local k = box.k
    assert.are.same({1, 2, 3, 100, 101, 102, 200, 201, 4194303}, tids(k:procs("all", nil, true)))
    assert.are.same({1, 2, 3, 100, 101, 102, 200, 201, 4194303}, tids(k:procs(nil, nil, true)))
    assert.are.same({1, 2, 3, 100, 200, 201, 4194303}, tids(k:procs("all", nil, false)))
    local seen = 0
    for p in k:procs("pid", 100, true) do
      assert.are.equal(100, p.pid)
      assert.are.equal(kernel.task_addr[p.tid], p.addr)
      assert.are.equal(kernel.task_addr[100], p.leader)
      if p.tid == 101 then assert.are.equal("worker/0", p.comm) end
      if p.tid == 102 then assert.are.equal("D", p.state) end
      seen = seen + 1
    end
    assert.are.equal(3, seen)
  end)

  it("selects", function()
    local k = box.k
    assert.are.same({100}, tids(k:procs("pid", 100)))
    assert.are.same({}, tids(k:procs("pid", 101)))
    assert.are.same({}, tids(k:procs("pid", -1)))
    assert.are.same({100, 200, 201}, tids(k:procs("pgrp", 100)))
    assert.are.same({100, 200, 201}, tids(k:procs("session", 100)))
    assert.are.same({100}, tids(k:procs("tty", 4 << 8 | 65)))
    for _, op in ipairs{"uid", "ruid"} do
      assert.are.same({100}, tids(k:procs(op, 33)), op)
      assert.are.same({}, tids(k:procs(op, 4294967295)), op)
    end
    for _, op in ipairs{"gid", "rgid"} do assert.are.same({100}, tids(k:procs(op, 34)), op) end
    assert.are.equal(6, #tids(k:procs("uid", 0)))
  end)

  it("gives the same record for one process as among all", function()
    local procs = by_pid(box.k:procs())
    for pid, p in pairs(procs) do assert.are.same(p, box.k:procs("pid", pid)()) end
  end)

  it("can be left before the end", function()
    for p in box.k:procs() do
      if p.pid == 2 then break end
    end
    local step = box.k:procs()
    assert.are.equal(1, step().pid)
    assert.are.equal(2, step().pid)
  end)

  it("gives what it found and then raises, where the list is damaged", function()
    local broken = linux.build()
    local tasks = broken.types:offset("task_struct", "tasks")
    broken:poke(broken.task_addr[200] + tasks, ("<i8"):pack(0xdead000000000100))
    local k = harness.open(harness.temp(broken:elf()))
    local step, found = k:procs(), {}
    local ok, err
    repeat
      local p
      ok, p = pcall(step)
      if ok then found[#found + 1] = p.pid else err = p end
    until not ok
    assert.are.same({1, 2, 3, 100, 200}, {table.unpack(found, 1, 5)}) -- and perhaps what is reached from the other side
    assert.are.equal("kvm.Error", getmetatable(err).__name)
    assert.is_true(err.code == "format" or err.code == "fault", err.code)
    assert.is_nil(step())
  end)

  it("raises for wrong arguments", function()
    local k = box.k
    assert.is_true(badargs.check(k.procs, "procs", {k, "pid", 1, true}, {"any", "?string", "integer", "any"}) > 8)
    assert.has_error(function() k:procs("everything") end, "bad argument #1 to 'procs' (invalid option 'everything')")
    assert.has_error(function() k:procs("uid") end, "bad argument #2 to 'procs' (number expected, got no value)")
    assert.has_error(function() k:procs("uid", 1 << 32) end, "bad argument #2 to 'procs' (not an id)")
  end)
end)

describe("argv and environ", function()
  local box = with_kernel(ELF)

  it("are those of the process, by record or by id", function()
    local k = box.k
    for _, t in ipairs(kernel.tasks) do
      if t.args then
        local p = k:procs("pid", t.pid)()
        assert.are.same(t.args, k:argv(p))
        assert.are.same(t.args, k:argv(t.pid))
        assert.are.same(t.environ, k:environ(p))
        assert.are.same(t.environ, k:environ(t.pid))
      end
    end
  end)

  it("are notfound for kernel threads and for who is not there", function()
    for _, pid in ipairs{2, 31337, -1, 1 << 40} do
      local args, message, code = box.k:argv(pid)
      assert.is_nil(args)
      assert.is_string(message)
      assert.are.equal("notfound", code)
      assert.are.equal("notfound", select(3, box.k:environ(pid)))
    end
  end)

  it("raise for wrong arguments", function()
    local k = box.k
    for _, name in ipairs{"argv", "environ"} do
      assert.is_true(badargs.check(k[name], name, {k, 1}, {"any", "process"}) > 4)
    end
    assert.has_error(function() k:argv{pid = 1} end, "bad argument #1 to 'argv' (a process record has an integer 'tid')")
  end)
end)

describe("the memory of a process", function()
  local box = with_kernel(ELF)

  it("is read by record or by id", function()
    local k = box.k
    local p = k:procs("pid", 200)()
    local addr = k:search("odd\0", {space = p})()
    assert.are.equal("odd\0", k:read(addr, 4, p))
    assert.are.equal("odd\0", k:read(addr, 4, 200))
    assert.are.equal(("<I4"):unpack("odd\0"), k:u32(addr, p))
    assert.are.equal(("<I4"):unpack("odd\0"), k:u32(addr, 200))
    assert.are.equal(4096, select(2, k:translate(addr, p)))
    assert.is_nil((k:read(addr, 4)))
  end)

  it("is not there for kernel threads", function()
    local p = box.k:procs("pid", 2)()
    local bytes, _, code = box.k:read(0x1000, 1, p)
    assert.is_nil(bytes)
    assert.are.equal("notfound", code)
  end)
end)

describe("a filtered dump", function()
  local box = with_kernel(KDUMP)

  it("has the processes, and says that their arguments were excluded", function()
    local k = box.k
    local _, order = by_pid(k:procs())
    assert.are.same({1, 2, 3, 100, 200, 201, 4194303}, order)
    local args, message, code, addr = k:argv(1)
    assert.is_nil(args)
    assert.is_string(message)
    assert.are.equal("excluded", code)
    assert.is_true(addr > 0x7ffd00000000 and addr < 0x7ffe00000000)
    assert.are.equal("excluded", select(3, k:environ(1)))
  end)
end)
