-- SPDX-License-Identifier: BSD-2-Clause
local cjson = require "cjson"
local command = require "spec.support.command"
local csv = require "kvm.cli.csv"
local format = require "kvm.format"
local harness = require "spec.support.harness"
local json = require "kvm.cli.json"
local lpeg = require "lpeg"
local registry = require "kvm.cmd"
local select = require "kvm.cli.select"
local text = require "kvm.cli.text"

local SAMPLE <const> = "examples/panic.kdump"

local COMMAND = {name = "cmd", columns = {
  {name = "pid", kind = "integer", title = "PID", width = 5}, {name = "comm", kind = "string"}, {name = "addr", kind = "hex"},
  {name = "end", kind = "integer"}, {name = "list", kind = "numbers"}, {name = "by", kind = "counts"},
  {name = "secret", kind = "string", json = false},
}, text = function() return "own text\n" end}

local RECORDS = {
  {pid = 2, comm = "b", addr = 1, ["end"] = 5}, {pid = 10, comm = "a", addr = -1},
  {pid = 2, comm = "a", addr = 3, list = {1, 2}, by = {x = 1}},
  {comm = "c", addr = 2},
}

local function each(list)
  local i = 0
  return function()
    i = i + 1
    return list[i]
  end
end

local function chosen(how)
  local _, choose = select.of(COMMAND, how)
  local out = {}
  for rec in choose(each(RECORDS)) do out[#out + 1] = rec end
  return out
end

local function addrs(how)
  local out = {}
  for i, rec in ipairs(chosen(how)) do out[i] = rec.addr end
  return out
end

local function refuses(pattern, how)
  local ok, err = pcall(function()
    local _, choose = select.of(COMMAND, how)
    for _ in choose(each(RECORDS)) do end -- luacheck: ignore 541
  end)
  assert.is_false(ok)
  assert.matches(pattern, err.usage)
end

describe("kvm.cli.select", function()
  it("gives all as it is where nothing is asked for", function()
    local shown, choose = select.of(COMMAND, {})
    assert.are.equal(COMMAND, shown)
    assert.are.same({1, -1, 3, 2}, addrs {})
    assert.are.equal(RECORDS[1], choose(each(RECORDS))())
  end)

  it("sorts by values, stably, nil last", function()
    assert.are.same({1, 3, -1, 2}, addrs {sort = {"pid"}})
    assert.are.same({-1, 1, 3, 2}, addrs {sort = {"-pid"}})
    assert.are.same({3, 1, -1, 2}, addrs {sort = {"pid", "comm"}})
    assert.are.same({1, 2, 3, -1}, addrs {sort = {"addr"}}) -- addresses have no sign
    assert.are.same({1, -1, 3, 2}, addrs {sort = {"-end"}})
  end)

  it("takes those for which an expression is true", function()
    assert.are.same({1, 3}, addrs {where = "pid == 2"})
    assert.are.same({-1}, addrs {where = "pid > 2"}) -- one has no pid
    assert.are.same({2}, addrs {where = "pid == nil"})
    assert.are.same({1}, addrs {where = 'r["end"] and math.max(r["end"], 1) == 5'})
    assert.are.same({-1, 3}, addrs {where = 'comm:find "^a"'})
    assert.are.same({1, -1, 3, 2}, addrs {where = "true"})
  end)

  it("ends after so many, and asks for no more", function()
    assert.are.same({1, -1}, addrs {limit = 2})
    assert.are.same({}, addrs {limit = 0})
    assert.are.same({3}, addrs {where = 'comm == "a"', sort = {"pid"}, limit = 1})
    local asked = 0
    local _, choose = select.of(COMMAND, {limit = 2})
    for _ in choose(function() asked = asked + 1 return {} end) do end -- luacheck: ignore 541
    assert.are.equal(2, asked)
  end)

  it("shows the columns that are asked for, in their order", function()
    local shown = select.of(COMMAND, {columns = {"addr", "pid"}})
    local out = {}
    json.render(shown, each(RECORDS), {}, function(t) out[#out + 1] = t end)
    assert.are.equal('{"addr":"0x1","pid":2}\n', out[1])
    out = {}
    csv.render(shown, each(RECORDS), {}, function(t) out[#out + 1] = t end)
    assert.are.same({"addr,pid\n", "0x1,2\n"}, {out[1], out[2]})
    out = {}
    text.render(shown, each(RECORDS), {}, function(t) out[#out + 1] = t end)
    for i, row in ipairs {{"ADDR", "PID"}, {"0x1", "2"}, {"0xffffffffffffffff", "10"}, {"0x3", "2"}, {"0x2", "-"}} do
      assert.are.equal(("%18s %s\n"):format(table.unpack(row)), out[i])
    end
    out = {}
    text.render(select.of(COMMAND, {columns = {"list", "by"}}), each {RECORDS[3]}, {}, function(t) out[#out + 1] = t end)
    assert.are.equal(("%16s %s\n"):format("1 2", '{"x":1}'), out[2])
  end)

  it("refuses what is no column, no order, no expression, no number", function()
    refuses('^cmd has no column "pdi": nearest is pid$', {columns = {"pdi"}})
    refuses('^cmd has no column "secret"', {columns = {"secret"}})
    refuses('^cmd has no column "zzzzzz"$', {sort = {"-zzzzzz"}})
    refuses("^column list has no order$", {sort = {"list"}})
    refuses("^%-%-where: unexpected symbol", {where = "pid =="})
    refuses('^cmd has no column "piid": nearest is pid$', {where = "piid == 2"})
    refuses("^%-%-where: attempt to compare number with string", {where = 'addr < "x"'})
    refuses("^%-%-where: C stack overflow", {where = ("("):rep(300) .. "1" .. (")"):rep(300)})
    refuses("^%-%-limit: %-1 is no number", {limit = -1})
  end)

  it("finds wrong names where they are not come to", function()
    for _, where in ipairs {"true or piid", "pid == 1 and piid", 'comm == "a" or (function(x) return x + piid end)(1)',
      "comm..piid == 1"} do
      local _, err = pcall(select.of, COMMAND, {where = where})
      assert.matches('^cmd has no column "piid"', err.usage)
    end
    for _, where in ipairs {'comm:find "no_such_name"', "({no = 1, such = pid}).no == 1", "(function(x) local y = x return y end)(pid)",
      'r["end"] == 1', "string.format('%s', pid) == math.huge", "[[no such]] == comm", "(function() for i = 1, 2 do return i end end)()"} do
      select.of(COMMAND, {where = where})
    end
  end)

  it("passes over records whose column is not there, and over nothing else", function()
    assert.are.same({1, -1, 3}, addrs {where = "pid > 0"})
    assert.are.same({3}, addrs {where = "#list == 2"})
    assert.are.same({3}, addrs {where = 'by.x == 1'})
    refuses("attempt to compare number with string", {where = 'pid == nil and (1 < "x")'})
  end)

  it("ends an expression that does not", function()
    refuses("^%-%-where: it does not end$", {where = "(function() while true do end end)()"})
  end)
end)

-- CSV as a list of lines, each a list of cells.
local CSV <const> = (function()
  local P, C, Cs, Ct = lpeg.P, lpeg.C, lpeg.Cs, lpeg.Ct
  local quoted = '"' * Cs((P '""' / '"' + (1 - P '"')) ^ 0) * '"'
  local cell = quoted + C((1 - lpeg.S ',"\n') ^ 0)
  return Ct((Ct(cell * ("," * cell) ^ 0) * "\n") ^ 0) * -1
end)()

-- A value of JSON as a cell has it.
local function as_cell(v)
  if v == cjson.null then return "" end
  if type(v) == "number" then return math.type(v) == "float" and v == math.floor(v) and ("%d"):format(v) or tostring(v) end
  return type(v) == "string" and format.escape(v) or tostring(v)
end

local function answer(...)
  local out, err, status = command.run(...)
  return status == 0 and out ~= "" and out or nil, err
end

describe("every command that answers of the sample", function()
  local answered = 0
  for _, name in ipairs(registry.names) do
    local columns = registry.get(name).columns
    local has_core = not registry.get(name).script_first and not registry.get(name).takes_commands
    it(name .. " has the same values as JSON and as CSV, of the columns that are asked for", function()
      if not has_core or not columns[1] then return end
      local wanted = {}
      for _, c in ipairs(columns) do
        if c.json ~= false and #wanted < 6 then table.insert(wanted, 1, c.name) end
      end
      local words = {name, SAMPLE, "--columns", table.concat(wanted, ","), "--limit", "50"}
      words[7] = "--json"
      local as_json = answer(table.unpack(words))
      words[7] = "--csv"
      local as_csv = answer(table.unpack(words))
      assert.are.equal(as_json ~= nil, as_csv ~= nil)
      if not as_json then return end
      answered = answered + 1
      local lines = assert(CSV:match(as_csv), "no CSV")
      assert.are.same(wanted, lines[1])
      local n = 1
      for line in as_json:gmatch "[^\n]+" do
        n = n + 1
        local rec = cjson.decode(line)
        for i, column in ipairs(wanted) do
          local v = rec[column]
          if type(v) == "table" then
            assert.are.same(v, cjson.decode(lines[n][i]))
          else
            assert.are.equal(as_cell(v), lines[n][i], column)
          end
        end
      end
      assert.are.equal(n, #lines)
      assert.is_true(n <= 51)
      words[7] = nil
      assert.is_truthy(answer(table.unpack(words)))
    end)
  end
  it("are many", function() assert.is_true(answered > 15, answered .. " answered") end)
end)

describe("the command line", function()
  harness.guard()

  it("sorts, filters and bounds text as well as JSON", function()
    local by_text = {}
    local out = answer("ps", SAMPLE, "--sort", "-rss_bytes", "--limit", "3", "--columns", "pid")
    for pid in out:gmatch "%d+" do by_text[#by_text + 1] = pid end
    local by_json = {}
    out = answer("ps", SAMPLE, "--sort=-rss_bytes", "--limit", "3", "--json")
    for pid in out:gmatch '"pid":(%d+)' do by_json[#by_json + 1] = pid end
    assert.are.same(by_json, by_text)
    assert.are.equal(3, #by_text)
    local own = answer("ps", SAMPLE, "--where", 'comm == "init"')
    assert.matches("init", own)
    assert.is_nil(own:find "kthreadd")
  end)

  it("says when no record is so, and what is wrong, before a dump is opened", function()
    local _, err, status = command.run("ps", SAMPLE, "--where", "pid == -5")
    assert.are.same({"luakvm: no record is so\n", 1}, {err, status})
    for words, message in pairs {["--columns pdi"] = 'no column "pdi": nearest are pid', ["--sort satte"] = 'nearest is state',
      ["--where pid=="] = "unexpected symbol"} do
      _, err, status = command.run("ps", "/nonexistent", table.unpack((function()
        local list = {}
        for word in words:gmatch "%S+" do list[#list + 1] = word end
        return list
      end)()))
      assert.are.equal(2, status)
      assert.is_truthy(err:find(message, 1, true), err)
    end
    _, err, status = command.run("trigae", SAMPLE)
    assert.are.equal(2, status)
    assert.is_truthy(err:find("nearest is triage", 1, true))
  end)

  it("chooses in commands inside slim, and for foreach", function()
    assert.are.equal("comm,pid\ninit,1\n", answer("foreach", "1", "sig", SAMPLE, "--columns", "comm,pid", "--csv", "--limit", "1"))
    local small = harness.temp(false)
    assert.are.equal("comm,pid\ninit,1\n", answer("slim", SAMPLE, small, "--", "ps", "--columns", "comm,pid", "--csv", "--limit", "1"))
  end)
end)
