-- SPDX-License-Identifier: BSD-2-Clause
local files = require "spec.support.files"
local fs = require "kvm.linux.fs"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"

describe("kvm.linux.fs", function()
  harness.guard()
  local k, set, inode, _
  local BDI, MAPPING, NODE = memory.START + 0x1320, memory.START + 0x1340, memory.START + 0x1400
  before_each(function()
    k, _, set = files.open()
    inode = k:object(files.INODE, "struct inode")
  end)
  after_each(memory.forget)

  local function ring(...)
    local nodes = {...}
    for i, at in ipairs(nodes) do
      local after = nodes[i % #nodes + 1]
      assert(k:write(at, ("<i8"):pack(after)))
      assert(k:write(after + 8, ("<i8"):pack(at)))
    end
  end

  it("gives the inodes of a super block", function()
    local sb = k:object(files.SB, "struct super_block")
    ring(kvm.addr(sb.s_inodes), kvm.addr(inode.i_sb_list))
    assert.are.same({files.INODE}, (memory.collect(fs.for_each_inode(sb), kvm.addr)))
    assert(k:write(kvm.addr(inode.i_sb_list) + 8, ("<i8"):pack(0)))
    assert.are.equal("format", select(2, memory.collect(fs.for_each_inode(sb), kvm.addr)).code)
  end)

  it("says whether they are ever written", function()
    local sb = k:object(files.SB, "struct super_block")
    assert.is_false(fs.is_written_back(sb))
    set("super_block", files.SB, {s_bdi = BDI})
    assert.is_false(fs.is_written_back(sb))
    set("backing_dev_info", BDI, {capabilities = 3})
    assert.is_true(fs.is_written_back(sb))
  end)

  it("says what is dirty, by the bits of each release", function()
    for state, want in pairs {[0] = {}, [1 << 3] = {"sync"}, [1 << 4 | 1 << 5] = {"datasync", "pages"}, [1 << 11] = {"time"}, [7] = {}} do
      set("inode", files.INODE, {i_state = state})
      assert.are.same(want, fs.dirty(inode))
    end
    local old = memory.open "struct inode { unsigned long i_state; };"
    memory.set(old, "struct inode", memory.START, {i_state = 1 | 4})
    assert.are.same({"sync", "pages"}, fs.dirty(old:object(memory.START, "struct inode")))
  end)

  it("counts dirty pages by their marks", function()
    set("inode", files.INODE, {i_mapping = MAPPING})
    set("address_space", MAPPING, {["i_pages.xa_head"] = NODE + 2})
    local pages = k:object(MAPPING, "struct address_space").i_pages
    memory.set(k, "struct xa_node", NODE, {array = kvm.addr(pages), ["slots[0]"] = 0x1000, ["slots[3]"] = 0x2000, ["slots[5]"] = 0x3000,
      ["marks[0][0]"] = 9, ["marks[1][0]"] = 32})
    assert.are.same({2, 1}, {fs.dirty_pages(inode)})
    memory.set(k, "struct xa_node", NODE, {array = 0})
    assert.are.equal("format", select(2, kvm.try(fs.dirty_pages, inode)).code)
  end)

  it("gives the first name of an inode, and its kind", function()
    assert.is_nil(fs.path(inode))
    local alias = kvm.addr(k:object(files.dentry(4), "struct dentry").d_alias)
    set("inode", files.INODE, {["i_dentry.first"] = alias})
    set("dentry", files.dentry(4), {["d_alias.pprev"] = kvm.addr(inode.i_dentry)})
    assert.are.equal("/dir/file", fs.path(inode))
    for mode, want in pairs {[0x81a4] = "file", [0x41ed] = "directory", [0xa1ff] = "link", [0x1fff] = "fifo", [0] = "anon"} do
      set("inode", files.INODE, {i_mode = mode})
      assert.are.equal(want, fs.kind(inode))
    end
  end)
end)

describe("kvm.linux.fs of all", function()
  harness.guard()
  after_each(memory.forget)
  local AT, NAMES = memory.START, memory.START + 0x200

  local function types_of(k, first)
    kvm.cdef(k, first and "extern struct hlist_head file_systems;" or "extern struct file_system_type *file_systems;")
    memory.symbols {file_systems = AT}
    assert(k:write(NAMES, "proc\0...ext4\0"))
  end

  it("gives the types of file systems from the list before 7.2", function()
    local k = memory.open "struct file_system_type { const char *name; int fs_flags; struct file_system_type *next; };"
    types_of(k)
    assert(k:write(AT, ("<i8"):pack(AT + 0x40)))
    memory.set(k, "struct file_system_type", AT + 0x40, {name = NAMES, fs_flags = 8, next = AT + 0x80})
    memory.set(k, "struct file_system_type", AT + 0x80, {name = NAMES + 8, fs_flags = 1})
    assert.are.same({{name = "proc", nodev = true, addr = AT + 0x40}, {name = "ext4", nodev = false, addr = AT + 0x80}}, fs.filesystems(k))
    memory.set(k, "struct file_system_type", AT + 0x80, {next = AT + 0x40})
    assert.are.equal("format", select(2, kvm.try(fs.filesystems, k)).code)
  end)

  it("and from that of 7.2", function()
    local k = memory.open [[struct hlist_node { struct hlist_node *next, **pprev; }; struct hlist_head { struct hlist_node *first; };
      struct file_system_type { const char *name; int fs_flags; struct hlist_node list; };]]
    types_of(k, true)
    local list = k:type("struct file_system_type"):strip():field("list").offset
    assert(k:write(AT, ("<i8"):pack(AT + 0x40 + list)))
    memory.set(k, "struct file_system_type", AT + 0x40, {name = NAMES + 8, fs_flags = 1, ["list.pprev"] = AT})
    assert.are.same({{name = "ext4", nodev = false, addr = AT + 0x40}}, fs.filesystems(k))
  end)

  it("gives the super blocks", function()
    local k = memory.open "struct super_block { long s_blocksize; struct list_head s_list; };"
    memory.symbols {super_blocks = AT}
    local node = AT + 0x40 + 8
    assert(k:write(AT, ("<i8i8"):pack(node, node)))
    assert(k:write(node, ("<i8i8"):pack(AT, AT)))
    assert.are.same({AT + 0x40}, (memory.collect(fs.for_each_super_block(k), kvm.addr)))
  end)
end)
