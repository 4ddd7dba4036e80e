-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm shell: commands and Lua on one open dump, line by line. Ctrl-C ends what runs, not the shell; errors are one line each.
local failure = require "kvm.cli.failure"
local lines = require "kvm.cli.shell.line"
local names = require "kvm.object.names"
local out = require "kvm.cli.out"
local registry = require "kvm.cmd"
local terminal = require "kvm.core".terminal

local M = {
  name = "shell",
  summary = "commands and Lua on one open dump, line by line",
  columns = {},
  prints_itself = true,
}

local PROMPT <const>, MORE <const> = "luakvm> ", "     >> "
local HISTORY <const> = 1000 -- lines
local INSTRUCTIONS <const> = 1000 -- of Lua between two looks for Ctrl-C

local ENDS <const> = {exit = true, quit = true}
local NOT_OF_THE_REGISTRY <const> = {"help", "foreach"}

local HELP <const> = [[
A line is a command of luakvm, without the dump:
  ps -s D                         bt 1 | less                  log -l err > errors.txt
  ps | where(state == "D") | sort(-pid) | columns(pid, comm) | limit(5)
or Lua, whose value is printed; k is the dump, kvm the library, _ the last value (of a command the list of its records):
  =k:object("init_task").comm     #_                           for t in kvm.linux.sched.each_task(k) do print(t.comm) end
  records "ps -t"                 the records of a command as a list
or, behind "!", one of the system's shell. Tab completes commands, options, symbols, types, members and fields.
Ctrl-C ends what runs; Ctrl-D, exit and quit end the shell.

]]

-- --- where lines come from

local function history_path()
  local named = os.getenv "LUAKVM_HISTORY"
  if named then return named ~= "" and named or nil end
  local home = os.getenv "HOME"
  return home and home .. "/.luakvm_history"
end

local function plain_reader(is_terminal)
  return function(prompt, meanwhile)
    if meanwhile then meanwhile() end
    if is_terminal then
      io.stdout:write(prompt)
      io.stdout:flush()
    end
    return io.read "l"
  end
end

-- A function that gives lines: nil at the end, false for Ctrl-C.
local function reader_of(session)
  local is_terminal = terminal.columns "stdin" ~= nil
  local ok, readline = pcall(require, "kvm.readline")
  if not ok or not is_terminal then return plain_reader(is_terminal) end
  local complete, path = require "kvm.cli.shell.complete", history_path()
  readline.complete(function(...) return complete.offers(session.k, session.env, session.words, ...) end, complete.BREAKS)
  if path then
    local loaded, message = readline.load(path, HISTORY)
    if not loaded then failure.complain("history: " .. message) end
  end
  local function keep()
    local saved, message = readline.save(path)
    if saved then return end
    path = nil
    failure.complain("history: " .. message)
  end
  return function(prompt, meanwhile)
    local line = readline.read(prompt, terminal.interrupted, meanwhile)
    if line and line:find "%S" then
      readline.add(line)
      if path then keep() end
    end
    return line
  end
end

-- --- Lua

local function compile(text, env)
  local fn = load("return " .. text, "=shell", "t", env)
  if fn then return fn end
  return load(text, "=shell", "t", env)
end

local function is_unfinished(text, env)
  local fn, message = compile(text, env)
  return not fn and message:find "<eof>'?$" ~= nil
end

local function keep_results(session, ...)
  local count = select("#", ...)
  if count == 0 then return end
  session.env._ = (...)
  local show = require "kvm.cli.shell.show"
  for i = 1, count do out.write(show.text((select(i, ...))) .. "\n") end
end

local function run_lua(session, parsed)
  local word, behind = parsed.text:match "^%s*([%a_][%w_]*)(.-)%s*$"
  local fn, message = compile(parsed.text, session.env)
  if word and session.env[word] == nil and (behind == "" or not fn and behind:find "^%s+[%w_%-/]") then
    failure.usage(("there is no command %q%s"):format(word, names.nearest(session.words, word)))
  end
  if not fn then error(message, 0) end
  if parsed.program then out.to(parsed.program) end
  keep_results(session, fn())
end

-- --- commands

local function run_command(session, parsed)
  local records = {}
  if parsed.name == "help" and parsed.program then out.to(parsed.program) end
  session.dispatch({parsed.name, table.unpack(parsed.words)}, {
    k = session.k, core = session.core, program = parsed.program, keep = function(rec) records[#records + 1] = rec end,
  })
  if registry.get(parsed.name) or parsed.name == "foreach" then session.env._ = records end
end

local function run_system(_, parsed)
  io.stdout:flush()
  local ok, how, status = os.execute(parsed.text)
  if not ok then error({nothing = ("%s %d"):format(how == "signal" and "signal" or "exit status", status)}, 0) end
end

local RUN <const> = {command = run_command, lua = run_lua, system = run_system, none = function() end}

-- --- Ctrl-C

local function look_for_interrupt()
  if terminal.interrupted() then error("interrupted!", 0) end
end

local function results(ok, ...)
  if not ok then error((...), 0) end
  return ...
end

-- Ctrl-C ends Lua wherever it is from now on, also in coroutines, each of which has a hook of its own.
local function catch_interrupts()
  terminal.keep_running()
  debug.sethook(look_for_interrupt, "", INSTRUCTIONS)
  local create = coroutine.create
  local function create_hooked(fn)
    local co = create(fn)
    debug.sethook(co, look_for_interrupt, "", INSTRUCTIONS)
    return co
  end
  rawset(coroutine, "create", create_hooked)
  rawset(coroutine, "wrap", function(fn)
    local co = create_hooked(fn)
    return function(...) return results(coroutine.resume(co, ...)) end
  end)
end

-- --- the loop

local function environment(session)
  local env = {kvm = require "kvm"}
  function env.print(...)
    local words = table.pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    out.write(table.concat(words, "\t") .. "\n")
  end
  function env.records(text)
    local list, parsed = {}, session.parse(text)
    if not parsed or parsed.kind ~= "command" then error("records wants the text of a command", 2) end
    session.dispatch({parsed.name, table.unpack(parsed.words)}, {
      k = session.k, core = session.core, quiet = true, keep = function(rec) list[#list + 1] = rec end,
    })
    return list
  end
  return setmetatable(env, {__index = _G})
end

local function session_of(core, dispatch)
  local session = {core = core, dispatch = dispatch, words = table.move(registry.names, 1, #registry.names, 1, {})}
  local is_command = {}
  for _, name in ipairs(NOT_OF_THE_REGISTRY) do session.words[#session.words + 1] = name end
  for _, name in ipairs(session.words) do is_command[name] = true end
  session.env = environment(session)
  function session.parse(text)
    return lines.parse(text, function(word) return is_command[word] end, function(word) return session.env[word] ~= nil end)
  end
  return session
end

-- Runs FN; what it raises is told in a line. Whether it went well.
local function attempt(fn, ...)
  local ok, err = pcall(fn, ...)
  local flushed, why = pcall(function()
    out.finish()
    out.flush()
  end)
  local status, text
  if not ok then
    status, text = failure.status(err)
  elseif not flushed then
    status, text = failure.status(why)
  end
  failure.tell_kept()
  if status == 130 then io.stderr:write "\n" end -- the terminal has shown ^C
  if text then failure.complain((text:gsub("^shell:%d+: ", ""))) end
  return (status or 0) == 0
end

-- A line, and those behind it as long as Lua is not at its end or a backslash is the last character.
local function read_whole(session, read, meanwhile)
  local text = read(PROMPT, meanwhile)
  while text do
    local parsed = session.parse(text)
    local more = text:match "^(.*)\\$"
    if not more and not (parsed and parsed.kind == "lua" and is_unfinished(parsed.text, session.env)) then return text end
    local line = read(MORE)
    if not line then return line end
    text = (more or text .. "\n") .. line
  end
  return text
end

local function execute(session, text)
  if text:match "^%s*help%s*$" then out.write(HELP) end
  local parsed, message = session.parse(text)
  if not parsed then error({usage = message}, 0) end
  RUN[parsed.kind](session, parsed)
end

--- Reads lines and does what they say.
-- @tparam function open gives the open handle; called when the first prompt is there, so that nobody waits for it
-- @tparam string core the dump's path
-- @tparam function dispatch runs a command: its words, and {k, core, program, keep, quiet}
-- @treturn boolean whether all of them went well
-- @raise what `open` raises
-- @usage assert(type(require "kvm.cli.shell".run) == "function")
function M.run(open, core, dispatch)
  local session = session_of(core, dispatch)
  catch_interrupts()
  local read, all_well = reader_of(session), true
  local text = read_whole(session, read, function()
    session.k = open()
    session.env.k = session.k
  end)
  while text ~= nil do
    if text and ENDS[text:match "^%s*(%a+)%s*$"] then return all_well end
    if text then all_well = attempt(execute, session, text) and all_well end
    local ok, next_text = pcall(read_whole, session, read)
    text = ok and next_text -- Ctrl-C between two lines is one in a line
  end
  if terminal.columns "stdin" then out.write "\n" end
  return all_well
end

return M
