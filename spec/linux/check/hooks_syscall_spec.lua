-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local strangers = require "spec.support.strangers"

local S = memory.START
local TABLE, META, POINTERS, NAMES = S, S + 0x100, S + 0x200, S + 0x300

describe("kvm.linux.check.hooks_syscall", function()
  harness.guard()
  strangers(0x1000, 0x2000, 0)
  local k, symbols
  before_each(function()
    k = memory.open [[
      struct file_of;
      struct trace_array { struct file_of *enter_syscall_files[3]; };
      struct syscall_metadata { char *name; };
    ]]
    symbols = {sys_call_table = TABLE, __x64_sys_read = 0x1000, __x64_sys_write = 0x1100, __x64_sys_ni_syscall = 0x1200, schedule = 0x1300}
  end)
  after_each(memory.forget)

  local function run(...)
    for i, addr in ipairs {...} do assert(k:write(TABLE + 8 * (i - 1), ("<I8"):pack(addr))) end
    memory.symbols(symbols, {sys_call_table = 0x40})
    return checks.run("hooks_syscall", checks.new(k))
  end

  it("is quiet about functions of system calls, and about what lies behind the table", function()
    assert.are.same({}, (run(0x1000, 0x1200, 0x1100, 0, 0x1300, 0x99)))
  end)

  it("finds entries that lead into a module, nowhere, or to no system call", function()
    local f = run(0x5010, 0x10, 0x1300, 0x1100)
    assert.are.equal(1, #f)
    assert.are.same({"critical", {"evil"}}, {f[1].severity, f[1].modules})
    assert.matches("3 of 4 entries of sys_call_table lead to module evil", f[1].title, 1, true)
    assert.matches("sys_call_table[0] at 0xffff888000000000 is 0x5010 in module evil, not a system call", f[1].evidence[1], 1, true)
  end)

  it("compares with the names that the kernel kept", function()
    symbols.syscalls_metadata = META
    assert(k:write(META, ("<I8"):pack(POINTERS)))
    assert(k:write(POINTERS, ("<I8I8I8"):pack(POINTERS + 0x20, POINTERS + 0x28, 0)))
    assert(k:write(POINTERS + 0x20, ("<I8I8"):pack(NAMES, NAMES + 9)))
    assert(k:write(NAMES, "sys_read\0sys_write\0"))
    assert.are.same({}, (run(0x1000, 0x1100, 0x1200)))
    local f = run(0x1100, 0x1000, 0x1200)
    assert.are.same({"__x64_sys_read", "__x64_sys_write"}, f[1].functions)
    f = run(0x1000, 0x1100, 0) -- the last one of a table whose length is known
    assert.are.same({"a system call of the kernel"}, f[1].functions)
  end)

  it("says when the table can't be read, and nothing where there is none", function()
    symbols.sys_call_table = memory.UNMAPPED
    local _, err = run()
    assert.are.equal("fault", err.code)
    symbols.sys_call_table = nil
    assert.are.same({}, (run()))
  end)
end)
