-- SPDX-License-Identifier: BSD-2-Clause
-- The launcher: it finds its modules from any directory, under any name of itself.
local command = require "spec.support.command"
local harness = require "spec.support.harness"
local lfs = require "lfs"

local function absolute(path)
  return path:find "^/" and path or lfs.currentdir() .. "/" .. path
end

local function version(line)
  local out, err, status = command.shell(line)
  assert.are.same({"", 0}, {err, status})
  assert.matches("^luakvm %d", out)
end

describe("the launcher", function()
  harness.guard()
  local path = absolute(command.path)

  it("runs from any directory", function()
    version(command.quote(command.path) .. " --version")
    version("cd / && " .. command.quote(path) .. " --version")
    version(("cd %s && ./luakvm --version"):format(command.quote(path:match "^(.*)/")))
    version(("cd %s/.. && bin/luakvm --version"):format(command.quote(path:match "^(.*)/")))
  end)

  it("runs from PATH", function()
    version(("cd / && PATH=%s:$PATH luakvm --version"):format(command.quote(path:match "^(.*)/")))
  end)

  it("runs through a symbolic link", function()
    local link = harness.temp()
    os.remove(link)
    assert(lfs.link(path, link, true))
    version(command.quote(link) .. " --version")
  end)

  it("starts fast: no command loads what it does not use", function()
    local out = command.shell(("LUA_INIT='%s' %s log /nonexistent 2>/dev/null"):format(
      "local r = require function require(n) io.stdout:write(n, \"\\n\") return r(n) end", command.quote(path)))
    assert.is_nil(out:find "cjson")
    assert.is_nil(out:find "kvm%.cmd%.ps")
    assert.matches("kvm%.cmd%.log", out)
  end)
end)
