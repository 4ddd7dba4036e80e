-- SPDX-License-Identifier: BSD-2-Clause
local args = require "kvm.cli.args"
local registry = require "kvm.cmd"

local function parse(name, ...) return args.parse(registry.get(name), {...}) end

local function message(name, ...)
  local parsed, text = parse(name, ...)
  assert.is_nil(parsed)
  assert.is_nil(text:find "\n")
  return text
end

describe("kvm.cli.args", function()
  it("takes the core from -M or from the first operand", function()
    assert.are.equal("a", parse("ps", "a").core)
    assert.are.equal("a", parse("ps", "-M", "a").core)
    assert.are.same({"a", "b"}, parse("ps", "-M", "a", "--core", "b").core)
    assert.is_nil(parse("ps").core)
    local p = parse("sym", "a", "b", "c")
    assert.are.same({"a", {"b", "c"}}, {p.core, p.opts.names})
    p = parse("sym", "b", "c", "--core", "a")
    assert.are.same({"a", {"b", "c"}}, {p.core, p.opts.names})
  end)

  it("takes what all commands share", function()
    local p = parse("ps", "-N", "vmlinux", "-W", "core")
    assert.are.same({"vmlinux", true, "text"}, {p.namelist, p.write, p.format})
    assert.are.equal("json", parse("ps", "--json").format)
    assert.are.equal("csv", parse("ps", "--csv").format)
    assert.are.same({threads = true, pids = {}}, parse("ps", "-t", "core").opts)
  end)

  it("takes --vmcoreinfo with its file, which info alone may leave out", function()
    local function vmcoreinfo(...)
      local p = parse(...)
      return {p.core, p.vmcoreinfo or false, p.opts.vmcoreinfo ~= nil}
    end
    assert.are.same({"c", "f", false}, vmcoreinfo("ps", "c", "--vmcoreinfo", "f"))
    assert.are.same({"c", "f", false}, vmcoreinfo("ps", "--vmcoreinfo=f", "c"))
    assert.are.same({"c", false, false}, vmcoreinfo("ps", "c"))
    assert.matches("argument", message("ps", "c", "--vmcoreinfo"))
    assert.are.same({"c", false, true}, vmcoreinfo("info", "c", "--vmcoreinfo"))
    assert.are.same({"c", false, true}, vmcoreinfo("info", "--vmcoreinfo", "c"))
    assert.are.same({"c", false, true}, vmcoreinfo("info", "-M", "c", "--vmcoreinfo"))
    assert.are.same({"c", "f", false}, vmcoreinfo("info", "-M", "c", "--vmcoreinfo", "f"))
    assert.are.same({"c", "f", false}, vmcoreinfo("info", "c", "--vmcoreinfo", "f"))
    assert.are.same({"c", "f", false}, vmcoreinfo("info", "--vmcoreinfo", "f", "c"))
  end)

  it("converts values", function()
    local o = parse("ps", "-p", "1,22", "--uid", "0", "--comm", "x", "--state", "RD", "c").opts
    assert.are.same({pid = {1, 22}, uid = {0}, comm = "x", state = "RD", pids = {}}, o)
    assert.are.same({level = {"err", "warn"}, last = 3}, parse("log", "-l", "err,warn", "-n3").opts)
  end)

  it("takes widths such as -16 for rd", function()
    local p = parse("rd", "-16", "core", "jiffies", "4")
    assert.are.same({"core", {width16 = true, addr = "jiffies", count = "4"}}, {p.core, p.opts})
    assert.is_true(parse("rd", "c", "a", "-8").opts.width8)
  end)

  it("leaves everything behind a script to the script", function()
    local p = parse("run", "-W", "-M", "core", "x.lua", "a", "--json", "-M")
    assert.are.same({"core", true, "x.lua", {"a", "--json", "-M"}}, {p.core, p.write, p.opts.script, p.opts.args})
    p = parse("run", "x.lua", "core", "a")
    assert.are.same({"core", "x.lua", {"a"}}, {p.core, p.opts.script, p.opts.args})
    assert.are.same({nil, {}}, {parse("run", "x.lua").core, parse("run", "x.lua").opts.args})
  end)

  it("says in one line what is wrong", function()
    assert.matches("unknown option '%-%-foo'", message("ps", "--foo"))
    assert.matches('"x" is not a whole number', message("ps", "-p", "1,x"))
    assert.matches("one argument too many: b", message("log", "a", "b"))
    assert.matches("ADDR|SYMBOL is missing", message("rd", "core"))
    assert.matches("requires an argument", message("ps", "-M"))
    assert.matches("exclude each other", message("ps", "--json", "--csv"))
    assert.matches("SCRIPT is missing", message("run", "-W"))
    assert.matches("OUT is missing", message("slim", "in"))
  end)

  it("has a help text for each command, with every option", function()
    for _, name in ipairs(registry.names) do
      local command = registry.get(name)
      local text = args.help(command)
      assert.matches("^Usage: luakvm " .. name, text)
      assert.truthy(text:find(command.summary, 1, true))
      for _, o in ipairs(command.options) do
        for flag in o.flags:gmatch "%S+" do assert.truthy(text:find(flag, 1, true), flag) end
      end
      assert.truthy(text:find("--namelist", 1, true))
      assert.is_nil(text:find("%-%-%d"))
      assert.are.equal(text, parse(name, "--help").help)
    end
  end)
end)
