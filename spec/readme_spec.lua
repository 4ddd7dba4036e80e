-- SPDX-License-Identifier: BSD-2-Clause
-- README keeps its word: the example in Lua runs as it stands, and the output that is shown is what the
-- command prints.
local B = os.getenv("KVM_BUILD") or "build"

local function read(path)
  local f = assert(io.open(path))
  local text = f:read("a")
  f:close()
  return text
end

local function output(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("a")
  local _, _, status = pipe:close()
  return text, status
end

-- The lines that a script prints.
local function run(script)
  local printed = {}
  local env = setmetatable({
    arg = {},
    print = function(...)
      local words = table.pack(...)
      for i = 1, words.n do words[i] = tostring(words[i]) end
      printed[#printed + 1] = table.concat(words, "\t")
    end,
  }, {__index = _G})
  assert(load(script, "=README.md", "t", env))()
  return printed
end

describe("README.md", function()
  local readme = read("README.md")
  local code = assert(readme:match("\n```lua\n(.-\n)```"))

  it("shows an example of ten lines", function()
    local _, lines = code:gsub("\n", "")
    assert.is_true(lines >= 8 and lines <= 12)
  end)

  it("shows an example that runs on the dump in examples/", function()
    local kvm = require "kvm"
    local printed = run(code)

    local k <close> = assert(kvm.open("examples/panic.kdump"))
    local running = 0
    for p in k:procs() do
      if p.state == "R" then running = running + 1 end
    end
    assert.are.equal(("%s\t%d CPUs"):format(k:info().release, k:info().cpus), printed[1])
    assert.are.equal(("init_task is at 0x%x"):format(k:symbol("init_task").value), printed[2])
    assert.are.equal(running + 3, #printed)
    assert.are.equal("Linux version", printed[#printed])
  end)

  it("shows objects that are there", function()
    local printed = run(assert(readme:match("C structures are Lua values\n\n```lua\n(.-\n)```")))
    assert.are.equal("1\tinit\t0", printed[1])
    assert.matches("kthreadd", printed[2])
    assert.matches("^%(struct thread_info%){.*%.cpu = 0x0", printed[#printed - 1])
    assert.matches("^16\t%(struct list_head%){", printed[#printed])
  end)

  it("shows what the commands print", function()
    local shown = 0
    for command, block in readme:gmatch("<!%-%- output: (.-) %-%->\n```%w*\n(.-)```") do
      shown = shown + 1
      local text, status = output((command:gsub("^luakvm", B .. "/bin/luakvm")))
      assert.are.equal(0, status)
      -- "..." on a line of its own stands for lines that are left out
      local from = 1
      for part in (block .. "...\n"):gmatch("(.-)%.%.%.\n") do
        local first, last = text:find(part, from, true)
        assert.is_truthy(first, ("%s does not print:\n%s"):format(command, part))
        from = last + 1
      end
      assert.is_true(#block > 200)
    end
    assert.are.equal(2, shown)
  end)

  it("names the goals of the Makefile that it promises", function()
    local makefile = read("Makefile")
    for goal in readme:gmatch("make ([%l][%l-]+)") do
      if not goal:find("^rockspec") then
        assert.is_truthy(makefile:find("\n" .. goal:gsub("%-", "%%-") .. ":"), "no goal " .. goal)
      end
    end
  end)
end)
