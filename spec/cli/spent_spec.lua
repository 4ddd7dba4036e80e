-- SPDX-License-Identifier: BSD-2-Clause
local command = require "spec.support.command"
local spent = require "kvm.cli.spent"

local SAMPLE = "examples/panic.kdump"

describe("kvm.cli.spent", function()
  it("adds up what each part has cost, in the order in which they came", function()
    local now = 10
    local s = spent.new(function() return now end, "open")
    now = 11
    assert.are.equal("open", s:enter "records")
    now = 13
    s:enter "output"
    now = 13.5
    s:enter "records"
    now = 14
    assert.matches("^time: 4%.000 s: open 1%.000 s, records 2%.500 s, output 0%.500 s; %d+%.%d%d%d s of CPU\n$", s:text())
  end)

  it("is told on standard error, and changes nothing else", function()
    local plain = command.run("ps", SAMPLE)
    local out, err, status = command.run("ps", SAMPLE, "--time", "--stats")
    assert.are.same({plain, 0}, {out, status})
    local times, pages = err:match "^(time: [^\n]+)\n(pages: [^\n]+)\n$"
    assert.matches("open %d%.%d+ s, records %d+%.%d+ s, output %d", times)
    local read, unpacked, cached, walks = pages:match "^pages: (%d+) read, (%d+) decompressed, (%d+) from the cache; (%d+) walks"
    assert.is_true(read + 0 >= unpacked + cached and unpacked + 0 > 0 and cached + 0 > 0 and walks + 0 > 0)
  end)

  it("is told where a command fails, too", function()
    local _, err, status = command.run("sym", SAMPLE, "no_such_symbol", "--time")
    assert.are.equal(1, status)
    assert.matches("^time: ", err)
  end)
end)
