-- SPDX-License-Identifier: BSD-2-Clause
local cjson = require "cjson"
local command = require "spec.support.command"
local harness = require "spec.support.harness"

local SAMPLE <const> = "examples/panic.kdump"

local function read(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read "a"
  f:close()
  return text
end

describe("luakvm report", function()
  harness.guard()

  it("writes a page with what the other commands tell", function()
    local path = harness.temp(false)
    local out, err, status = command.run("report", SAMPLE, "-o", path)
    assert.are.same({"", 0}, {err, status})
    assert.matches("^" .. path:gsub("%p", "%%%0") .. ": %d+ KiB\n$", out)
    local html = read(path)
    for _, part in ipairs {"verdict", "findings", "system", "meminfo", "states", "flame", "locks", "tasks", "stacks", "log", "modules",
      "mounts", "slabs"} do
      assert.is_truthy(html:find(('id="%s"'):format(part), 1, true), part)
    end
    local verdict = cjson.decode((command.run("triage", SAMPLE, "--json"))).verdict
    assert.is_truthy(html:find(verdict:sub(1, 60), 1, true))
    local data = cjson.decode(html:match '<script type="application/json" id="data">(.-)</script>')
    local _, threads = command.run("ps", SAMPLE, "-t", "--json"):gsub("\n", "")
    assert.are.equal(threads, #data.tasks.rows)
    local _, lines = command.run("log", SAMPLE, "--json"):gsub("\n", "")
    assert.are.equal(lines, #data.log.rows)
  end)

  it("writes to standard output, and not over a file", function()
    local path = harness.temp()
    local _, err, status = command.run("report", SAMPLE, "-o", path)
    assert.are.equal(1, status)
    assert.is_truthy(err:find(path, 1, true))
    local html = command.run("report", SAMPLE, "-o", "-")
    assert.matches("^<!DOCTYPE html>.*</html>\n$", html)
    _, err, status = command.run("report", SAMPLE)
    assert.are.same({"luakvm: report: -o FILE is missing (- is standard output)\n", 2}, {err, status})
  end)

  it("says what the dump does not give", function()
    local rec = cjson.decode((command.run("report", SAMPLE, "-o", "-", "--json")))
    assert.is_true(#rec.parts >= 10)
    for part, why in pairs(rec.lacks) do
      assert.is_truthy(rec.html:find(('<section id="%s">'):format(part), 1, true))
      assert.is_true(#why > 10)
    end
  end)
end)
