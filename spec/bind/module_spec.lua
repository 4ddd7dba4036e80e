-- SPDX-License-Identifier: BSD-2-Clause
local core = require "kvm.core"

describe("kvm.core", function()
  it("has open, the version, the metatable of error values, the methods of handles, what kvm.object builds on, and the terminal", function()
    local names = {}
    for name in pairs(core) do names[#names + 1] = name end
    table.sort(names)
    assert.are.same({"Error", "Handle", "objects", "open", "terminal", "version"}, names)
    assert.matches("^%d+%.%d+%.%d+$", core.version)
    assert.are.equal("kvm.Error", core.Error.__name)
  end)

  it("can be loaded again, into the same metatables", function()
    local load_core = assert(package.loadlib(package.searchpath("kvm.core", package.cpath), "luaopen_kvm_core"))
    local again = load_core()
    assert.are_not.equal(core, again)
    assert.are.equal(core.Error, again.Error)
  end)
end)
