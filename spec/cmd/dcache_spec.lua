-- SPDX-License-Identifier: BSD-2-Clause
local command = require "kvm.cmd.dcache"
local fake = require "spec.support.fake_kernel"
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local one_task = require "spec.support.one_task"

describe("kvm.cmd.dcache", function()
  harness.guard()
  local k, task, set
  before_each(function() k, task, set = files.open() end)
  one_task(function() return {pid = 7, tid = 7, comm = "one", mm = 0}, task end)

  local function records(opts) return fake.collect(command.run(k, opts)) end

  it("tells what paths lead to", function()
    set("inode", files.INODE, {i_nlink = 2, ["i_uid.val"] = 10, ["i_gid.val"] = 20})
    local r = records {paths = {"/srv/dir/file", "/srv/none", "/"}}
    assert.are.same({path = "/srv/dir/file", dentry = files.dentry(4), inode = files.INODE, number = 12, kind = "file", size = 5, links = 2,
      uid = 10, gid = 20, permissions = 420, super_block = files.SB, unhashed = false}, r[1])
    assert.are.same({"notfound", "none of /srv is not in the dentry cache"}, {r[2].code, r[2].stopped})
    assert.are.same({"/", files.dentry(0)}, {r[3].path, r[3].dentry})
    assert.are.equal(files.dentry(0), records()[1].dentry)
  end)

  it("lists directories", function()
    local r = records {paths = {"/srv/dir"}, list = true}
    assert.are.same({1, "/srv/dir/file"}, {#r, r[1].path})
    assert.are.equal("/srv", records({list = true})[1].path)
  end)

  it("tells of links, and of names that were looked for in vain", function()
    set("inode", files.INODE, {i_mode = 0xa1ff, i_link = files.NAMES})
    local r = records {paths = {"/srv/dir/file"}}
    assert.is_truthy(r[1].stopped) -- all of the path is a link now
    set("inode", files.INODE, {i_mode = 0x81a4})
    set("inode", files.INODE + 0x200, {i_mode = 0xa1ff, i_link = files.NAMES})
    set("dentry", files.dentry(4), {d_inode = files.INODE + 0x200})
    r = records {paths = {"/srv/dir/file"}}
    assert.are.same({"link", "testfs"}, {r[1].kind, r[1].target})
    set("dentry", files.dentry(4), {d_inode = 0})
    r = records {paths = {"/srv/dir/file"}}
    assert.are.same({"negative", nil, nil}, {r[1].kind, r[1].inode, r[1].partial})
  end)

  it("names what can't be read, and where it stopped", function()
    set("inode", files.INODE + 0x200, {i_mode = 0xa1ff, i_link = memory.UNMAPPED})
    set("dentry", files.dentry(4), {d_inode = files.INODE + 0x200})
    assert.are.same({{"target"}, "link"}, {records({paths = {"/srv/dir/file"}})[1].partial, records({paths = {"/srv/dir/file"}})[1].kind})
    set("dentry", files.dentry(4), {["d_sib.pprev"] = 0})
    assert.are.equal("format", records({paths = {"/srv/dir"}, list = true})[1].code)
    set("opened", files.TASK, {nsproxy = 0})
    assert.matches("it has ended", records()[1].stopped)
    local ok, err = pcall(command.run, k, {namespace = 99})
    assert.are.same({false, "notfound"}, {ok, err.code})
  end)
end)
