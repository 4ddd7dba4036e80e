-- SPDX-License-Identifier: BSD-2-Clause
local dcache = require "kvm.linux.dcache"
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"

describe("kvm.linux.dcache", function()
  harness.guard()
  local k, task, set, path
  before_each(function()
    k, task, set = files.open()
    path = k:object(files.FILE, "struct file").f_path
  end)

  it("gives paths across mounts, from a root", function()
    assert.are.same({"/srv/dir/file", true}, {dcache.d_path(path)})
    assert.are.same({"/srv/dir/file", true}, {dcache.d_path(path, task.fs.root)})
    assert.are.same({"/file", true}, {dcache.d_path(path, task.fs.pwd)})
    assert.are.same({"/srv/dir", true}, {dcache.d_path(task.fs.pwd)})
    assert.are.same({"/", true}, {dcache.d_path(task.fs.root, task.fs.root)})
    assert.are.same({"/", false}, {dcache.d_path(task.fs.root, task.fs.pwd)})
    assert.are.equal("/dir/file", dcache.dentry_path(path.dentry))
    assert.are.equal("file", dcache.name(path.dentry))
  end)

  it("says what has no name any more", function()
    set("dentry", files.dentry(4), {["d_hash.pprev"] = 0})
    assert.are.equal("/srv/dir/file (deleted)", (dcache.d_path(path)))
  end)

  it("gives the names that file systems make up", function()
    local maker = k:symbol("linux_banner")
    set("dentry_operations", files.NS + 0x20, {d_dname = maker.value})
    set("dentry", files.dentry(4), {d_op = files.NS + 0x20})
    assert.are.equal("/srv/dir/file", (dcache.d_path(path))) -- by a function that is not known
    memory.symbols {pidfs_dname = maker.value}
    assert.are.equal("anon_inode:[pidfd]", (dcache.d_path(path)))
    memory.forget()
  end)

  it("ends where paths do not", function()
    set("dentry", files.dentry(3), {d_parent = files.dentry(4)})
    for _, f in ipairs {function() dcache.d_path(path) end, function() dcache.dentry_path(path.dentry) end} do
      local ok, err = pcall(f)
      assert.are.same({false, "format"}, {ok, err.code})
    end
    set("dentry", files.dentry(4), {["d_name.len"] = 1 << 20})
    local _, err = kvm.try(dcache.name, path.dentry)
    assert.are.same({"format", files.dentry(4)}, {err.code, err.addr})
  end)
end)

describe("kvm.linux.dcache below a directory", function()
  harness.guard()
  local k, task, set
  before_each(function() k, task, set = files.open() end)

  local function names(dentry)
    return memory.collect(dcache.for_each_child(dentry), dcache.name)
  end

  it("gives the dentries that are in memory", function()
    assert.are.same({"srv"}, (names(task.fs.root.dentry)))
    local srv = dcache.lookup(task.fs.root.dentry, "srv")
    assert.are.equal(files.dentry(1), kvm.addr(srv))
    assert.is_nil(dcache.lookup(task.fs.root.dentry, "sr"))
    assert.is_nil(dcache.lookup(srv, "srv"))
    set("dentry", files.dentry(1), {d_flags = 0x20000000}) -- a reader's place
    assert.are.same({}, (names(task.fs.root.dentry)))
    kvm.cdef(k, "enum dentry_flags { DCACHE_DENTRY_CURSOR = 1 << 25 };")
    assert.are.same({}, (names(task.fs.root.dentry))) -- declared by hand is not the kernel's own
  end)

  it("does not find what was unhashed, but lists it", function()
    set("dentry", files.dentry(1), {["d_hash.pprev"] = 0})
    assert.are.same({"srv"}, (names(task.fs.root.dentry)))
    assert.is_nil(dcache.lookup(task.fs.root.dentry, "srv"))
    assert.is_true(dcache.is_unhashed(k:object(files.dentry(1), "struct dentry")))
    assert.is_false(dcache.is_unhashed(task.fs.root.dentry))
  end)

  it("stops at the child of another directory, and at a broken link", function()
    set("dentry", files.dentry(1), {d_parent = files.dentry(3)})
    local got, err = names(task.fs.root.dentry)
    assert.are.same({{}, "format", files.dentry(1)}, {got, err.code, err.addr})
    set("dentry", files.dentry(1), {["d_sib.pprev"] = 0})
    got, err = names(task.fs.root.dentry)
    assert.are.same({{}, "format"}, {got, err.code})
  end)
end)

describe("kvm.linux.dcache before 6.8", function()
  harness.guard()

  it("walks the list of subdirectories", function()
    local k = memory.open [[
      struct hlist_bl_node { struct hlist_bl_node *next, **pprev; };
      struct dentry { unsigned int d_flags; struct hlist_bl_node d_hash; struct dentry *d_parent; struct list_head d_child, d_subdirs; };
    ]]
    local function at(i) return memory.START + 0x80 * i end
    local t = k:type("struct dentry"):strip()
    local ring = {at(0) + t:field("d_subdirs").offset, at(1) + t:field("d_child").offset, at(2) + t:field("d_child").offset}
    for i = 0, 2 do memory.set(k, "struct dentry", at(i), {d_parent = at(0), ["d_hash.pprev"] = i}) end
    for i, node in ipairs(ring) do
      assert(k:write(node, ("<i8"):pack(ring[i % 3 + 1])))
      assert(k:write(ring[i % 3 + 1] + 8, ("<i8"):pack(node)))
    end
    local root = k:object(at(0), "struct dentry")
    assert.are.same({at(1), at(2)}, (memory.collect(dcache.for_each_child(root), kvm.addr)))
    memory.set(k, "struct dentry", at(2), {["d_child.prev"] = at(2)})
    local got, err = memory.collect(dcache.for_each_child(root), kvm.addr)
    assert.are.same({{at(1)}, "format"}, {got, err.code})
  end)
end)
