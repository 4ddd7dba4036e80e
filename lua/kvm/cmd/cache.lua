-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm cache: what of a file, or of all open ones, is in the page cache, and with --out the bytes of one, as far as they are there.
local kvm_error = require "kvm.error"
local dcache = require "kvm.linux.dcache"
local fdtable = require "kvm.linux.fdtable"
local namei = require "kvm.linux.namei"
local object = require "kvm.object"
local pagemap = require "kvm.linux.pagemap"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"

local M = {
  name = "cache",
  summary = "the page cache of files, and their contents",
  operands = {{key = "path", name = "PATH|INODE", optional = true}},
  options = {
    {flags = "-o --out", value = "FILE", help = "write the cached bytes of PATH to this new file; holes are what is not cached"},
  },
  columns = {
    {name = "inode", kind = "hex", title = "INODE", width = 18, left = true},
    {name = "number", kind = "integer"},
    {name = "size", kind = "integer", title = "SIZE", width = 12},
    {name = "cached_bytes", kind = "integer", title = "CACHED", width = 12},
    {name = "missing_bytes", kind = "integer", title = "MISSING", width = 12},
    {name = "written", kind = "integer"},
    {name = "partial", kind = "strings"},
    {name = "path", kind = "string", title = "PATH", left = true, width = 0},
  },
  no_match = "no open file has that path, nor has the dentry cache",
}

local S_IFMT <const>, S_IFREG <const> = 0xf000, 0x8000

-- Open regular files, each inode once: inode, path.
local function each_file(k, emit, fn)
  local seen = {}
  for _, task in tasks.each(k) do
    walk.part(emit, function()
      for _, file in fdtable.for_each_file(task) do
        local inode = file.f_inode
        local addr = object.addr(inode)
        if not seen[addr] and inode.i_mode & S_IFMT == S_IFREG then
          seen[addr] = true
          fn(inode, (dcache.d_path(file.f_path)))
        end
      end
    end)
  end
end

-- Writes pieces to a new file; what lies between them stays a hole.
local function write_new(path, contents, size)
  local exists = io.open(path, "rb")
  if exists then
    exists:close()
    kvm_error.fail("inval", "%s is there already", path)
  end
  local out, message = io.open(path, "wb")
  if not out then kvm_error.fail("io", "%s", message) end
  local written = 0
  local function check(ok, why) if not ok then kvm_error.fail("io", "%s: %s", path, why) end end
  for at, bytes in contents do
    check(out:seek("set", at))
    check(out:write(bytes))
    written = written + #bytes
  end
  if size > 0 then -- the last byte makes the file as long as it was, where that is not cached
    local last = out:seek "end"
    if last < size then
      check(out:seek("set", size - 1))
      check(out:write "\0")
    end
  end
  check(out:close())
  return written
end

local function record(inode, path, opts)
  local rec = {inode = object.addr(inode), number = inode.i_ino, path = path}
  local ok, err = kvm_error.try(function()
    local contents, size = pagemap.contents(inode)
    rec.size = size
    if opts.out then
      rec.written = write_new(opts.out, contents, size)
      rec.cached_bytes = rec.written
    else
      rec.cached_bytes = 0
      for _, bytes in contents do rec.cached_bytes = rec.cached_bytes + #bytes end
    end
    rec.missing_bytes = size - rec.cached_bytes
    return true
  end)
  if not ok then
    if err.code == "io" or err.code == "inval" then error(err, 0) end
    rec.partial = {"cached_bytes"}
  end
  return rec
end

local function addressed(k, text)
  local digits = text:match "^0x(%x+)$"
  return digits and kvm_error.check(k:object(tonumber(digits, 16), "struct inode"))
end

-- The file that a path leads to as process 1 sees it; nil where the dentry cache does not know it, or can't be walked that far.
local function named(k, path)
  if path:sub(1, 1) ~= "/" then return nil end
  local _, task = tasks.each(k, {1})()
  if not task or not task.nsproxy then return nil end
  local dentry = kvm_error.try(namei.lookup, task.fs.root, task.nsproxy.mnt_ns, path)
  local inode = dentry and dentry.d_inode
  return inode and inode.i_mode & S_IFMT == S_IFREG and inode or nil
end

--- The page cache of a file, or of the open ones.
-- @param k an open handle
-- @tparam[opt] table opts path (as process 1 sees it, or of an open file, which may be deleted, or "0x..." of a `struct inode`), out (a new
--  file for its bytes)
-- @treturn function an iterator of records: inode (`struct inode *`), number, path, size, cached_bytes, missing_bytes (of the file: not
--  cached, or not in the dump), written (bytes, with out), partial (keys that could not be read); what is damaged as kvm.cmd.walk tells it
-- @raise kvm.Error `inval`: a file OUT is there already, or OUT without PATH; `io`
-- @usage for f in require "kvm.cmd.cache".run(k) do assert(f.stopped or f.path) end
function M.run(k, opts)
  opts = opts or {}
  if opts.out and not opts.path then error {usage = "--out needs a PATH"} end
  local inode = opts.path and addressed(k, opts.path)
  return walk.records(function(emit)
    inode = inode or opts.path and kvm_error.try(named, k, opts.path) or nil
    if inode then return emit(record(inode, opts.path, opts)) end
    local done = false
    each_file(k, emit, function(file, path)
      if done or opts.path and path ~= opts.path then return end
      emit(record(file, path, opts))
      done = opts.path ~= nil
    end)
  end)
end

return M
