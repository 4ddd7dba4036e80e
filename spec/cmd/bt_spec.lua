-- SPDX-License-Identifier: BSD-2-Clause
local bt = require "kvm.cmd.bt"
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local made = require "spec.support.stacks"
local memory = require "spec.support.memory"

local LOW <const> = made.STACK + 0x100

describe("kvm.cmd.bt", function()
  harness.guard()
  local k, symbols
  before_each(function()
    k, symbols = made.open()
    made.words(k, LOW, made.RETURN, 0x1234)
    made.crash(k, symbols, {rip = made.INNER + 4, rsp = LOW})
  end)
  after_each(memory.forget)

  local function run(opts) return fake.collect(bt.run(k, opts)) end

  it("tells what each CPU was doing", function()
    local r = run {active = true}
    assert.are.equal(1, #r)
    assert.are.same({7, 7, 0, made.TASK, "crash_notes", true},
      {r[1].pid, r[1].tid, r[1].cpu, r[1].addr, r[1].registers_from, r[1].complete})
    assert.are.same({"inner", "outer"}, {r[1].frames[1].name, r[1].frames[2].name})
    assert.are.same(r, run {cpu = 0})
    assert.are.equal("inval", run({cpu = 5})[1].code)
  end)

  it("says that a CPU left no registers", function()
    symbols.crash_notes = nil
    assert.matches("left no registers", run({cpu = 0})[1].why)
  end)

  it("gives the words of frames, and those of the stack", function()
    local r = run({cpu = 0, contents = true})[1]
    assert.are.same({made.RETURN}, r.frames[1].contents)
    assert.are.equal(0x1234, r.frames[2].contents[1])
    r = run({cpu = 0, raw = true})[1]
    assert.is_nil(r.frames)
    assert.are.same({LOW, made.RETURN, (made.SIZE - 0x100) // 8}, {r.raw_at, r.raw[1], #r.raw})
  end)

  it("refuses to group what has no frames", function()
    local ok, err = pcall(bt.run, k, {all = true, raw = true, group = true})
    assert.are.same({false, "--raw shows no frames that --group could compare"}, {ok, err.usage})
  end)

  it("tells equal stacks once", function()
    local r = run {active = true, group = true}
    assert.are.same({1, {7}, {[""] = 1}}, {r[1].count, r[1].tids, r[1].comms})
    assert.matches("^1 tasks: ", bt.text(r[1]))
  end)

  it("prints a stack", function()
    local text = bt.text(run({cpu = 0, contents = true})[1])
    assert.matches("^PID 7  CPU 0  R ", text)
    assert.matches((" #0  [%016x] inner+0x4\n"):format(LOW), text, 1, true)
    assert.matches((" #1  [%016x] outer+0x25\n"):format(LOW + 8), text, 1, true)
    local frame = {pc = 1, sp = 2, how = "scan", trusted = false, stack = "irq"}
    text = bt.text {pid = 1, tid = 2, comm = "a\27", state = "D", addr = 3, why = "no table", user = {rip = 0x401000},
      user_frames = {0x401000, 0x402000}, raw = {1, 2, 3}, raw_at = 16,
      frames = {{pc = 5, sp = 6, trusted = true, stack = "task", regs_at = 64, regs = {rip = 9},
        lines = {{name = "f", file = "a.c", line = 3, inlined = true}}}, frame}}
    for _, part in ipairs {"TID 2", "a\\x1b", "? 0x1", "<irq stack>", "struct pt_regs at 0x40", "inlined f a.c:3", "stops: no table",
      "the program's registers", "by frame pointer: 0x402000"} do
      assert.matches(part, text, 1, true)
    end
  end)
end)
