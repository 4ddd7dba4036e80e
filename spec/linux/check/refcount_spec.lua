-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"

local S <const> = memory.START
local TASK <const>, CRED <const>, USER <const>, MM <const>, MODULE <const>, HEAD <const> = S, S + 0x100, S + 0x140, S + 0x180, S + 0x200,
  S + 0x300

describe("kvm.linux.check.refcount", function()
  harness.guard()
  local k
  before_each(function()
    k = memory.open [[
      typedef struct { int counter; } atomic_t; typedef struct { atomic_t refs; } refcount_t;
      struct file { atomic_t f_count; }; struct fdtable { unsigned int max_fds; struct file **fd; };
      struct files_struct { atomic_t count; struct fdtable *fdt; }; struct user_struct { refcount_t __count; };
      struct cred { atomic_t usage; struct user_struct *user; };
      struct mm_struct { atomic_t mm_users; atomic_t mm_count; };
      struct module { int state; struct list_head list; char name[56]; atomic_t refcnt; };
      struct task_struct { refcount_t usage, stack_refcount; struct cred *real_cred; struct mm_struct *mm;
        struct files_struct *files; };]]
    memory.symbols {modules = HEAD, super_blocks = HEAD + 16, net_namespace_list = HEAD + 32}
    memory.set(k, "struct task_struct", TASK, {["usage.refs.counter"] = 2, ["stack_refcount.refs.counter"] = 1, real_cred = CRED, mm = MM})
    memory.set(k, "struct cred", CRED, {["usage.counter"] = 1, user = USER})
    memory.set(k, "struct user_struct", USER, {["__count.refs.counter"] = 1})
    memory.set(k, "struct mm_struct", MM, {["mm_users.counter"] = 1, ["mm_count.counter"] = 1})
    memory.set(k, "struct module", MODULE, {["refcnt.counter"] = 1, state = 0})
    assert(k:write(MODULE + k:type "struct module":strip():field("name").offset, "lab\0"))
    local node = MODULE + k:type "struct module":strip():field("list").offset
    assert(k:write(HEAD, ("<i8i8"):pack(node, node)))
    assert(k:write(node, ("<i8i8"):pack(HEAD, HEAD)))
  end)
  after_each(memory.forget)
  local function run(state, reports)
    local context = checks.new(k, {task_list = {{addr = TASK, pid = 5, comm = "a", state = state or "S"}}})
    function context.task_text() return "pid 5 (a)" end
    function context.reports() return reports or {} end
    return (checks.run("refcount", context))
  end

  it("is quiet about sound counts", function()
    assert.are.same({}, run())
  end)

  it("finds one that is saturated, and who the log says did it", function()
    memory.set(k, "struct task_struct", TASK, {["usage.refs.counter"] = -0x40000000})
    local f = run("S", {{reason = "refcount_t: saturated; leaking memory.", frames = {{name = "lab_get", module = "lab", trusted = true}}}})
    assert.are.same({1, "critical", {5}, {"lab_get"}, {"lab"}}, {#f, f[1].severity, f[1].pids, f[1].functions, f[1].modules})
    assert.are.equal("reference count saturated: usage of pid 5 (a)", f[1].title)
    assert.are.same({("usage of struct task_struct at 0x%x is -1073741824 (0xc0000000), pid 5 (a)"):format(TASK),
      "the log: refcount_t: saturated; leaking memory."}, f[1].evidence)
  end)

  it("finds 0 of what is in use, but of tasks that have exited", function()
    memory.set(k, "struct task_struct", TASK, {["stack_refcount.refs.counter"] = 0})
    assert.are.equal("reference count 0, of what is in use: stack_refcount of pid 5 (a)", run()[1].title)
    assert.are.same({}, run "Z")
  end)

  it("finds plain counters below 0, and what users and modules have", function()
    memory.set(k, "struct mm_struct", MM, {["mm_count.counter"] = -3})
    memory.set(k, "struct user_struct", USER, {["__count.refs.counter"] = 0})
    memory.set(k, "struct module", MODULE, {["refcnt.counter"] = -1})
    local titles = {}
    for i, f in ipairs(run()) do titles[i] = f.title end
    assert.are.same({"reference count 0, of what is in use: __count of pid 5 (a)", "reference count below 0: mm_count of pid 5 (a)",
      "reference count below 0: refcnt of lab"}, titles)
    memory.set(k, "struct module", MODULE, {state = 2}) -- going
    assert.are.equal(2, #run())
  end)

  it("looks at open files, and says when a table of them is not to be believed", function()
    local FILES <const>, TABLE <const>, SLOTS <const>, FILE <const> = S + 0x400, S + 0x440, S + 0x480, S + 0x500
    memory.set(k, "struct task_struct", TASK, {files = FILES})
    memory.set(k, "struct files_struct", FILES, {["count.counter"] = 1, fdt = TABLE})
    memory.set(k, "struct fdtable", TABLE, {max_fds = 4, fd = SLOTS})
    memory.set(k, "struct file", FILE, {["f_count.counter"] = 1})
    assert(k:write(SLOTS, ("<i8i8i8i8"):pack(0, FILE, 0, 0)))
    assert.are.same({}, run())
    memory.set(k, "struct file", FILE, {["f_count.counter"] = -7})
    assert.are.equal("reference count below 0: f_count of pid 5 (a)", run()[1].title)
    memory.set(k, "struct fdtable", TABLE, {max_fds = 1 << 30})
    local context = checks.new(k, {task_list = {{addr = TASK, pid = 5, comm = "a", state = "S"}}})
    function context.task_text() return "pid 5 (a)" end
    local _, err = checks.run("refcount", context)
    assert.are.equal(("the struct fdtable at 0x%x has %d places"):format(TABLE, 1 << 30), err.message)
  end)
end)
