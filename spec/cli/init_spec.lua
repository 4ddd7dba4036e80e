-- SPDX-License-Identifier: BSD-2-Clause
-- The command as a whole, run as a process on a built kernel.
local cjson = require "cjson"
local command = require "spec.support.command"
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"

local run = command.run

-- One line on stderr and nothing else.
local function fails(status, pattern, ...)
  local out, err, code = run(...)
  assert.are.equal("", out)
  assert.matches("^luakvm: [^\n]+\n$", err)
  assert.matches(pattern, err)
  assert.are.equal(status, code)
end

local function prints(...)
  local out, err, code = run(...)
  assert.are.same({"", 0}, {err, code})
  return out
end

describe("luakvm", function()
  harness.guard()
  local core
  before_each(function() core = harness.temp(linux.build {release = "6.1"}:elf()) end)

  it("tells what it can do", function()
    local text = prints "help"
    for _, name in ipairs(require "kvm.cmd".names) do assert.matches("\n  " .. name .. " ", text) end
    assert.are.equal(text, prints "--help")
    assert.matches("^Usage: luakvm rd ", prints("help", "rd"))
    assert.matches("\n  foreach  ", prints "help")
    assert.matches("^Usage: luakvm foreach .*\nCOMMAND, one of ps, files, .*bt, for those tasks", prints("help", "foreach"))
    assert.matches("^Usage: luakvm ps ", prints("ps", "--help"))
    assert.matches("^luakvm %d+%.%d+%.%d+\n$", prints "--version")
  end)

  it("ends with 2 for wrong usage", function()
    fails(2, "a command is missing")
    fails(2, 'no command "nosuch"', "nosuch", core)
    fails(2, 'no command "nosuch"', "help", "nosuch")
    fails(2, "ps: unknown option", "ps", "--nosuch", core)
    fails(2, "no level", "log", "-l", "loud", core)
    fails(2, "not a count", "rd", core, "init_task", "x")
    fails(2, "a command is missing", "-M", core)
    fails(2, "slim: name the commands", "slim", core, "out")
    fails(2, "slim: a command is missing behind", "slim", core, "out", "--")
    fails(2, "slim does not run inside slim", "slim", core, "out", "--", "slim", "x")
  end)

  it("runs a command for the tasks that are named, or for all", function()
    assert.are.same({run("sig", core, "1", "--json")}, {run("foreach", "1", "sig", core, "--json")})
    assert.are.same({run("sig", core)}, {run("foreach", "sig", core)})
    assert.are.same({run("bt", core, "-A")}, {run("foreach", "bt", core)})
    assert.are.same({run("ps", core, "1")}, {run("foreach", "1", "ps", core)})
    assert.are.same({run("ps", core, "-p", "1")}, {run("ps", core, "1")})
    assert.are.same({run("ps", core, "-t")}, {run("foreach", "ps", core)})
    fails(2, "foreach: name a command", "foreach")
    fails(2, "foreach: name a command", "foreach", "sshd", core)
    fails(2, "foreach: log is not about tasks", "foreach", "log", core)
  end)

  it("ends with 1 for what is no dump, in one line", function()
    fails(1, "No such file", "ps", "/nonexistent/missing.core")
    fails(1, "empty", "ps", harness.temp "")
    fails(1, "/etc/passwd", "ps", "/etc/passwd")
    fails(1, "live kernel", "ps")
    fails(1, "neither a symbol nor", "sym", core, "nosuch")
    fails(1, "no task matches", "ps", core, "-p", "77777")
    local file = io.open(core, "rb")
    local bytes = file:read "a"
    file:close()
    for _, size in ipairs {1, 4, 63, 64, 100, 500, 1000, 4096, #bytes // 2} do
      local out, err, code = run("triage", harness.temp(bytes:sub(1, size)))
      assert.is_true(code == 0 or code == 1, size .. ": status " .. code)
      if code == 1 then assert.are.same({"", 1}, {out, select(2, err:gsub("\n", ""))}) end
    end
  end)

  it("takes the core as -M, before and behind the command", function()
    local text = prints("info", core)
    assert.matches("release +6%.1", text)
    assert.are.equal(text, prints("info", "-M", core))
    assert.are.equal(text, prints("-M", core, "info"))
    assert.are.equal(text, prints("info", "--core=" .. core))
  end)

  it("prints JSON whose keys are the command's columns", function()
    for _, name in ipairs {"info", "ps", "log", "triage"} do
      local n = 0
      for line in prints(name, core, "--json"):gmatch "[^\n]+" do
        n = n + 1
        local rec, at = cjson.decode(line), 0
        for _, c in ipairs(require "kvm.cmd".get(name).columns) do
          if c.json ~= false then
            assert.is_not_nil(rec[c.name], c.name)
            local here = line:find(('"%s":'):format(c.name), 1, true)
            assert.is_true(here > at or at > 0, c.name)
            at = here
          end
        end
      end
      assert.is_true(n > 0)
    end
  end)

  it("prints CSV", function()
    local header, first = prints("ps", core, "--csv"):match "^([^\n]*)\n([^\n]*)\n"
    assert.matches("^pid,tid,ppid,", header)
    assert.matches("^1,1,0,", first)
  end)

  it("runs scripts", function()
    local script = harness.temp "print(k:info().os, ...)"
    assert.are.equal("linux\ta\t--json\n", prints("run", script, core, "a", "--json"))
    fails(1, ":2: 0x10: ", "run", harness.temp "local x = 1\nx = k:u64(16)\nprint(x)", core)
    fails(1, ":1: boom", "run", harness.temp "error 'boom'", core)
  end)

  it("makes slim dumps, and reports on stderr", function()
    local out = harness.temp()
    os.remove(out)
    local text, err, code = run("slim", core, out, "--zlib", "--", "log", "-n", "1", "--", "ps", "--json", "-p", "100", "--no-args")
    assert.are.equal(0, code)
    assert.matches("^[^\n]*: %d+ pages, [^\n]+\n$", err)
    assert.are.equal(prints("log", "-n", "1", core) .. prints("ps", "--json", "-p", "100", "--no-args", core), text)
    assert.are.equal(text, prints("log", "-n", "1", out) .. prints("ps", "--json", "-p", "100", "--no-args", out))
    fails(1, "exists, and is not replaced", "slim", core, core, "--", "info")
  end)

  it("ends quietly when nobody reads any more", function()
    local line = ("%s ps --json -t %s"):format(command.path, core)
    local out, err, code = command.shell(line .. " | head -n 1")
    assert.are.same({"", 0, 1}, {err, code, select(2, out:gsub("\n", ""))})
    -- with SIGPIPE ignored, as some callers leave it
    out, err = command.shell(("trap '' PIPE; { sleep 0.3; %s; echo $? >&2; } | true"):format(line))
    assert.are.same({"", "0\n"}, {out, err})
  end)

  it("does not lose a full disk", function()
    local out, err, code = command.shell(("%s ps %s >/dev/full"):format(command.path, core))
    assert.are.same({"", "luakvm: standard output: No space left on device\n", 1}, {out, err, code})
  end)

  it("keeps control characters off the terminal", function()
    local evil = harness.temp(linux.build {release = "6.1", tasks = {
      {pid = 1, comm = "a\27[2Jb\u{9b}", args = {"x\27]0;", "\r\n"}, environ = {}},
    }, log = {{time_ns = 0, text = "evil\27[2J\7", level = 1, caller = 1}}, running = {1, 1}}:elf())
    for _, words in ipairs {{"ps"}, {"ps", "--json"}, {"ps", "--csv"}, {"log"}, {"log", "--json"}, {"triage"}, {"triage", "--json"}} do
      local text = prints(words[1], evil, table.unpack(words, 2))
      assert.is_nil(text:gsub("\n", ""):find "[%c\127]")
      assert.is_nil(text:find "\xc2[\x80-\x9f]")
    end
  end)

  it("takes the core from LUAKVM_CORE, and then every operand for the command", function()
    local function with(path, words)
      return command.shell(("LUAKVM_CORE=%s %s %s"):format(path, command.quote(command.path), words))
    end
    local sample = "examples/panic.kdump"
    local out = with(sample, "sig 1 --csv --columns pid,comm")
    assert.are.equal("pid,comm\n1,init\n", out)
    assert.are.equal(out, (with("/nonexistent", ("-M %s sig 1 --csv --columns pid,comm"):format(sample))))
    local _, err, status = with(sample, "info x")
    assert.are.same({"luakvm: info: one argument too many: x (the core is $LUAKVM_CORE)\n", 2}, {err, status})
    _, _, status = with("", "info " .. sample)
    assert.are.equal(0, status)
  end)
end)
