-- SPDX-License-Identifier: BSD-2-Clause
local cache = require "kvm.cmd.cache"
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local made = require "spec.support.pagemap"
local memory = require "spec.support.memory"

describe("kvm.cmd.cache", function()
  harness.guard()
  local k
  before_each(function() k = made.open() end)
  after_each(memory.forget)
  local INODE = ("0x%x"):format(made.at.INODE)

  local function records(opts) return fake.collect(cache.run(k, opts)) end

  it("tells what of a file is cached", function()
    assert.are.same({{inode = made.at.INODE, number = 12, path = INODE, size = 8197, cached_bytes = 4101, missing_bytes = 4096}},
      records {path = INODE})
  end)

  it("writes what is cached, with holes, to a new file", function()
    local out = harness.temp(false)
    assert.are.equal(4101, records({path = INODE, out = out})[1].written)
    local f = assert(io.open(out, "rb"))
    local text = f:read "a"
    f:close()
    assert.are.same({8197, "hello", ("\0"):rep(4096), "hello"}, {#text, text:sub(1, 5), text:sub(4097, 8192), text:sub(8193)})
    local r = records {path = INODE, out = out}
    assert.are.same({"inval", out .. " is there already"}, {r[1].code, r[1].stopped})
    assert.are.same({"io"}, {records({path = INODE, out = "/nowhere/x"})[1].code})
    assert.has_error(function() cache.run(k, {out = out}) end)
  end)

  it("makes the file as long as it was, where its end is not cached", function()
    local out = harness.temp(false)
    memory.set(k, "struct inode", made.at.INODE, {i_size = 5 * 4096})
    assert.are.equal(8192, records({path = INODE, out = out})[1].written)
    local f = assert(io.open(out, "rb"))
    assert.are.equal(5 * 4096, f:seek "end")
    f:close()
  end)

  it("names what can't be read", function()
    memory.set(k, "struct xa_node", made.at.NODE, {array = 0})
    local r = records {path = INODE}
    assert.are.same({{"cached_bytes"}, 8197}, {r[1].partial, r[1].size})
  end)
end)

describe("kvm.cmd.cache of a path", function()
  harness.guard()
  local files, one_task = require "spec.support.files", require "spec.support.one_task"
  local k, task, set
  before_each(function() k, task, set = files.open() end)
  after_each(memory.forget)
  one_task(function() return {pid = 1, tid = 1, comm = "one", mm = 0}, task end)

  it("finds a file that nobody has open", function()
    local base, mapping = memory.START + 0x1400, memory.START + 0x1440
    assert(k:write(base, ("<i8"):pack(made.MAP)))
    memory.symbols {vmemmap_base = base}
    require "kvm".cdef(k, "struct page { unsigned long words[8]; };")
    local pfn = assert(k:translate(memory.START + 0x1000)) >> 12
    set("inode", files.INODE, {i_mapping = mapping})
    set("address_space", mapping, {["i_pages.xa_head"] = made.MAP + 64 * pfn})
    set("opened", files.TASK, {files = 0})
    assert.are.same({{inode = files.INODE, number = 12, path = "/srv/dir/file", size = 5, cached_bytes = 5, missing_bytes = 0}},
      fake.collect(cache.run(k, {path = "/srv/dir/file"})))
    assert.are.same({}, fake.collect(cache.run(k, {path = "/srv/none"})))
    set("inode", files.INODE, {i_mode = 0x41ed}) -- no file
    assert.are.same({}, fake.collect(cache.run(k, {path = "/srv/dir/file"})))
  end)
end)
