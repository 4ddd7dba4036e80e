-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"

local S <const> = memory.START
local HEAD <const>, FIRST <const>, SECOND <const>, TREE <const> = S, S + 0x40, S + 0x80, S + 0x100

describe("kvm.linux.check.list_poison", function()
  harness.guard()
  local k
  local function set(at, next, back) assert(k:write(at, ("<i8i8"):pack(next, back))) end
  before_each(function()
    k = memory.open [[
      struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; }; struct rb_root { struct rb_node *rb_node; };
      struct miscdevice { const char *name; struct list_head list; };
      struct super_block { struct list_head s_list, s_mounts; char s_id[16]; };
      struct mount { struct list_head mnt_instance; };]]
    memory.symbols({misc_list = HEAD, lab_device = SECOND}, {lab_device = 24}, {lab_device = "lab"})
    set(HEAD, FIRST + 8, SECOND + 8)
    set(FIRST + 8, SECOND + 8, HEAD)
    set(SECOND + 8, HEAD, FIRST + 8)
    assert(k:write(SECOND, ("<i8"):pack(S + 0x200)))
    assert(k:write(S + 0x200, "lab-device\0"))
  end)
  after_each(memory.forget)
  local function run(tasks)
    local context = checks.new(k, {task_list = tasks or {}})
    function context.is_panic() return false end
    function context.task_text(_, t) return ("pid %d (%s)"):format(t.pid, t.comm) end
    return checks.run("list_poison", context)
  end

  it("is quiet about whole lists, and those that are not there", function()
    assert.are.same({{}, nil}, {run()})
    memory.forget()
    assert.are.same({{}, nil}, {run()})
  end)

  it("finds poison, the entry and the module that it is of", function()
    set(SECOND + 8, HEAD, 0xdead000000000122)
    local f = run()
    assert.are.same({1, "critical", "certain", {"lab"}}, {#f, f[1].severity, f[1].confidence, f[1].modules})
    assert.are.equal("list corruption: the list of miscellaneous devices is broken at lab-device: deleted list entry (LIST_POISON2)",
      f[1].title)
    assert.matches("that is in struct miscdevice 0x%x+ %(lab%-device%)", f[1].evidence[3])
    assert.are.equal("it lies in lab_device+0x8 [lab]", f[1].evidence[4])
  end)

  it("takes what a CPU has not finished for no damage", function()
    set(HEAD, FIRST + 8, FIRST + 8) -- the second is being deleted
    local f = run()
    assert.are.same({"critical", "likely"}, {f[1].severity, f[1].confidence})
    f = run {{pid = 3, comm = "x", on_cpu = 0, functions = {"list_del_init"}}}
    assert.are.same({"info", "possible", "pid 3 (x) is in list_del_init"}, {f[1].severity, f[1].confidence, f[1].evidence[#f[1].evidence]})
  end)

  it("looks at the lists of entries", function()
    memory.symbols {super_blocks = HEAD}
    set(HEAD, FIRST, FIRST)
    set(FIRST, HEAD, HEAD)
    set(FIRST + 16, SECOND, SECOND)
    set(SECOND, FIRST + 16, FIRST + 16)
    assert.are.same({{}, nil}, {run()})
    set(SECOND, 0x6b6b6b6b6b6b6b6b, FIRST + 16)
    assert.are.equal("list corruption: the list of mounts is broken: use after free (POISON_FREE, SLUB)", run()[1].title)
  end)

  it("finds broken trees", function()
    memory.symbols {free_vmap_area_root = TREE}
    assert(k:write(TREE, ("<i8"):pack(TREE + 16)))
    assert(k:write(TREE + 16, ("<i8i8i8"):pack(1, 0, 0)))
    assert.are.same({{}, nil}, {run()})
    assert(k:write(TREE + 16, ("<i8i8i8"):pack(1, TREE + 48, 0)))
    assert(k:write(TREE + 48, ("<i8i8i8"):pack(0x6b6b6b68, 0, 0)))
    local f = run()
    assert.are.same({1, "critical", "list corruption: the tree of free vmap areas is broken"}, {#f, f[1].severity, f[1].title})
  end)
end)
