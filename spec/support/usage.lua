-- SPDX-License-Identifier: BSD-2-Clause
-- The @usage lines of the documentation, run. They see k (an open handle), core (its path), kvm, tmpname (the name of a new file).
local harness = require "spec.support.harness"
local kvm = require "kvm"
local assert = require "luassert"
local busted = require "busted"
local lfs = require "lfs"
local linux = require "spec.support.build.linux"

local M = {}

--- Files of a folder that end in .ENDING.
function M.files(folder, ending)
  local out = {}
  for name in lfs.dir(folder) do
    if name:find("%." .. ending .. "$") then out[#out + 1] = folder .. "/" .. name end
  end
  table.sort(out)
  return out
end

local function examples(paths)
  local out = {}
  for _, path in ipairs(paths) do
    local n, open = 0, nil
    for line in io.lines(path) do
      n = n + 1
      local code, more = line:match "@usage (.*)", line:match "^%-%-%s+([^@%s].*)"
      if code then
        open = {code = code, place = path .. ":" .. n}
        -- what prints a help text is run by spec/cli
        if not code:find(".main", 1, true) then out[#out + 1] = open end
      elseif open and more then
        open.code = open.code .. "\n" .. more
      else
        open = nil
      end
    end
  end
  return out
end

-- False where the example needs a page that a slim dump does not have.
local function run(e, env, is_slim)
  local ok, err = pcall(assert(load(e.code, "=" .. e.place, "t", env)))
  if not ok and is_slim and tostring(err):find(" not in the dump", 1, true) then return false end
  assert.is_true(ok, e.place .. ": " .. tostring(err))
  return true
end

-- lacks: patterns of what this kernel can't answer.
local function run_all(paths, core, lacks)
  local k, count = harness.open(core), 0
  local function answers(code)
    for _, word in ipairs(lacks) do
      if code:find(word, 1, true) then return false end
    end
    return true
  end
  for _, e in ipairs(examples(paths)) do
    if answers(e.code) then
      local env = setmetatable({k = k, core = core, kvm = kvm, tmpname = harness.temp(false)}, {__index = _G})
      if run(e, env, core:find "^examples/" ~= nil) then count = count + 1 end
    end
  end
  return count
end

--- Tests that run the usage lines of files on a built kernel of each layout and on the dumps that are there.
-- t: paths; on_built: what built kernels lack ({string,...}, false: they are left out); lacks: likewise, by dump; dumps ({"k61/kdump",
-- ...}); at_least
function M.describe(t)
  for _, release in ipairs(t.on_built and linux.releases or {}) do
    busted.it("run on a built kernel of " .. release, function()
      run_all(t.paths, harness.temp(linux.build {release = release}:elf()), t.on_built)
    end)
  end
  local dumps = {"examples/panic.kdump"}
  for _, name in ipairs(t.dumps) do dumps[#dumps + 1] = (os.getenv "KVM_DUMPS" or "$KVM_DUMPS") .. "/" .. name end
  for _, path in ipairs(dumps) do
    if lfs.attributes(path) then
      busted.it("run on " .. path:match "[^/]+/[^/]+$", function()
        local count = run_all(t.paths, path, t.lacks and t.lacks[path:match "[^/]+/[^/]+$"] or {})
        assert.is_true(count >= t.at_least, count .. " ran")
      end)
    else
      busted.pending("run on " .. path .. ", which is not there")
    end
  end
end

return M
