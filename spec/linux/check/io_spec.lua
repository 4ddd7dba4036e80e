-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local made = require "spec.support.disk"
local memory = require "spec.support.memory"
local rq = require "kvm.linux.rq"

local S <const> = 1000000000
local START <const> = 1500000000 -- when the driver was given the request

describe("kvm.linux.check.io", function()
  harness.guard()
  local clock = rq.clock
  after_each(function()
    memory.forget()
    rq.clock = clock
  end)

  for _, layout in ipairs(made.layouts) do
    describe("of " .. layout, function()
      local k, set, tasks
      before_each(function()
        k, set = made.open(layout, "struct task_struct { int pid; };")
        tasks = {}
      end)

      local function run(seconds)
        set("timekeeper", made.KEEPER, {["tkr_mono.base"] = START + seconds * S})
        return checks.run("io", checks.new(k, {task_list = tasks}))
      end

      it("is quiet about young requests and those that are done", function()
        assert.are.same({}, (run(9)))
        set("request", made.REQUEST, {state = 2})
        assert.are.same({}, (run(100)))
      end)

      it("names the disk of an old request, and what it does", function()
        local f = run(11)
        assert.are.same({1, "warning"}, {#f, f[1].severity})
        assert.are.equal("disk sda has 1 requests under way, 1 for more than 10.0 s, the oldest (write) for 11.0 s", f[1].title)
        assert.matches("write of 4096 bytes at sector 72 of sda1, with the driver for 11.0 s: struct request 0x", f[1].evidence[1], 1, true)
        assert.are.equal("error", run(31)[1].severity)
        set("request", made.REQUEST, {io_start_time_ns = 0, state = 0})
        assert.matches("not yet given to the driver for 31.5 s", run(31)[1].evidence[1], 1, true) -- it was made half a second earlier
      end)

      it("tells of tasks that wait for what no disk has", function()
        function rq.clock() return 100 * S end
        local function sleeper(pid, since, in_iowait)
          return {pid = pid, comm = "t", state = "D", task = {in_iowait = in_iowait, on_rq = 0, se = {exec_start = since}}}
        end
        tasks = {sleeper(1, 80 * S, 1), sleeper(2, 50 * S, 1), sleeper(3, 40 * S, 1), sleeper(4, 10 * S, 0)}
        local f = run(1)
        assert.are.same({1, "warning", {3, 2}}, {#f, f[1].severity, f[1].pids})
        assert.are.equal("2 tasks have waited for I/O for more than 30.0 s that no disk has, pid 3 (t) the longest", f[1].title)
        f = run(40)
        assert.are.equal("2 tasks have waited for I/O for more than 30.0 s, pid 3 (t) the longest", f[2].title)
      end)

      it("tells damage, but not that there are no disks", function()
        set("blk_mq_tags", made.TAGS, {nr_tags = 1 << 21})
        local found, err = run(50)
        assert.are.same({{}, "format"}, {found, err.code})
        memory.forget()
        found, err = checks.run("io", checks.new(k, {task_list = {}}))
        assert.are.same({{}, nil}, {found, err})
      end)
    end)
  end
end)
