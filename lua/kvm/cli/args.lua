-- SPDX-License-Identifier: BSD-2-Clause
-- The command line of one command: argparse for its options, and the rule for operands: the first is the core, unless
-- -M or LUAKVM_CORE named one; what follows are the command's own.
local argparse = require "argparse"
local selection = require "kvm.cli.select"

local M = {}

local COMMON = {
  {flags = "-M --core", value = "CORE", many = true,
    help = "the crash dump (default: the first argument); or one of its files, in any order"},
  {flags = "-N --namelist", value = "FILE", help = "a vmlinux or another file with symbols and types"},
  {flags = "--vmcoreinfo", value = "FILE", help = "VMCOREINFO lines that stand for those of the dump"},
  {flags = "--debuginfod", help = "ask the servers of DEBUGINFOD_URLS for debug files"},
  {flags = "-W --write", help = "allow writes; they stay in memory"},
}
local OPENING <const> = #COMMON -- so many are about the dump, those behind them about records and how they are printed
table.move({
  {flags = "--json", help = "print records as JSON, one object a line"},
  {flags = "--csv", help = "print records as comma-separated values"},
}, 1, 2, #COMMON + 1, COMMON)
table.move(selection.OPTIONS, 1, #selection.OPTIONS, #COMMON + 1, COMMON)

-- What a command's output looks like, and what it has cost.
local LOOK = {
  {flags = "--raw", help = "text: bytes, nanoseconds and seconds since 1970 as numbers, a value a line where there is no table"},
  {flags = "--wide", help = "text: lines of tables that are longer than the terminal"},
  {flags = "--color", value = "WHEN", help = "text: always, never or auto (the default: on a terminal, unless NO_COLOR is set)"},
  {flags = "--no-pager", help = "no pager, on a terminal (LUAKVM_PAGER, PAGER, else less)"},
  {flags = "--time", help = "tell on standard error where time went"},
  {flags = "--stats", help = "tell on standard error how many pages were read"},
}
table.move(LOOK, 1, #LOOK, #COMMON + 1, COMMON)

local function integer(text)
  return math.tointeger(tonumber(text)) or nil, ("%q is not a whole number"):format(text)
end

local function list(text)
  local out = {}
  for word in (text .. ","):gmatch "([^,]*)," do out[#out + 1] = word end
  return out
end

local function integers(text)
  local out = list(text)
  for i, word in ipairs(out) do
    local n, message = integer(word)
    if not n then return nil, message end
    out[i] = n
  end
  return out
end

local CONVERT = {integer = integer, list = list, integers = integers}

-- "-p --pid" -> the key "pid" and argparse's names. argparse takes "-16" for "-1 -6": such options get a long name as
-- well, and M.parse turns the short one into it.
local function names_of(option)
  local flags, key = option.flags, option.key or option.flags:match "%-%-([%w-]+)"
  if flags:find "^%-%d+$" then
    key, flags = option.key, flags .. " -" .. flags
  end
  return flags, (key:gsub("-", "_"))
end

local function add(parser, option)
  local flags, key = names_of(option)
  local made = option.value and parser:option(flags) or parser:flag(flags)
  made:target(key):description(option.help)
  if option.value then made:argname(option.value) end
  if option.optional then made:args "?" end
  if option.type then made:convert(CONVERT[option.type]) end
  if option.many then made:count "*" end
end

-- What was given once, or the list of it; nil for none.
local function one_or_list(given) return #given > 1 and given or given[1] end

local function operand_text(o)
  local text = o.name .. (o.many and " ..." or "")
  return o.optional and "[" .. text .. "]" or text
end

local function synopsis(command)
  local words = {"Usage: luakvm", command.name}
  if command.script_first then
    words[#words + 1] = "[options] SCRIPT"
  end
  words[#words + 1] = "[CORE]"
  for _, o in ipairs(command.operands or {}) do words[#words + 1] = operand_text(o) end
  if not command.script_first then words[#words + 1] = "[options]" end
  if command.takes_commands then words[#words + 1] = "-- COMMAND ..." end
  return table.concat(words, " ")
end

-- Whether a command has an option of the same long name as a common one, which is then its own.
local function has_own(command, common)
  local _, key = names_of(common)
  for _, option in ipairs(command.options or {}) do
    if (select(2, names_of(option))) == key then return true end
  end
  return false
end

--- The options of a command, its own and those that all have, as its registry has them.
-- @tparam table command
-- @treturn {table,...} flags, help, value (nil: it takes none) ...
-- @usage assert(require "kvm.cli.args".options(require "kvm.cmd".get "ps")[1].flags)
function M.options(command)
  local out = table.move(command.options or {}, 1, #(command.options or {}), 1, {})
  for i, option in ipairs(COMMON) do
    if (i <= OPENING or not command.prints_itself) and not has_own(command, option) then out[#out + 1] = option end
  end
  return out
end

local function build(command)
  local parser = argparse("luakvm " .. command.name, command.summary):usage(synopsis(command)):add_help(false)
  parser:help_description_margin(32)
  parser:flag "-h --help":description "this text":target "help"
  parser:argument "operands":args "*":hidden(true)
  for _, option in ipairs(M.options(command)) do add(parser, option) end
  return parser
end

local TAKES_VALUE = {["-M"] = true, ["-N"] = true, ["--core"] = true, ["--namelist"] = true}
for _, option in ipairs(COMMON) do
  if option.value and not option.flags:find " " then TAKES_VALUE[option.flags] = true end
end

-- The text of --help. argparse knows "-16" by its long name too, which nobody need see.
local function help_text(parser)
  return (parser:get_help():gsub("(%-%d+), %-%1", function(flag) return flag .. (" "):rep(#flag + 3) end)) .. "\n"
end

--- The index of the first word that is neither one of the common options nor the value of one.
-- @tparam {string,...} words
-- @treturn integer, or #words + 1
function M.first_plain(words)
  local i = 1
  while i <= #words and words[i]:find "^%-" do i = i + (TAKES_VALUE[words[i]] and 2 or 1) end
  return math.min(i, #words + 1)
end

--- The core where none is named: $LUAKVM_CORE. While it is set, operands are the command's own, and -M names another core.
-- @treturn ?string
-- @usage assert(require "kvm.cli.args".default_core() ~= "")
function M.default_core()
  local core = os.getenv "LUAKVM_CORE"
  return core ~= "" and core or nil
end

local function distribute(command, words, core, opts)
  local i = 1
  if not core then core, i = words[1], 2 end
  for _, o in ipairs(command.operands or {}) do
    if o.many then
      opts[o.key], i = table.move(words, i, #words, 1, {}), math.max(i, #words + 1)
      if #opts[o.key] == 0 and not o.optional then return nil, o.name .. " is missing" end
    else
      opts[o.key], i = words[i], i + 1
      if not opts[o.key] and not o.optional then return nil, o.name .. " is missing" end
    end
  end
  if i <= #words then
    local why = core == M.default_core() and " (the core is $LUAKVM_CORE)" or ""
    return nil, ("one argument too many: %s%s"):format(words[i], why)
  end
  return core
end

-- The file of --vmcoreinfo. `info` prints the lines where none is given: its value is then an empty list, and a word that
-- is the only one is the core.
local function vmcoreinfo(parsed)
  local given = parsed.vmcoreinfo
  if type(given) ~= "table" then return given end
  if given[1] and not parsed.core and #parsed.operands == 0 then parsed.operands[1] = table.remove(given) end
  return given[1]
end

-- Moves what the command line shares among commands out of the options.
local function split(command, parsed)
  local file = vmcoreinfo(parsed)
  local lines = type(parsed.vmcoreinfo) == "table" and not file or nil
  local out = {opts = parsed, vmcoreinfo = file, core = parsed.core, namelist = parsed.namelist, write = parsed.write,
    debuginfod = parsed.debuginfod}
  out.format = parsed.json and "json" or parsed.csv and "csv" or "text"
  out.select = {columns = parsed.columns, sort = parsed.sort, where = parsed.where, limit = parsed.limit}
  out.look = {}
  for _, option in ipairs(LOOK) do
    local _, key = names_of(option)
    if not has_own(command, option) then out.look[key] = parsed[key] end
  end
  if parsed.json and parsed.csv then return nil, "--json and --csv exclude each other" end
  local words = parsed.operands
  for _, option in ipairs(COMMON) do
    local _, key = names_of(option)
    if not has_own(command, option) then parsed[key] = nil end
  end
  parsed.operands, parsed.vmcoreinfo = nil, lines
  local message
  out.core, message = distribute(command, words, out.core, out.opts)
  if message then return nil, message end
  return out
end

--- Parses the words behind the command's name.
-- @tparam table command
-- @tparam {string,...} words
-- @tparam[opt] string|{string,...} core a core that is already known: no operand is taken for it
-- @treturn[1] table core, vmcoreinfo, namelist, write, debuginfod, format ("text", "json", "csv"), select (as
-- kvm.cli.select takes it), look (raw, wide, color, no_pager, time, stats), opts
-- @treturn[2] nil
-- @treturn[2] string what is wrong
-- @treturn[3] table help (the text to print)
function M.parse(command, words, core)
  local parser = build(command)
  local mine, script, rest = {}, nil, nil
  if command.script_first then
    local at = M.first_plain(words)
    script, rest = words[at], table.move(words, at + 1, #words, 1, {})
    words = table.move(words, 1, at - 1, 1, {})
  end
  for _, word in ipairs(words) do
    local last = mine[#mine]
    if last == "--sort" and word:find "^%-%l" then
      mine[#mine] = "--sort=" .. word -- "--sort -pid": no option
    else
      mine[#mine + 1] = word:find "^%-%d+$" and "-" .. word or word
    end
  end
  local ok, parsed = parser:pparse(mine)
  if not ok then return nil, parsed end
  if parsed.help then return {help = help_text(parser)} end
  if rest then parsed.operands = rest end
  parsed.core = core or one_or_list(parsed.core) or M.default_core()
  if command.script_first and not script then return nil, "SCRIPT is missing" end
  local out, message = split(command, parsed)
  if out then out.opts.script = script end
  return out, message
end

--- The help text of a command.
-- @tparam table command
-- @treturn string
function M.help(command)
  return help_text(build(command))
end

return M
