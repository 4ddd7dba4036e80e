-- SPDX-License-Identifier: BSD-2-Clause
local text = require "kvm.cli.text"

local function render(command, opts, ...)
  local list, out = {...}, {}
  local count = text.render(command, function() return table.remove(list, 1) end, opts, function(s) out[#out + 1] = s end)
  return table.concat(out), count
end

local TABLE = {columns = {
  {name = "pid", kind = "integer", title = "PID", width = 4}, {name = "hidden", kind = "integer"},
  {name = "tid", kind = "integer", title = "TID", width = 4, only = "threads"},
  {name = "tty", kind = "string", title = "TTY", width = 5, left = true},
  {name = "size", kind = "size", title = "SIZE", width = 7}, {name = "addr", kind = "hex", title = "ADDR", width = 6},
  {name = "name", kind = "string", title = "NAME", width = 0},
}}

describe("kvm.cli.text", function()
  it("makes a table of the columns with a title", function()
    local out, count = render(TABLE, {}, {pid = 1, tid = 1, tty = "tty1", size = 1536, addr = 255, name = "a\27b"}, {pid = 22})
    assert.are.equal(" PID TTY      SIZE   ADDR NAME\n   1 tty1  1.5 KiB   0xff a\\x1bb\n  22 -           -      - -\n", out)
    assert.are.equal(2, count)
  end)

  it("has some columns only with their option", function()
    assert.are.equal(" PID  TID TTY      SIZE   ADDR NAME\n", render(TABLE, {threads = true}, {pid = 1}):match "^[^\n]*\n")
  end)

  it("writes no header for no records", function()
    local out, count = render(TABLE, {})
    assert.are.same({"", 0}, {out, count})
  end)

  it("makes a line of each known field", function()
    local command = {view = "fields", columns = {
      {name = "os", kind = "string"}, {name = "phys_base", kind = "signed_hex"}, {name = "whole", kind = "boolean"},
      {name = "when", kind = "time"}, {name = "span", kind = "duration"}, {name = "none", kind = "string"},
    }}
    assert.are.equal("os         linux\\n\nphys_base  -0x1000\nwhole      no\nwhen       2023-11-14 22:13:20 UTC\n"
      .. "span       1.500 s\n", (render(command, {}, {os = "linux\n", phys_base = -4096, whole = false, when = 1700000000,
      span = 1500000000})))
  end)

  it("writes lists", function()
    local command = {view = "fields", columns = {{name = "names", kind = "strings"}, {name = "ids", kind = "numbers"},
      {name = "none", kind = "strings"}}}
    assert.are.equal("names  a, b\\x1b\nids    1 2.50\nnone   -\n",
      (render(command, {}, {names = {"a", "b\27"}, ids = {1, 2.5}, none = {}})))
  end)

  it("lets a command say what a record looks like", function()
    local command = {text = function(rec, opts) return rec.x and opts.p .. rec.x end, columns = TABLE.columns}
    assert.are.equal(">1", (render(command, {p = ">"}, {x = "1"})))
    assert.matches("^ PID", (render(command, {p = ">"}, {pid = 1})))
  end)
end)
