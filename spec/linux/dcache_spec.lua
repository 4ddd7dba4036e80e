-- SPDX-License-Identifier: BSD-2-Clause
local dcache = require "kvm.linux.dcache"
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local kvm = require "kvm"

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
