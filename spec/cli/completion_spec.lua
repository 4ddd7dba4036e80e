-- SPDX-License-Identifier: BSD-2-Clause
local command = require "spec.support.command"
local completion = require "kvm.cli.completion"
local harness = require "spec.support.harness"
local registry = require "kvm.cmd"

local function installed(program)
  return (select(3, command.shell("command -v " .. program))) == 0
end

describe("kvm.cli.completion", function()
  harness.guard()

  -- What bash offers for the last of those words.
  local function offers(...)
    local script, words = harness.temp(completion.script "bash"), {}
    for i, word in ipairs {"luakvm", ...} do words[i] = command.quote(word) end
    local out, err, status = command.shell(("bash -c %s"):format(command.quote(([[
      source %s
      COMP_WORDS=(%s) COMP_CWORD=%d
      _luakvm
      echo "${COMPREPLY[*]}"]]):format(script, table.concat(words, " "), #words - 1))))
    assert.are.same({"", 0}, {err, status})
    return (out:gsub("\n$", ""))
  end

  it("offers commands in bash", function()
    assert.are.equal("triage", offers "tri")
    assert.are.equal("foreach", offers "fore")
    assert.are.equal("ps ptov ptob pte", offers("help", "p"))
    assert.are.equal("zsh", offers("completion", "z"))
    assert.are.equal(#registry.names + #completion.BESIDE, select(2, offers "":gsub("%S+", "")))
  end)

  it("offers the options of the command, and files, in bash", function()
    assert.are.equal("--group", offers("bt", "core", "--gr"))
    local list = {}
    for word in offers("ps", "--c"):gmatch "%S+" do list[#list + 1] = word end
    table.sort(list)
    assert.are.same({"--cgroup", "--cgroups", "--color", "--columns", "--comm", "--core", "--credentials", "--csv"}, list)
    assert.are.equal("examples", offers("ps", "exam"))
    assert.are.equal("bt btop", offers("foreach", "sshd", "1", "bt"))
    assert.are.equal("--group", offers("foreach", "sshd", "bt", "--gr"))
  end)

  for shell, text in pairs {zsh = "'--group[equal stacks once", fish = "-n '__fish_seen_subcommand_from bt' -s g -l group"} do
    it("has a script for " .. shell, function()
      local script = completion.script(shell)
      assert.is_truthy(script:find(text, 1, true))
      for _, name in ipairs(registry.names) do assert.is_truthy(script:find(name, 1, true)) end
      if not installed(shell) then return pending(shell .. " is not installed") end
      local _, err, status = command.shell(("env -u LD_PRELOAD %s -n %s"):format(shell, harness.temp(script)))
      assert.are.same({"", 0}, {err, status})
    end)
  end

  it("knows no other shell", function()
    assert.is_nil(completion.script "csh")
    assert.is_nil(completion.script(nil))
    local out = command.run("completion", "bash")
    assert.are.equal(completion.script "bash", out)
    local _, err, status = command.run("completion", "csh")
    assert.are.same({"luakvm: completion: name a shell: bash, zsh or fish\n", 2}, {err, status})
  end)
end)
