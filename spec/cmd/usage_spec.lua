-- SPDX-License-Identifier: BSD-2-Clause
-- The @usage lines of commands and of the Linux helpers are run on a built kernel of each layout, and on the real dumps that
-- are there. They see k (an open handle), core (its path), kvm, tmpname (the name of a new file).
local harness = require "spec.support.harness"
local kvm = require "kvm"
local lfs = require "lfs"
local linux = require "spec.support.build.linux"

local function examples()
  local out = {}
  for _, folder in ipairs {"lua/kvm/linux", "lua/kvm/cmd", "lua/kvm/cli"} do
    for name in lfs.dir(folder) do
      local path, n = folder .. "/" .. name, 0
      for line in name:find "%.lua$" and io.lines(path) or function() end do
        n = n + 1
        local code = line:match "^%-%- @usage (.*)"
        -- what prints a help text is run by spec/cli
        if code and not code:find(".main", 1, true) then out[#out + 1] = {code = code, place = path .. ":" .. n} end
      end
    end
  end
  return out
end

local function run_all(core)
  local k, count = harness.open(core), 0
  for _, e in ipairs(examples()) do
    local env = setmetatable({k = k, core = core, kvm = kvm, tmpname = harness.temp(false)}, {__index = _G})
    local ok, err = pcall(assert(load(e.code, "=" .. e.place, "t", env)))
    assert.is_true(ok, e.place .. ": " .. tostring(err))
    count = count + 1
  end
  assert.is_true(count > 20)
end

describe("the usage lines of commands", function()
  harness.guard()

  for _, release in ipairs(linux.releases) do
    it("run on a built kernel of " .. release, function()
      run_all(harness.temp(linux.build {release = release}:elf()))
    end)
  end

  local dumps = {"examples/panic.kdump"}
  for _, name in ipairs {"k510/kdump", "k61/vmcore", "k612/kdump", "k72/vmcore", "live612/elf"} do
    dumps[#dumps + 1] = (os.getenv "KVM_DUMPS" or "$KVM_DUMPS") .. "/" .. name
  end
  for _, path in ipairs(dumps) do
    if lfs.attributes(path) then
      it("run on " .. path:match "[^/]+/[^/]+$", function() run_all(path) end)
    else
      pending("run on " .. path .. ", which is not there")
    end
  end
end)
