-- SPDX-License-Identifier: BSD-2-Clause
local frame_pointer = require "kvm.unwind.frame_pointer"

describe("kvm.unwind.frame_pointer", function()
  local words = {[0x1010] = 0x1040, [0x1018] = 0x77}
  local function read(at) return words[at] or error "unmapped" end

  it("gives the caller", function()
    assert.are.same({rip = 0x77, rsp = 0x1020, rbp = 0x1040}, frame_pointer.step(read, {rip = 1, rsp = 0x1000, rbp = 0x1010}))
  end)

  it("takes no rbp that can't be a frame's", function()
    for _, rbp in ipairs {0x1011, 0xff8, 0} do assert.is_nil(frame_pointer.step(read, {rip = 1, rsp = 0x1000, rbp = rbp})) end
    assert.is_nil(frame_pointer.step(read, {rip = 1, rsp = 0x1000}))
    assert.is_false((pcall(frame_pointer.step, read, {rip = 1, rsp = 0x1000, rbp = 0x1030})))
  end)
end)
