-- SPDX-License-Identifier: BSD-2-Clause
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local namei = require "kvm.linux.namei"

describe("kvm.linux.namei", function()
  harness.guard()
  local k, task, set
  before_each(function() k, task, set = files.open() end)

  local function lookup(path, ...)
    local dentry, mount = namei.lookup(task.fs.root, task.nsproxy.mnt_ns, path, ...)
    return kvm.addr(dentry), kvm.addr(mount)
  end
  local function failure(...) return select(2, kvm.try(lookup, ...)) end

  it("goes through mounts, down and up", function()
    assert.are.same({files.dentry(0), files.ROOT_MOUNT}, {lookup "/"})
    assert.are.same({files.dentry(2), files.MOUNT}, {lookup "/srv"})
    assert.are.same({files.dentry(4), files.MOUNT}, {lookup "/srv/dir/file"})
    for _, path in ipairs {"srv//dir/./file", "/../srv/dir/../dir/file", "/srv/../../srv/dir/file"} do
      assert.are.equal(files.dentry(4), (lookup(path)), path)
    end
    assert.are.same({files.dentry(0), files.ROOT_MOUNT}, {lookup "/srv/.."})
  end)

  it("does not leave the root it starts from", function()
    local dentry = namei.lookup(task.fs.pwd, task.nsproxy.mnt_ns, "/../../file")
    assert.are.equal(files.dentry(4), kvm.addr(dentry))
  end)

  it("names what is not in memory", function()
    local err = failure "/srv/dir/none"
    assert.are.same({"notfound", "none of /srv/dir is not in the dentry cache"}, {err.code, err.message})
  end)

  it("follows symbolic links", function()
    local link, text = files.INODE + 0x200, files.NAMES + 0xc0
    set("inode", link, {i_mode = 0xa1ff, i_link = text})
    set("dentry", files.dentry(4), {d_inode = link})
    assert(k:write(text, "../../srv\0"))
    assert.are.equal(files.dentry(2), (lookup "/srv/dir/file"))
    assert.are.equal(files.dentry(4), (lookup("/srv/dir/file", true)))
    assert(k:write(text, "/srv/dir\0"))
    assert.are.equal(files.dentry(3), (lookup "/srv/dir/file"))
    assert(k:write(text, "file\0"))
    assert.are.same({"inval", "/srv/dir/file has more than 40 symbolic links"}, {failure("/srv/dir/file").code,
      failure("/srv/dir/file").message})
    set("inode", link, {i_link = 0})
    assert.are.equal("unsupported", failure("/srv/dir/file").code)
    assert.are.equal("inval", failure(("x"):rep(70000)).code)
  end)

  it("stops where mounts or the cache are damaged", function()
    set("mount", files.MOUNT, {mnt_parent = files.MOUNT + 8})
    assert.are.equal(files.dentry(1), (lookup "/srv")) -- nothing is mounted there
    set("dentry", files.dentry(1), {["d_sib.pprev"] = 0})
    assert.are.equal("format", failure("/srv").code)
    assert(k:write(files.NS, ("<I8"):pack(1)))
    assert.is_truthy(failure("/").code)
  end)

  it("does not go round where mounts lie on each other in a circle", function()
    set("mount", files.MOUNT, {mnt_mountpoint = files.dentry(2), mnt_parent = files.MOUNT})
    assert.are.equal(files.dentry(1), (lookup "/srv"))
    set("mount", files.ROOT_MOUNT, {mnt_parent = files.MOUNT, mnt_mountpoint = files.dentry(2)})
    set("mount", files.MOUNT, {mnt_parent = files.ROOT_MOUNT, mnt_mountpoint = files.dentry(0)})
    assert.are.equal("format", failure("/").code)
  end)
end)
