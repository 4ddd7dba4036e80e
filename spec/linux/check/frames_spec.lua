-- SPDX-License-Identifier: BSD-2-Clause
local frames = require "kvm.linux.check.frames"

local STACK = {
  {name = "__schedule", trusted = true}, {name = "mutex_lock", trusted = true}, {name = "old", trusted = false, offset = 1, pc = 1},
  {name = "f.constprop.0", module = "m", trusted = true, offset = 16, pc = 2}, {name = "f", module = "m", trusted = true, offset = 32,
    pc = 3},
  {name = "vfs_write", trusted = true, offset = 5, pc = 4},
}

describe("kvm.linux.check.frames", function()
  it("takes from names what compilers add", function()
    for _, name in ipairs {"f", "f.cold", "f.isra.0", "f.part.12.constprop.3", "f.constprop.0.cold"} do
      assert.are.equal("f", frames.plain(name))
    end
  end)

  it("finds whose fault a stack shows", function()
    local frame, at = frames.guilty(STACK)
    assert.are.equal("f.constprop.0", frame.name)
    assert.are.equal(4, at)
    assert.are.equal("vfs_write", frames.guilty(STACK, 6).name)
    assert.is_nil(frames.guilty {STACK[1], STACK[2], STACK[3]})
  end)

  it("knows what is machinery by any of its copies", function()
    assert.is_true(frames.is_machinery "__mutex_lock.constprop.0")
    assert.is_false(frames.is_machinery "lab_lock")
  end)

  it("names functions and modules once, the innermost first", function()
    local functions, modules = frames.names(STACK)
    assert.are.same({"f", "vfs_write"}, functions)
    assert.are.same({"m"}, modules)
    assert.are.same({"f"}, (frames.names(STACK, 1, 1)))
  end)

  it("makes lines, as many as asked for", function()
    assert.are.same({"  ? old+0x1", "  f.constprop.0+0x10 [m]", "  ... 2 more"}, frames.lines(table.move(STACK, 3, 6, 1, {}), 2))
  end)
end)
