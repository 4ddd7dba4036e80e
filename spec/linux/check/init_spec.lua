-- SPDX-License-Identifier: BSD-2-Clause
local check = require "kvm.linux.check"

describe("kvm.linux.check", function()
  it("names checks that are there, each once", function()
    local seen = {}
    for _, name in ipairs(check.names) do
      assert.is_nil(seen[name])
      seen[name] = true
      local module = require("kvm.linux.check." .. name)
      assert.are.equal(name, module.name)
      assert.are.equal("function", type(module.run))
    end
  end)

  it("names all of them", function()
    local named = {}
    for _, name in ipairs(check.names) do named[name] = true end
    local pipe = assert(io.popen "grep -l '^local M = {name = ' lua/kvm/linux/check/*.lua")
    for path in pipe:lines() do
      local name = path:match "([%w_]+)%.lua$"
      assert.is_true(named[name], name)
    end
    pipe:close()
  end)
end)
