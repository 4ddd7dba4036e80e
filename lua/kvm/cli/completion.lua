-- SPDX-License-Identifier: BSD-2-Clause
-- Completion of luakvm's commands and options in shells, made of the registry: `luakvm completion bash`, `zsh`, `fish`.
local args = require "kvm.cli.args"
local registry = require "kvm.cmd"

local M = {}

--- Words that stand where a command stands and are none of the registry, and what they do.
M.BESIDE = {{"help", "what a command does"}, {"foreach", "a command that is about tasks, for some or all of them"},
  {"shell", "commands and Lua on one open dump, line by line"},
  {"completion", "a script for bash, zsh or fish that completes command lines"}}

-- All flags of a command: {{short="p", long="pid", takes=true, help=}, ...}; "-16" is short, though it has two letters.
local function flags_of(command)
  local out = {}
  for _, option in ipairs(args.options(command)) do
    out[#out + 1] = {short = option.flags:match "^%-([%w]+)", long = option.flags:match "%-%-([%w-]+)", takes = option.value ~= nil,
      help = option.help}
  end
  return out
end

local function words_of(command)
  local out = {}
  for _, f in ipairs(flags_of(command)) do
    out[#out + 1] = f.short and "-" .. f.short
    out[#out + 1] = f.long and "--" .. f.long
  end
  return table.concat(out, " ")
end

local function each_command(fn)
  for _, name in ipairs(registry.names) do fn(name, registry.get(name)) end
end

local function all_names()
  local out = {table.unpack(registry.names)}
  for _, b in ipairs(M.BESIDE) do out[#out + 1] = b[1] end
  return table.concat(out, " ")
end

-- The command is the first word that is one: tasks may stand between foreach and it.
local BASH <const> = [[
# bash completion of luakvm: source <(luakvm completion bash)
# shellcheck disable=SC2194
_luakvm() {
  local word=${COMP_WORDS[COMP_CWORD]} command='' options='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case " %s " in
    *" ${COMP_WORDS[i]} "*)
      command=${COMP_WORDS[i]}
      [ "$command" = foreach ] || break
      ;;
    esac
  done
  case $command in
  '' | help | foreach) mapfile -t COMPREPLY < <(compgen -W '%s' -- "$word") && return ;;
  completion) mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- "$word") && return ;;
%s  esac
  case $word in
  -*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word") ;;
  *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
  esac
}
complete -o filenames -F _luakvm luakvm
]]

local function bash()
  local cases = {}
  each_command(function(name, command) cases[#cases + 1] = ("  %s) options='%s' ;;\n"):format(name, words_of(command)) end)
  return BASH:format(all_names(), all_names(), table.concat(cases))
end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- What _arguments gives meaning to.
local function zsh_text(text) return (text:gsub("[%[%]:\\]", "\\%0")) end

local function zsh_options(command)
  local out = {}
  for _, f in ipairs(flags_of(command)) do
    for _, flag in ipairs {f.short and "-" .. f.short or false, f.long and "--" .. f.long or false} do
      if flag then out[#out + 1] = quoted(("%s[%s]%s"):format(flag, zsh_text(f.help), f.takes and ":value:_files" or "")) end
    end
  end
  return table.concat(out, " \\\n      ")
end

local function zsh()
  local names, cases = {}, {}
  each_command(function(name, command)
    names[#names + 1] = "    " .. quoted(name .. ":" .. zsh_text(command.summary))
    cases[#cases + 1] = ("    %s) _arguments -s \\\n      %s \\\n      '*:file:_files' ;;\n"):format(name, zsh_options(command))
  end)
  for _, b in ipairs(M.BESIDE) do names[#names + 1] = "    " .. quoted(b[1] .. ":" .. b[2]) end
  return ([[
#compdef luakvm
# zsh completion of luakvm: luakvm completion zsh >_luakvm, in a folder of $fpath
_luakvm() {
  local -a commands=(
%s
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
%s    *) _files ;;
  esac
}
compdef _luakvm luakvm
]]):format(table.concat(names, "\n"), table.concat(cases))
end

local function fish()
  local out = {"# fish completion of luakvm: luakvm completion fish | source"}
  local function say(form, ...) out[#out + 1] = "complete -c luakvm " .. form:format(...) end
  each_command(function(name, command)
    say("-n __fish_use_subcommand -a %s -d %s", name, quoted(command.summary))
    for _, f in ipairs(flags_of(command)) do
      local short = f.short and (#f.short == 1 and " -s " or " -o ") .. f.short or ""
      say("-n '__fish_seen_subcommand_from %s'%s%s%s -d %s", name, short, f.long and " -l " .. f.long or "", f.takes and " -r" or "",
        quoted(f.help))
    end
  end)
  for _, b in ipairs(M.BESIDE) do say("-n __fish_use_subcommand -a %s -d %s", b[1], quoted(b[2])) end
  return table.concat(out, "\n") .. "\n"
end

local SHELLS <const> = {bash = bash, zsh = zsh, fish = fish}

--- The script that completes luakvm's command line in a shell.
-- @tparam string shell "bash", "zsh", "fish"
-- @treturn ?string nil for another shell
-- @usage assert(require "kvm.cli.completion".script("bash"):find("complete -o filenames -F _luakvm luakvm", 1, true))
function M.script(shell)
  return shell and SHELLS[shell] and SHELLS[shell]() or nil
end

return M
