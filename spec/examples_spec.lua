-- SPDX-License-Identifier: BSD-2-Clause
-- The examples print what their headers say, on the dump that ships; the C one builds with the line in its header.
local harness = require "spec.support.harness"
local lfs = require "lfs"

local B <const> = os.getenv "KVM_BUILD" or "build"
local LUAKVM <const> = B .. "/bin/luakvm"

local function read(path)
  local f <close> = assert(io.open(path))
  return f:read "a"
end

local function output(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read "a"
  local ok = pipe:close()
  return text, ok
end

-- The lines of the header behind "$": the first is the command.
local function shown(source)
  local lines = {}
  for line in source:gmatch "([^\n]*)\n" do
    if not line:find "^%-%-" then break end
    local text = line:match "^%-%-   (.*)"
    if text and (#lines > 0 or text:find "^%$ ") then lines[#lines + 1] = text end
  end
  return lines
end

describe("examples", function()
  harness.guard()
  local count = 0
  for name in lfs.dir "examples" do
    local path = "examples/" .. name
    if name:find "%.lua$" then
      count = count + 1
      it(name .. " prints what it says", function()
        local lines = shown(read(path))
        local command = assert(lines[1], "no example of its use"):match "^%$ luakvm (.*)"
        assert.are.equal(("run %s examples/panic.kdump"):format(path), command:match "^run %S+ %S+")
        local text = output(LUAKVM .. " " .. command)
        local at, skipped = 1, false
        for i = 2, #lines do
          if lines[i] == "..." then
            skipped = true
          else
            local first, last = text:find(lines[i] .. "\n", at, true)
            assert.is_truthy(first == at or skipped and first,
              ("%s does not print %q here:\n%s"):format(path, lines[i], text:sub(at, at + 200)))
            at, skipped = last + 1, false
          end
        end
        assert.are.equal("", text:sub(at))
        assert.is_true(#lines > 1)
      end)
    end
  end

  it("are a dozen, with the one in C", function() assert.is_true(count >= 11) end)

  it("embed.c is a program that tells what went wrong", function()
    local flags = assert(read "examples/embed.c":match "//   cc %-o embed examples/embed.c ([^\n]*)")
    local program = harness.temp(false)
    local built, ok = output(("%s -Wall -Wextra -Werror -o %s examples/embed.c %s"):format(os.getenv "CC" or "cc", program, flags))
    assert.is_true(ok, built)
    local env = ("LUA_PATH='lua/?.lua;lua/?/init.lua;;' LUA_CPATH='%s/?.so;;' "):format(B)
    local text = output(env .. program .. " examples/panic.kdump")
    assert.matches("^critical: sysrq triggered crash, in sysrq_handle_crash%+0x1a.*\nsignature: 1%-%x+\nkernel: 6%.12%.", text)
    text, ok = output(env .. program .. " /nonexistent")
    assert.is_nil(ok)
    assert.matches("^embed: /nonexistent: ", text)
    text = output(program)
    os.remove(program)
    assert.are.equal("usage: embed CORE\n", text)
  end)
end)
