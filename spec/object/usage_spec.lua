-- SPDX-License-Identifier: BSD-2-Clause
-- The @usage lines of objects and types are run on the real dumps that are there.
local harness = require "spec.support.harness"
local usage = require "spec.support.usage"

local paths = {"lua/kvm/object.lua", "lua/kvm/type.lua", "lua/kvm/layout.lua"}
for _, folder in ipairs {"lua/kvm/object", "lua/kvm/format"} do
  for _, path in ipairs(usage.files(folder, "lua")) do paths[#paths + 1] = path end
end

describe("the usage lines of objects", function()
  harness.guard()
  usage.describe {
    paths = paths, at_least = 30, on_built = false,
    dumps = {"k510/kdump", "k61/vmcore", "k612/vmcore", "k72/vmcore", "live61/elf"},
  }
end)
