-- SPDX-License-Identifier: BSD-2-Clause
-- What each test must leave as it was: no file open, no new global, the same directory. Call guard() inside of a describe block;
-- temp() gives names of files that are removed, and open() handles that are closed, when the test has ended.
local busted = require "busted"

local M = {}

local lfs = require "lfs" -- busted brings it with it

-- Descriptors above 2 with the file of each, in /proc/self/fd.
local function open_files()
  local out = {}
  for fd = 3, 63 do
    local target = lfs.symlinkattributes("/proc/self/fd/" .. fd, "target")
    if target then out[fd] = target end
  end
  return out
end

local function globals()
  local out = {}
  for name in pairs(_G) do out[name] = true end
  return out
end

local function differences(what, before, after, list)
  for name in pairs(after) do
    if not before[name] then list[#list + 1] = ("%s %s (%s) was left behind"):format(what, name, after[name]) end
  end
end

local function snapshot()
  return {files = open_files(), globals = globals(), directory = lfs.currentdir()}
end

--- What has changed since a snapshot, as a list of sentences. Collects garbage twice first, so that what nothing refers to
-- is gone.
function M.leaks(before)
  collectgarbage()
  collectgarbage()
  local after, list = snapshot(), {}
  differences("file descriptor", before.files, after.files, list)
  differences("global", before.globals, after.globals, list)
  if before.directory ~= after.directory then list[#list + 1] = "the directory is now " .. after.directory end
  return list
end

M.snapshot = snapshot

local files, handles = {}, {}

--- The name of a new file, perhaps with content, or (false) of one that is not there yet; removed behind the test.
function M.temp(bytes)
  local path = os.tmpname()
  files[#files + 1] = path
  if bytes == false then
    os.remove(path)
  elseif bytes then
    local f = assert(io.open(path, "wb"))
    assert(f:write(bytes))
    f:close()
  end
  return path
end

--- kvm.open, for a handle that the test does not close itself.
function M.open(...)
  local k = assert(require "kvm.core".open(...))
  handles[#handles + 1] = k
  return k
end

local function clean_up()
  for i = #handles, 1, -1 do
    handles[i]:close()
    handles[i] = nil
  end
  for i = #files, 1, -1 do
    os.remove(files[i])
    files[i] = nil
  end
end

--- Watches every test of the describe block that this is called in.
function M.guard()
  local before
  busted.before_each(function()
    collectgarbage()
    collectgarbage()
    before = snapshot()
  end)
  busted.after_each(function()
    clean_up()
    local list = M.leaks(before)
    if list[1] then error(table.concat(list, "; "), 0) end
  end)
end

return M
