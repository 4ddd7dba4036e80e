-- SPDX-License-Identifier: BSD-2-Clause
-- The @usage lines of the binding are run, on a built kernel and on the real dumps that are there.
local harness = require "spec.support.harness"
local usage = require "spec.support.usage"

local paths = usage.files("csrc/bind", "c")
for _, path in ipairs(usage.files("lua/kvm/cdef", "lua")) do paths[#paths + 1] = path end
for _, name in ipairs {"init", "error", "format", "cdef", "flame_graph"} do paths[#paths + 1] = ("lua/kvm/%s.lua"):format(name) end

describe("the usage lines", function()
  harness.guard()
  usage.describe {
    paths = paths, at_least = 45,
    on_built = {"k:swaps", "k:source", "k:cfi", "init_task"}, -- built kernels have no swap, no debug file, no such variable
    dumps = {"k510/vmcore", "k61/kdump", "k612/vmcore", "k72/kdump", "live72/elf"},
  }
end)
