-- SPDX-License-Identifier: BSD-2-Clause
local command = require "spec.support.command"
local style = require "kvm.cli.style"

local SAMPLE = "examples/panic.kdump"

describe("kvm.cli.style", function()
  it("is wanted on a terminal, or as one says", function()
    for _, case in ipairs {{"always", false, true}, {"never", true, false}, {nil, false, false}, {"auto", false, false}} do
      assert.are.equal(case[3], style.wanted(case[1], case[2]))
    end
    assert.is_nil(style.wanted("red", true))
  end)

  it("paints what has a style, and lines by rules, the first that matches", function()
    assert.are.equal("a", style.paint(nil, "a"))
    assert.are.equal("a", style.paint("no such style", "a"))
    assert.are.equal("\27[1ma\27[0m", style.paint("title", "a"))
    assert.are.equal("\27[31mab\27[0m\n\27[33mb\27[0m\nc\n", style.lines({{"^a", "bad"}, {"b", "warn"}}, "ab\nb\nc\n"))
  end)

  it("is asked for by --color, and not by NO_COLOR; nothing else changes", function()
    local plain = command.run("log", SAMPLE, "--limit", "400")
    local painted = command.run("log", SAMPLE, "--limit", "400", "--color=always")
    assert.is_nil(plain:find "\27")
    assert.is_truthy(painted:find "\27%[3[13]m")
    assert.are.equal(plain, (painted:gsub("\27%[[%d;]*m", "")))
    assert.are.equal(plain, command.run("log", SAMPLE, "--limit", "400", "--color", "never"))
    local titles = command.run("ps", SAMPLE, "--limit", "1", "--color=always")
    assert.is_truthy(titles:find("\27[1m    PID\27[0m", 1, true))
    local _, err, status = command.run("ps", SAMPLE, "--color=red")
    assert.are.same({'luakvm: --color: "red" is neither always nor never nor auto\n', 2}, {err, status})
  end)
end)
