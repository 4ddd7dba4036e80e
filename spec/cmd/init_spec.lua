-- SPDX-License-Identifier: BSD-2-Clause
local registry = require "kvm.cmd"

-- Modules of kvm.* that are loaded when a new Lua has required one.
local function loaded_by(name)
  local code = ("require %q for n in pairs(package.loaded) do io.write(n, '\\n') end"):format(name)
  local path = ("package.path = %q .. package.path package.cpath = %q .. package.cpath "):format(
    "lua/?.lua;lua/?/init.lua;", (os.getenv "KVM_BUILD" or "build") .. "/?.so;")
  local pipe = assert(io.popen(("%s -e '%s'"):format(os.getenv "KVM_LUA" or "lua5.4", path .. code)))
  local text = pipe:read "a"
  pipe:close()
  return text
end

describe("kvm.cmd", function()
  it("has every command, whole", function()
    for _, name in ipairs(registry.names) do
      local command = registry.get(name)
      assert.are.equal(name, command.name)
      assert.is_string(command.summary)
      assert.is_function(command.run)
      assert.is_table(command.options)
      for _, c in ipairs(command.columns) do assert.is_string(c.name .. c.kind) end
    end
    assert.is_nil(registry.get "nosuch")
    assert.is_nil(registry.get "init")
    assert.is_nil(registry.get "words")
  end)

  it("loads only the command that is asked for", function()
    local text = loaded_by "kvm.cmd.log"
    assert.matches("kvm%.cmd%.log", text)
    for _, other in ipairs {"kvm%.cmd%.ps", "kvm%.cmd%.triage", "cjson", "argparse", "kvm%.linux"} do
      assert.is_nil(text:find(other), other)
    end
  end)
end)
