-- SPDX-License-Identifier: BSD-2-Clause
-- The shell, fed lines, and on a real terminal, where there is tmux to make one.
local command = require "spec.support.command"
local harness = require "spec.support.harness"
local terminal = require "spec.support.terminal"

local SAMPLE <const> = "examples/panic.kdump"

local function feed(...)
  local path = harness.temp()
  local f = assert(io.open(path, "w"))
  f:write(table.concat({...}, "\n"), "\n")
  f:close()
  return command.shell(("%s shell %s <%s"):format(command.quote(command.path), SAMPLE, path))
end

describe("luakvm shell", function()
  harness.guard()

  it("runs commands as the command line does", function()
    assert.are.same({command.run("ps", SAMPLE, "-s", "D"), "", 0}, {feed "ps -s D"})
    assert.are.same({command.run("foreach", "kthreadd", "bt", SAMPLE), "", 0}, {feed "foreach kthreadd bt"})
    assert.are.same({command.run("help", "ps"), "", 0}, {feed "help ps"})
    assert.are.same({command.run("ps", SAMPLE, "--json", "--limit", "2"), "", 0}, {feed "ps --json --limit 2"})
  end)

  it("has stages, pipes and files", function()
    local options = {"--where", 'state == "D"', "--sort", "-pid", "--columns", "pid,comm", "--limit", "2"}
    assert.are.same({command.run("ps", SAMPLE, table.unpack(options)), "", 0},
      {feed 'ps | where(state == "D") | sort(-pid) | columns(pid,comm) | limit(2)'})
    assert.are.same({"1\n", "", 0}, {feed "ps | grep -c kthreadd"})
    local path = harness.temp()
    assert.are.same({command.run("mod", SAMPLE), "", 0}, {feed("mod > " .. path, "!cat " .. path)})
    assert.are.same({"6\n", "", 0}, {feed 'k:info().os | wc -c'})
  end)

  it("keeps the last value", function()
    assert.are.same({"swapper/0\nSWAPPER/0\n", "", 0}, {feed('=k:object("init_task").comm', "_:upper()")})
    local out = feed("ps -t", "#_ == #records 'ps -t'")
    assert.matches("\ntrue\n$", out)
  end)

  it("takes Lua of many lines, and commands behind a backslash", function()
    assert.are.same({"1\n2\n", "", 0}, {feed("for i = 1, 2 do", "  print(i)", "end")})
    assert.are.same({command.run("ps", SAMPLE, "--limit", "1"), "", 0}, {feed("ps \\", "--limit 1")})
  end)

  it("tells what is wrong in one line, goes on, and says so at the end", function()
    local out, err, status = feed('k:object(16, "struct task_struct").mm.pgd', "sym no_such_symbol", "error {}", "pss", "x +", "=1 +", "",
      "ps --no-such", "slim out -- ps", "!exit 3", "nothing()", "print 'still here'")
    assert.are.same({"still here\n", 1}, {out, status})
    local lines = {}
    for line in err:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.are.equal("luakvm: task_struct.mm: 0x910: not mapped (level 4)", lines[1])
    assert.matches("^luakvm: .no_such_symbol. is neither", lines[2])
    assert.matches('^luakvm: there is no command "pss"', lines[4])
    assert.are.equal("luakvm: exit status 3", lines[#lines - 1])
    for _, line in ipairs(lines) do assert.matches("^luakvm: ", line) end
  end)

  it("has the options that are about the dump, and no others", function()
    local help = command.run("help", "shell")
    assert.is_truthy(help:find("--namelist", 1, true))
    for _, flag in ipairs {"--json", "--sort", "--time"} do assert.is_nil(help:find(flag, 1, true)) end
    assert.are.equal(2, select(3, command.run("shell", SAMPLE, "--json")))
  end)

  it("ends at exit", function()
    assert.are.same({"1\n", "", 0}, {feed("=1", "exit", "=2")})
  end)

  it("does not open what is no dump", function()
    local _, err, status = command.shell(("%s shell /nonexistent </dev/null"):format(command.quote(command.path)))
    assert.are.same({"luakvm: /nonexistent: No such file or directory\n", 1}, {err, status})
  end)

  if not terminal.is_there() then
    pending "the rest: no tmux"
    return
  end

  local function open(history)
    local t = terminal.open(("LUAKVM_HISTORY=%s %s shell %s"):format(history or "", command.quote(command.path), SAMPLE), 100, 40)
    t:wait "luakvm>$"
    return t
  end

  it("completes commands, members of what is typed so far, and paths", function()
    local t <close> = open()
    t:keys("=k:object(\"init_tas", "Tab")
    t:wait 'k:object%("init_task"$' -- with the quote
    t:keys(").real_p", "Tab", ".tgi", "Tab", "Enter")
    t:wait '^luakvm> =k:object%("init_task"%)%.real_parent%.tgid\n0\nluakvm>$'
    t:line "!clear"
    t:keys("struct task_struct.real_c", "Tab", "Enter")
    t:wait "struct cred %*real_cred;"
    t:keys("tri", "Tab")
    t:wait "luakvm> triage"
  end)

  it("keeps a history, also for the next time", function()
    local history = harness.temp()
    do
      local t <close> = open(history)
      t:line "print(40 + 2)"
      t:wait "\n42\n"
      t:line "exit"
      t:wait "status 0"
    end
    local t <close> = open(history)
    t:keys("Up", "Up", "Enter")
    t:wait "> print%(40 %+ 2%)\n42\nluakvm>$"
  end)

  it("goes on after Ctrl-C: in Lua, in a walk, in a line, in a program", function()
    local t <close> = open()
    t:line "while true do end"
    t:keys "C-c"
    t:wait "%^C\n+luakvm>$"
    t:line "do local co = coroutine.wrap(function() while true do end end) co() end"
    t:keys "C-c"
    t:wait "%^C.*%^C\n+luakvm>$"
    t:keys("half a line", "C-c")
    t:wait "half a line%^?C?\n+luakvm>$"
    t:line "!sleep 100"
    t:keys "C-c"
    t:wait "signal 2\nluakvm>$"
    t:line "=6 * 7"
    t:wait "\n42\nluakvm>$"
  end)

  it("tells of a fault with the path that broke, and goes on", function()
    local t <close> = open()
    t:line 'k:object(16, "struct task_struct").mm.pgd'
    t:wait "\nluakvm: task_struct%.mm: 0x910: not mapped %(level 4%)\nluakvm>$"
  end)

  it("pipes, and pages what is longer than the screen", function()
    local t <close> = open()
    t:line "ps | grep -c kthreadd"
    t:wait "\n1\nluakvm>$"
    t:line "yes | head -1"
    t:wait "there is no command"
    t:line "log"
    t:wait "\n:$"
    t:keys "q"
    t:wait "luakvm>$"
    t:line "log | head -1 | cut -c1-14" -- head goes away
    t:wait "\n%[ +%d+%.%d+%]\nluakvm>$"
  end)

  it("helps, and has a prompt for more lines", function()
    local t <close> = open()
    t:line "help ps | head -1"
    t:wait "Usage: luakvm ps %[CORE%] %[PID|NAME %.%.%.%] %[options%]\nluakvm>$"
    t:line "if true then"
    t:wait "     >>$"
    t:line "print 'yes' end"
    t:wait "\nyes\nluakvm>$"
    t:keys "C-d"
    t:wait "status 0"
  end)
end)
