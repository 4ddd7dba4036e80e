-- SPDX-License-Identifier: BSD-2-Clause
-- The dumps of real kernels that run.sh has made, and what their guests said of themselves. A dump that is not there is
-- pending with its reason, or a failure where CI=true. KVM_DUMPS says where they are.
local cjson = require "cjson"
local kvm = require "kvm"
local assert = require "luassert"
local busted = require "busted"

local M = {}

M.dir = os.getenv "KVM_DUMPS" or (os.getenv "KVM_CACHE" or os.getenv "HOME" .. "/.cache/lua-kvm") .. "/kernels"

local CRASHED, LIVE = {"vmcore", "kdump"}, {"elf", "elf-paging", "kdump-zlib"}
M.guests = {
  {key = "k510", cores = CRASHED}, {key = "k61", cores = CRASHED}, {key = "k612", cores = CRASHED},
  {key = "k72", cores = CRASHED}, {key = "live510", cores = LIVE}, {key = "live61", cores = LIVE},
  {key = "live612", cores = LIVE}, {key = "live72", cores = LIVE}, {key = "live61-la57", cores = LIVE},
  {key = "live61-nokaslr", cores = LIVE}, {key = "busy510", cores = {"elf"}}, {key = "busy61", cores = {"elf"}},
  {key = "busy612", cores = {"elf"}}, {key = "busy72", cores = {"elf"}},
}

--- A whole file, or nil.
function M.read(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local text = f:read "a"
  f:close()
  return text
end

--- Why a dump is not there; nil when it is.
function M.absent(key, core)
  local f = io.open(("%s/%s/%s"):format(M.dir, key, core), "rb")
  if f then
    f:close()
    return nil
  end
  return M.read(("%s/%s.why"):format(M.dir, key)) or "spec/kernels/run.sh has not made it"
end

-- Integers stay integers: cjson gives floats.
local function integers(v)
  if type(v) == "number" then return math.tointeger(v) or v end
  if v == cjson.null then return nil end
  if type(v) ~= "table" then return v end
  local out = {}
  for key, value in pairs(v) do out[key] = integers(value) end
  return out
end

function M.decode(text) return integers(cjson.decode(text)) end

--- The records of a luakvm --json, which are one a line.
function M.records(text)
  local out = {}
  for line in text:gmatch "[^\n]+" do out[#out + 1] = M.decode(line) end
  return out
end

local truths = {}
--- What the guest of a key said of itself (see truth.py).
function M.truth(key)
  if not truths[key] then truths = {[key] = M.decode(assert(M.read(("%s/%s/truth.json"):format(M.dir, key))))} end
  return truths[key]
end

--- What a command printed, its errors, its exit status (128 + the signal for one that was killed).
function M.run(...)
  local words = {}
  for i, w in ipairs {...} do words[i] = "'" .. w:gsub("'", "'\\''") .. "'" end
  local errors = os.tmpname()
  local pipe = assert(io.popen(table.concat(words, " ") .. " 2>" .. errors))
  local out = pipe:read "a"
  local _, what, status = pipe:close()
  local err = M.read(errors)
  os.remove(errors)
  return out, err, what == "signal" and status + 128 or status
end

local LUAKVM = (os.getenv "KVM_BUILD" or "build") .. "/bin/luakvm"
--- What luakvm prints; it must end well and be silent on stderr.
function M.luakvm(...)
  local out, err, status = M.run(LUAKVM, ...)
  assert.are.equal("", err)
  assert.are.equal(0, status)
  return out
end

--- luakvm on what it can't read: one line on stderr, nothing on stdout, exit status 1. Returns the line.
function M.luakvm_fails(...)
  local out, err, status = M.run(LUAKVM, ...)
  assert.are.equal("", out)
  assert.matches("^[^\n]+\n$", err)
  assert.are.equal(1, status)
  return err
end

local Dump = {}
Dump.__index = Dump

function Dump:open()
  if not self.handle then
    local err
    self.handle, err = kvm.open(self.path)
    assert(self.handle, err)
  end
  return self.handle
end

function Dump:truth() return M.truth(self.key) end

--- A dump by its key and name; `fn` is told of it inside of a describe block.
function M.describe(key, core, fn)
  busted.describe(key .. "/" .. core, function()
    local why = M.absent(key, core)
    if why then
      local state = os.getenv "CI" == "true" and busted.it or busted.pending
      state("is there: " .. why:gsub("%s+", " "), function() error(why, 0) end)
      return
    end
    local dump = setmetatable({key = key, core = core, path = ("%s/%s/%s"):format(M.dir, key, core)}, Dump)
    dump.is_filtered = core == "kdump"    -- makedumpfile -d 31: no user pages
    -- makedumpfile 1.7 takes slab pages of 7.2 for free ones and leaves them out.
    dump.is_torn = key == "k72" and dump.is_filtered
    dump.is_crash = key:find "^k%d" ~= nil -- it panicked; else QEMU dumped it while it ran
    dump.is_busy = key:find "^busy" ~= nil -- its tasks, files and sockets come and go
    busted.teardown(function()
      if dump.handle then dump.handle:close() end
      dump.handle = nil
      collectgarbage()
    end)
    fn(dump)
  end)
end

--- All dumps that are to be read.
function M.each(fn)
  for _, guest in ipairs(M.guests) do
    for _, core in ipairs(guest.cores) do M.describe(guest.key, core, fn) end
  end
end

--- All dumps of guests that have loaded the module of containers/, and all of their memory; those that lack it are told.
function M.each_with_module(fn)
  M.each(function(dump)
    if dump.is_torn then return end
    if dump:open():symbol "lab_list" then return fn(dump) end
    local why = M.read(("%s/%s/containers.why"):format(M.dir, dump.key)) or "the guest was made without the module"
    local state = os.getenv "CI" == "true" and busted.it or busted.pending
    state("has the module: " .. why:gsub("%s+", " "):sub(-200), function() error(why, 0) end)
  end)
end

--- A list of what is wrong, of which the first ten are shown.
function M.report()
  local list = {count = 0}
  function list.add(fmt, ...)
    list.count = list.count + 1
    if list.count <= 10 then list[list.count] = fmt:format(...) end
  end
  function list.check()
    if list.count > 10 then list[11] = ("and %d more"):format(list.count - 10) end
    assert.are.equal("", table.concat(list, "\n"))
  end
  return list
end

return M
