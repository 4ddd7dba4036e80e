-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm: parses the command line, opens the core, runs one command and renders its records. The only part of the
-- project that prints. Exit status: 0 found, 1 no answer (the dump, a name, a script), 2 wrong usage. Errors are one
-- line on standard error.
local answer = require "kvm.cli.answer"
local failure = require "kvm.cli.failure"
local names = require "kvm.object.names"
local out = require "kvm.cli.out"
local registry = require "kvm.cmd"

local M = {}

local function is_about_tasks(command)
  return command.operands and command.operands[1] == require "kvm.cmd.tasks".OPERAND
end

local function foreach_help()
  local about = {}
  for _, name in ipairs(registry.names) do about[#about + 1] = is_about_tasks(registry.get(name)) and name or nil end
  return ("Usage: luakvm foreach [PID|NAME ...] COMMAND [CORE] [options]\n\nCOMMAND, one of %s, for those tasks; without any, for all.\n")
    :format(table.concat(about, ", "))
end

local function overview()
  local lines = {"Usage: luakvm COMMAND [CORE] [options]", "", "Commands:"}
  for _, name in ipairs(registry.names) do
    lines[#lines + 1] = ("  %-10s %s"):format(name, registry.get(name).summary)
  end
  for _, beside in ipairs(require "kvm.cli.completion".BESIDE) do lines[#lines + 1] = ("  %-10s %s"):format(beside[1], beside[2]) end
  lines[#lines + 1] = ""
  lines[#lines + 1] = "luakvm help COMMAND tells a command's options; luakvm --version the version. See luakvm(1)."
  return table.concat(lines, "\n") .. "\n"
end

local function open(parsed, command)
  local kvm = require "kvm"
  local bar <close> = require "kvm.cli.progress".new()
  local core, namelist = require "kvm.cli.core_folder".files(parsed.core, parsed.namelist)
  local how = {core = core, namelist = namelist, write = parsed.write, debuginfod = parsed.debuginfod,
    vmcoreinfo = parsed.vmcoreinfo, progress = bar.tell}
  for key, value in pairs(command.open or {}) do how[key] = value end
  return kvm.check(kvm.open(how))
end

-- Words behind the first "--": commands, parted by "--".
local function groups(words)
  local lists, current = {}, nil
  for _, word in ipairs(words) do
    if word == "--" then
      current = {}
      lists[#lists + 1] = current
    elseif current then
      current[#current + 1] = word
    end
  end
  return lists
end

local function find(name)
  local command = name == "shell" and require "kvm.cli.shell" or registry.get(name)
  if not command then
    failure.usage(("there is no command %q%s (luakvm help lists them)"):format(name, names.nearest(registry.names, name)))
  end
  return command
end

local function parse(command, words, core)
  local parsed, message = require "kvm.cli.args".parse(command, words, core)
  if not parsed then failure.usage(command.name .. ": " .. message) end
  return parsed
end

-- The commands that another one (slim) runs in this process.
local function inner_commands(command, words, core)
  local list = {}
  for _, group in ipairs(groups(words)) do
    if not group[1] then failure.usage(command.name .. ": a command is missing behind --") end
    local inner = find(group[1])
    if inner.takes_commands then failure.usage(inner.name .. " does not run inside " .. command.name) end
    local parsed = parse(inner, table.move(group, 2, #group, 1, {}), core)
    if parsed.help then failure.usage(command.name .. ": --help has no place here") end
    parsed.command, list[#list + 1] = inner, parsed
  end
  if #list == 0 then failure.usage(command.name .. ": name the commands behind --") end
  return list
end

-- Scripts and commands that run others print themselves, and may ask.
local function has_pager(command, parsed)
  return not (parsed.look.no_pager or command.to_stderr or command.script_first or command.takes_commands)
end

local function give(k, command, parsed, spent)
  local program = parsed.program
  if not program and has_pager(command, parsed) then program = require "kvm.cli.pager".program(require "kvm.core".terminal) end
  if program then out.to(program) end
  local ok, err = pcall(answer.give, k, command, parsed, spent)
  out.finish()
  if spent then io.stderr:write(spent:text()) end
  if parsed.look.stats then io.stderr:write(require "kvm.cli.spent".pages(k)) end
  if not ok then error(err, 0) end
end

-- In a shell, whose dump is open.
local function give_in(session, command, parsed, spent)
  parsed.program, parsed.keep, parsed.quiet = session.program, session.keep, session.quiet
  give(session.k, command, parsed, spent)
end

local function run(command, words, session)
  local own = words
  if command.takes_commands then
    own = {}
    for _, word in ipairs(words) do
      if word == "--" then break end
      own[#own + 1] = word
    end
  end
  if session and command.takes_commands then failure.usage(command.name .. " does not run in a shell: it opens the dump anew") end
  local parsed = parse(command, own, session and session.core)
  if parsed.help then return out.write(parsed.help) end
  local opts = parsed.opts
  if command.takes_commands then
    opts.commands = inner_commands(command, words, parsed.core)
    local of = {}
    for _, c in ipairs(opts.commands) do of[c.opts] = c end
    opts.emit = function(inner, records, inner_opts) answer.render(inner, records, of[inner_opts]) end
  end
  answer.check(command, parsed)
  local spent
  if parsed.look.time then spent = require "kvm.cli.spent".new(require "kvm.core".terminal.seconds, "open") end
  if session then return give_in(session, command, parsed, spent) end
  local k <close> = open(parsed, command)
  give(k, command, parsed, spent)
end
local function help(words)
  if not words[1] then return out.write(overview()) end
  if words[1] == "foreach" then return out.write(foreach_help()) end
  out.write(require "kvm.cli.args".help(find(words[1])))
end

local function completion(words)
  local script = require "kvm.cli.completion".script(words[1])
  if not script then failure.usage "completion: name a shell: bash, zsh or fish" end
  out.write(script)
end

-- "foreach bt CORE", "foreach sshd 1 bt CORE": the command, for the tasks that the words before it name; without any, for all.
local function foreach(words, session)
  local picked, at = {}, 2
  while words[at] and not registry.get(words[at]) do
    picked[#picked + 1] = words[at]
    at = at + 1
  end
  local command = words[at] and find(words[at])
  if not command then failure.usage "foreach: name a command that is about tasks" end
  if not is_about_tasks(command) then failure.usage("foreach: " .. command.name .. " is not about tasks") end
  local rest = table.move(words, at + 1, #words, 1, {})
  if #picked == 0 and command.foreach then picked = command.foreach end
  return run(command, table.move(picked, 1, #picked, #rest + 1, rest), session)
end

local dispatch

local function shell(words)
  local command = require "kvm.cli.shell"
  local parsed = parse(command, words)
  if parsed.help then return out.write(parsed.help) end
  local kept <close> = setmetatable({}, {__close = function(kept)
    if kept.k then kept.k:close() end
  end})
  local function open_kept()
    kept.k = open(parsed, command)
    return kept.k
  end
  if not command.run(open_kept, parsed.core, dispatch) and not require "kvm.core".terminal.columns "stdin" then
    error({complained = true}, 0)
  end
end

function dispatch(words, session)
  local first = words[1]
  if not first then failure.usage "a command is missing (luakvm help lists them)" end
  if first == "--version" or first == "-V" then return out.write("luakvm " .. require "kvm".version .. "\n") end
  if first == "--help" or first == "-h" then return help {} end
  if first == "help" then return help {table.unpack(words, 2)} end
  if first == "foreach" then return foreach(words, session) end
  if first == "shell" then return shell {table.unpack(words, 2)} end
  if first == "completion" then return completion {table.unpack(words, 2)} end
  -- Options that all commands share may stand before the command.
  local at = first:find "^%-" and require "kvm.cli.args".first_plain(words) or 1
  if not words[at] then failure.usage "a command is missing (luakvm help lists them)" end
  local rest = {}
  for i, word in ipairs(words) do
    if i ~= at then rest[#rest + 1] = word end
  end
  return run(find(words[at]), rest, session)
end

--- Runs the command line.
-- @tparam {string,...} words without the program's name
-- @treturn integer the exit status
-- @usage assert(require "kvm.cli".main {"help", "ps"} == 0)
function M.main(words)
  out.init()
  local ok, err = pcall(dispatch, words)
  local status, text = 0, nil
  if not ok then status, text = failure.status(err) end
  local flushed, why = pcall(out.flush)
  if not flushed and status == 0 then status, text = failure.status(why) end
  failure.tell_kept()
  if text then failure.complain(text) end
  return status
end

return M
