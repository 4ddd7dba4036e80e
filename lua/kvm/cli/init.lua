-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm: parses the command line, opens the core, runs one command and renders its records. The only part of the
-- project that prints. Exit status: 0 found, 1 no answer (the dump, a name, a script), 2 wrong usage. Errors are one
-- line on standard error.
local out = require "kvm.cli.out"
local names = require "kvm.object.names"
local registry = require "kvm.cmd"
local select = require "kvm.cli.select"

local M = {}

-- One line, in which nothing steers a terminal: messages can quote what a dump holds.
local function one_line(text)
  return require "kvm.format".escape((text:gsub("%s*\n%s*", " ")))
end

local function complain(text)
  io.stdout:flush()
  io.stderr:write("luakvm: ", one_line(text), "\n")
end

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
  lines[#lines + 1] = ("  %-10s %s"):format("foreach", "a command that is about tasks, for some or all of them")
  lines[#lines + 1] = ("  %-10s %s"):format("completion", "a script for bash, zsh or fish that completes command lines")
  lines[#lines + 1] = ""
  lines[#lines + 1] = "luakvm help COMMAND tells a command's options; luakvm --version the version. See luakvm(1)."
  return table.concat(lines, "\n") .. "\n"
end

local function usage_error(text)
  error({usage = text}, 0)
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

local STOPPED = {columns = {{name = "stopped", kind = "string"}, {name = "code", kind = "string"}, {name = "addr", kind = "hex"}}}

-- The records of what is whole, one by one. Where a walk stopped (kvm.cmd.walk, or an error behind the first record), a line
-- on standard error says so, and in JSON one in its place.
local function whole(records, format, write, damage)
  local given = false
  local function step()
    if not given then return records() end
    local rec, err = require "kvm.error".try(records)
    return err and {stopped = err.message, code = err.code, addr = err.addr} or rec, err
  end
  local function next_whole()
    if damage.last then return nil end
    local rec, err = step()
    given, damage.last = true, err
    if not rec or not rec.stopped then return rec end
    damage.found = true
    complain(rec.stopped)
    if format == "json" then
      require "kvm.cli.json".render(STOPPED, function(_, last) return not last and rec or nil end, {}, write)
    end
    return next_whole()
  end
  return next_whole
end

-- PARSED: format, opts, select. What stopped a walk comes in its place; last, where the records are sorted.
local function render(command, records, parsed)
  local write, damage, last = out.write, {}, {}
  if command.to_stderr then write = function(text) io.stderr:write(text) end end
  local shown, choose = select.of(command, parsed.select)
  local tell = parsed.select.sort and function(text) last[#last + 1] = text end or write
  records = choose(whole(records, parsed.format, tell, damage))
  local count = require("kvm.cli." .. parsed.format).render(shown, records, parsed.opts, write)
  write(table.concat(last))
  if damage.found then error({complained = true}, 0) end
  local nothing = parsed.select.where and "no record is so" or command.no_match
  if count == 0 and nothing and parsed.select.limit ~= 0 then error({nothing = nothing}, 0) end
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
  local command = registry.get(name)
  if not command then
    usage_error(("there is no command %q%s (luakvm help lists them)"):format(name, names.nearest(registry.names, name)))
  end
  return command
end

local function parse(command, words, core)
  local parsed, message = require "kvm.cli.args".parse(command, words, core)
  if not parsed then usage_error(command.name .. ": " .. message) end
  return parsed
end

-- The commands that another one (slim) runs in this process.
local function inner_commands(command, words, core)
  local list = {}
  for _, group in ipairs(groups(words)) do
    if not group[1] then usage_error(command.name .. ": a command is missing behind --") end
    local inner = find(group[1])
    if inner.takes_commands then usage_error(inner.name .. " does not run inside " .. command.name) end
    local parsed = parse(inner, table.move(group, 2, #group, 1, {}), core)
    if parsed.help then usage_error(command.name .. ": --help has no place here") end
    list[#list + 1] = {command = inner, opts = parsed.opts, format = parsed.format, select = parsed.select}
  end
  if #list == 0 then usage_error(command.name .. ": name the commands behind --") end
  return list
end

local function run(command, words)
  local own = words
  if command.takes_commands then
    own = {}
    for _, word in ipairs(words) do
      if word == "--" then break end
      own[#own + 1] = word
    end
  end
  local parsed = parse(command, own)
  if parsed.help then return out.write(parsed.help) end
  local opts = parsed.opts
  if command.takes_commands then
    opts.commands = inner_commands(command, words, parsed.core)
    local of = {}
    for _, c in ipairs(opts.commands) do of[c.opts] = c end
    opts.emit = function(inner, records, inner_opts) render(inner, records, of[inner_opts]) end
  end
  select.of(command, parsed.select) -- what is wrong in it is told before a dump is opened
  local k <close> = open(parsed, command)
  local bar <close> = require "kvm.cli.progress".new()
  if command.progress then opts.progress = bar.tell end
  local records = command.run(k, opts)
  bar:clear()
  render(command, records, parsed)
end

local function help(words)
  if not words[1] then return out.write(overview()) end
  if words[1] == "foreach" then return out.write(foreach_help()) end
  out.write(require "kvm.cli.args".help(find(words[1])))
end

local function completion(words)
  local script = require "kvm.cli.completion".script(words[1])
  if not script then usage_error "completion: name a shell: bash, zsh or fish" end
  out.write(script)
end

-- "foreach bt CORE", "foreach sshd 1 bt CORE": the command, for the tasks that the words before it name; without any, for all.
local function foreach(words)
  local picked, at = {}, 2
  while words[at] and not registry.get(words[at]) do
    picked[#picked + 1] = words[at]
    at = at + 1
  end
  local command = words[at] and find(words[at])
  if not command then usage_error "foreach: name a command that is about tasks" end
  if not is_about_tasks(command) then usage_error("foreach: " .. command.name .. " is not about tasks") end
  local rest = table.move(words, at + 1, #words, 1, {})
  if #picked == 0 and command.foreach then picked = command.foreach end
  return run(command, table.move(picked, 1, #picked, #rest + 1, rest))
end

local function dispatch(words)
  local first = words[1]
  if not first then usage_error "a command is missing (luakvm help lists them)" end
  if first == "--version" or first == "-V" then return out.write("luakvm " .. require "kvm".version .. "\n") end
  if first == "--help" or first == "-h" then return help {} end
  if first == "help" then return help {table.unpack(words, 2)} end
  if first == "foreach" then return foreach(words) end
  if first == "completion" then return completion {table.unpack(words, 2)} end
  -- Options that all commands share may stand before the command.
  local at = first:find "^%-" and require "kvm.cli.args".first_plain(words) or 1
  if not words[at] then usage_error "a command is missing (luakvm help lists them)" end
  local rest = {}
  for i, word in ipairs(words) do
    if i ~= at then rest[#rest + 1] = word end
  end
  return run(find(words[at]), rest)
end

-- An error value, or what Lua itself raised, as a line and a status.
local function status_of(err)
  if type(err) == "table" then
    if err.usage then return 2, err.usage end
    if err.nothing then return 1, err.nothing end
    if err.complained then return 1, nil end
    if err.output then return err.quiet and 0 or 1, not err.quiet and "standard output: " .. err.message or nil end
    return 1, tostring(err)
  end
  if tostring(err):find "interrupted!$" then return 130, nil end
  return 1, tostring(err)
end

--- Runs the command line.
-- @tparam {string,...} words without the program's name
-- @treturn integer the exit status
-- @usage assert(require "kvm.cli".main {"help", "ps"} == 0)
function M.main(words)
  out.init()
  local ok, err = pcall(dispatch, words)
  local status, text = 0, nil
  if not ok then status, text = status_of(err) end
  local flushed, failure = pcall(out.flush)
  if not flushed and status == 0 then status, text = status_of(failure) end
  if text then complain(text) end
  return status
end

return M
