-- SPDX-License-Identifier: BSD-2-Clause
-- The @usage lines of the documentation are run, on a built kernel and on the real dumps that are there. They see k (an open
-- handle), core (its path), kvm, tmpname (the name of a new file).
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local kvm = require "kvm"
local lfs = require "lfs"

local FILES = {"lua/kvm/init.lua", "lua/kvm/error.lua", "lua/kvm/type.lua", "lua/kvm/format.lua"}
for name in lfs.dir("csrc/bind") do
  if name:find("%.c$") then FILES[#FILES + 1] = "csrc/bind/" .. name end
end
table.sort(FILES)

local function examples(path)
  local out, n = {}, 0
  for line in io.lines(path) do
    n = n + 1
    local code = line:match("@usage (.*)")
    if code then out[#out + 1] = {code = code, place = ("%s:%d"):format(path, n)} end
  end
  return out
end

-- False where the example needs a page that a slim dump does not have.
local function run(e, env, is_slim)
  local ok, err = pcall(assert(load(e.code, "=" .. e.place, "t", env)))
  if not ok and is_slim and tostring(err):find("is not in the dump", 1, true) then return false end
  assert.is_true(ok, e.place .. ": " .. tostring(err))
  return true
end

-- lacks: a call that this kernel can't answer; is_slim: the dump was written by k:slim.
local function run_all(core, t)
  t = t or {}
  local k = harness.open(core)
  local count = 0
  for _, path in ipairs(FILES) do
    for _, e in ipairs(examples(path)) do
      if not (t.lacks and e.code:find(t.lacks, 1, true)) then
        local env = setmetatable({k = k, core = core, kvm = kvm, tmpname = harness.temp(false)}, {__index = _G})
        if run(e, env, t.is_slim) then count = count + 1 end
      end
    end
  end
  assert.is_true(count > 45, count .. " ran")
end

describe("the usage lines", function()
  harness.guard()

  for _, release in ipairs(linux.releases) do
    it("run on a built kernel of " .. release .. ", which has no swap", function()
      run_all(harness.temp(linux.build{release = release}:elf()), {lacks = "k:swaps"})
    end)
  end

  local dumps = {"examples/panic.kdump"}
  local dir = os.getenv("KVM_DUMPS")
  for _, name in ipairs{"k510/vmcore", "k61/kdump", "k612/vmcore", "k72/kdump", "live72/elf"} do
    dumps[#dumps + 1] = (dir or "$KVM_DUMPS") .. "/" .. name
  end
  for _, path in ipairs(dumps) do
    if lfs.attributes(path) then
      it("run on " .. path:match("[^/]+/[^/]+$"), function() run_all(path, {is_slim = path:find("^examples/") ~= nil}) end)
    else
      pending("run on " .. path .. ", which is not there")
    end
  end
end)
