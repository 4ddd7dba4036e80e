-- SPDX-License-Identifier: BSD-2-Clause
-- On a real terminal, where there is tmux to make one: the pager, colour, and tables that are no wider than it.
local command = require "spec.support.command"
local pager = require "kvm.cli.pager"
local terminal = require "spec.support.terminal"

local SAMPLE = "examples/panic.kdump"

describe("kvm.cli.pager", function()
  it("is none where output goes to no terminal", function()
    assert.is_nil(pager.program {columns = function() return nil end})
  end)

  local function at(line, columns, rows)
    local before, behind = line:match "^(.-)luakvm (.*)$"
    return terminal.open(("%s %s %s"):format(before, command.quote(command.path), behind), columns, rows)
  end

  if not terminal.is_there() then
    pending "the rest: no tmux"
    return
  end

  it("pages what is longer than the screen, and prints what is not", function()
    local t <close> = at("luakvm log " .. SAMPLE, 100, 20)
    t:wait ":$"
    t:keys "q"
    t:wait "status %d+"
    local short <close> = at(("luakvm ps %s --limit 3"):format(SAMPLE), 140, 20)
    local screen = short:wait "status 0"
    assert.is_truthy(screen:find "PID .*init")
  end)

  it("is the one that is named, or none", function()
    local own <close> = at(("PAGER='sed s/^/paged:/' luakvm ps %s --limit 1"):format(SAMPLE), 100, 20)
    assert.is_truthy(own:wait "status 0":find "paged: *PID")
    for _, line in ipairs {"PAGER= luakvm log ", "luakvm log --no-pager ", "LUAKVM_PAGER=cat PAGER=false luakvm log "} do
      local none <close> = at(line .. SAMPLE, 100, 20)
      none:wait "status 0"
    end
  end)

  it("paints on a terminal, unless NO_COLOR is set", function()
    local t <close> = at(("luakvm ps %s --limit 1"):format(SAMPLE), 100, 20)
    t:wait "status 0"
    assert.is_truthy(t:screen(true):find("\27%[1m%s*PID"))
    local plain <close> = at(("NO_COLOR=1 luakvm ps %s --limit 1"):format(SAMPLE), 100, 20)
    plain:wait "status 0"
    assert.is_nil(plain:screen(true):find "\27%[1m")
  end)

  it("ends the lines of tables where the terminal ends, unless they shall be whole", function()
    for _, columns in ipairs {40, 60, 100} do
      local t <close> = at(("luakvm ps --limit 5 %s"):format(SAMPLE), columns, 20)
      local screen = t:wait "status 0"
      assert.are.equal(7, select(2, screen:gsub("[^\n]+", "")))
      assert.is_truthy(screen:find "…")
    end
    local t <close> = at(("luakvm ps --limit 5 --wide %s"):format(SAMPLE), 60, 40)
    local screen = t:wait "status 0"
    assert.is_nil(screen:find "…")
    assert.is_true(select(2, screen:gsub("[^\n]+", "")) > 7)
  end)
end)
