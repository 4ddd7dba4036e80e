-- SPDX-License-Identifier: BSD-2-Clause
-- Records on their way out: each of them kept, units raw, what can't be asked.
local answer = require "kvm.cli.answer"
local command = require "spec.support.command"
local out = require "kvm.cli.out"

local SAMPLE = "examples/panic.kdump"

describe("kvm.cli.answer", function()
  local write, text = out.write, nil
  before_each(function()
    text = {}
    function out.write(s) text[#text + 1] = s end
  end)
  after_each(function() out.write = write end)

  local COMMAND = {name = "x", columns = {{name = "n", kind = "integer", title = "N", width = 3}}}

  local function three()
    local i = 0
    return function()
      i = i + 1
      return i <= 3 and {n = i} or nil
    end
  end

  it("keeps the records that are shown", function()
    local kept = {}
    answer.render(COMMAND, three(), {format = "text", opts = {}, select = {where = "n > 1"}, look = {},
      keep = function(rec) kept[#kept + 1] = rec.n end})
    assert.are.same({2, 3}, kept)
    assert.are.equal("N\n2\n3\n", table.concat(text))
  end)

  it("raises where there is nothing to show", function()
    local nothing = {format = "text", opts = {}, select = {where = "false"}, look = {}}
    assert.are.same({nothing = "no record is so"}, select(2, pcall(answer.render, COMMAND, three(), nothing)))
  end)

  it("finds what can't be asked before it is done", function()
    assert.are.same({usage = '--color: "x" is neither always nor never nor auto'},
      select(2, pcall(answer.check, COMMAND, {select = {}, look = {color = "x"}})))
    assert.is_truthy(select(2, pcall(answer.check, COMMAND, {select = {columns = {"m"}}, look = {}})).usage)
  end)

  it("leaves units raw: what is shown is what JSON has", function()
    local shown = command.run("ps", SAMPLE, "--raw", "--columns", "start_ns,rss_bytes", "--limit", "1")
    local start, rss = shown:match "\n%s*(%d+)%s+(%d+)\n$"
    local json = command.run("ps", SAMPLE, "--json", "--columns", "start_ns,rss_bytes", "--limit", "1")
    assert.are.equal(('{"start_ns":%s,"rss_bytes":%s}\n'):format(start, rss), json)
    local fields = command.run("triage", SAMPLE, "--raw")
    assert.is_truthy(fields:find "^verdict +The kernel panicked")
    local own = command.run("bt", SAMPLE, "--raw") -- its own option
    assert.is_truthy(own:find "^PID ")
  end)
end)
