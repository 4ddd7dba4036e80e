-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local panic = require "kvm.linux.check.panic"
local report = require "kvm.linux.check.report"
local sched = require "kvm.linux.sched"

local CODE <const> = ("\x90"):rep(16) .. "\x48\x8b\x47\x28" .. ("\x90"):rep(12) -- mov 0x28(%rdi),%rax
local PC <const> = 0x1010

local function frame(name, more)
  local f = {name = name, offset = 5, pc = PC, sp = 0x8000, trusted = true}
  for key, v in pairs(more or {}) do f[key] = v end
  return f
end

describe("kvm.linux.check.panic", function()
  local current = sched.current
  before_each(function() function sched.current() return 64 end end)
  after_each(function() sched.current = current end)
  local k = {
    read = function(_, at, len) return CODE:sub(at - 0x1000 + 1, at - 0x1000 + len) end,
    page_size = function() return 4096 end,
  }
  local function context(frames, lines, cpu)
    local log = {}
    for i, line in ipairs(lines or {}) do log[i] = {time_ns = 1000000000, text = line} end
    local c = checks.new(k, {records = log})
    function c.panic_cpu() return cpu or 0 end
    function c.is_panic() return cpu ~= false end
    function c.reports() return report.all(log) end
    function c.task_at() return {addr = 64, pid = 7, comm = "victim"} end
    function c.stack() return frames end
    function c.task_text(_, t) return ("pid %d (%s)"):format(t.pid, t.comm) end
    return c
  end
  local function died(entry, name, regs, lines, more)
    local frames = {frame "panic", frame "oops_end", frame(entry), frame(name, {regs = regs, module = "lab"}), frame "vfs_write"}
    for key, v in pairs(more or {}) do frames[key] = v end
    return context(frames, lines)
  end

  it("decodes a NULL pointer dereference: address, register, function, module", function()
    local c = died("asm_exc_page_fault", "lab_null", {rdi = 0, rip = PC},
      {"BUG: kernel NULL pointer dereference, address: 0000000000000028",
      "#PF: supervisor read access in kernel mode"})
    local found = checks.run("panic", c)[1]
    assert.are.equal("NULL pointer dereference, read at offset 0x28, in lab_null+0x5 [lab], pid 7 (victim)", found.title)
    assert.are.same({{"lab_null", "vfs_write"}, {"lab"}, {7}, "critical"}, {found.functions, found.modules, found.pids, found.severity})
    assert.are.equal("the instruction uses [rdi + 0x28]; rdi is 0x0", found.evidence[2])
    assert.matches("^code: .* <48> 8b 47 28 ", found.evidence[4])
  end)

  it("takes the address from CR2 where the log is gone", function()
    local c = died("asm_exc_page_fault", "lab_null", {rip = PC}, {}, {registers = {cr2 = 0xffffc90000000000}})
    assert.matches("^bad access of unmapped memory at 0xffffc90000000000, in lab_null", checks.run("panic", c)[1].title)
    c = died("asm_exc_page_fault", "lab_null", {rip = PC})
    assert.matches("^page fault at an address that neither the log nor a register tells", checks.run("panic", c)[1].title)
  end)

  it("knows poison", function()
    local c = died("asm_exc_general_protection", "lab_use", {rax = 0x6b6b6b6b6b6b6b6b, rip = PC})
    assert.matches("^use after free %(POISON_FREE, SLUB%): dereference of poison 0x6b6b6b6b6b6b6b6b, in lab_use", checks.run("panic",
      c)[1].title)
  end)

  it("blames who gave the list away, not who checks lists", function()
    local frames = {frame "panic", frame "asm_exc_invalid_op", frame("__list_del_entry_valid.cold", {regs = {}}), frame("lab_del",
      {module = "lab"})}
    local found = checks.run("panic", context(frames, {"list_del corruption. next->prev should be 1, but was 2.",
      "kernel BUG at lib/list_debug.c:62!"}))[1]
    assert.matches("^list corruption: list_del corruption.*, in lab_del%+0x5 %[lab%]", found.title)
    assert.are.same({"lab_del", "__list_del_entry_valid"}, found.functions)
  end)

  it("tells a stack overflow by the guard page", function()
    local frames = {frame("asm_exc_double_fault"), frame("lab_deep", {regs = {}, sp = 0x10000 - 8}), area = {first = 0x10000,
      last = 0x14000}}
    for i = 3, 20 do frames[i] = frame("lab_deep") end
    local found = checks.run("panic", context(frames))[1]
    assert.matches("^kernel stack overflow, in lab_deep", found.title)
    assert.are.equal("lab_deep is on the stack 19 times", found.evidence[2])
  end)

  it("gives the words of a panic that was called", function()
    local c = context({frame "__crash_kexec", frame "panic", frame "sysrq_handle_crash"},
      {"Kernel panic - not syncing: sysrq triggered crash",
      "---[ end Kernel panic - not syncing: sysrq triggered crash ]---"})
    assert.are.equal("sysrq triggered crash, in sysrq_handle_crash+0x5, pid 7 (victim)", checks.run("panic", c)[1].title)
    assert.are.equal("panic", panic.what(c).kind)
  end)

  it("is quiet where the kernel lives, and says when it has no stack", function()
    local c = context({}, {}, false)
    assert.are.same({}, (checks.run("panic", c)))
    assert.matches("the stack of the CPU that did is not in the dump", checks.run("panic", context {})[1].title)
  end)
end)
