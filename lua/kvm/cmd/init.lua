-- SPDX-License-Identifier: BSD-2-Clause
-- The registry of commands. A command is a module kvm.cmd.<name>, loaded when it is asked for, and returns a table:
--   name, summary  strings
--   operands       list of {key=, name=, [optional=true], [many=true]}: what may follow the core on the command line
--   options        list of {flags=, help=, [key=], [value=], [type="integer"|"integers"|"list"]}; the key in opts is the long flag
--   columns        list of {name=, kind=, [title=, width=, left=, only=, json=]}: the keys of its records, in order. Those with a title
--                  are the columns of the text form; `only` names the option that one needs there; json=false: text alone.
--                  Kinds: string integer number boolean time duration size hex signed_hex, lists hexes strings numbers,
--                  tables counts (numbers by name) hexes_by_name texts (strings by name) record records (these have columns)
--   run(k, opts)   returns an iterator of records (plain tables); prints nothing
-- and perhaps
--   text(rec, opts)        the record as text, where a table of its columns would not do; nil: the table all the same
--   styles                 the emphasis of lines of that text: list of {pattern, style} (kvm.cli.style), or a function of the record
--                          that gives one; of a column: the style by value
--   view="fields"          the text form is a line for each column
--   open                   options for kvm.open that it needs
--   progress=true          run takes opts.progress, a function as that of kvm.open: it can last long
--   no_match               what to say when run yields nothing
--   script_first, takes_commands, to_stderr    see run and slim
--
-- How to add a command: write lua/kvm/cmd/<name>.lua, add its line below, write spec/cmd/<name>_spec.lua, the schema
-- of its records in spec/schemas, and its paragraph in lua/man/luakvm.1.
local M = {}

-- In the order of `luakvm help`.
M.names = {"triage", "report", "info", "sys", "ps", "log", "files", "vm", "cache", "fuser", "sig", "cgroup", "bpf", "mount", "dcache",
  "dev", "net", "ipcs", "bt", "flame", "runq", "wq", "waitq", "irq", "timer", "kmem", "swap", "mod", "list", "tree", "sym", "rd", "dis",
  "search", "vtop", "ptov", "ptob", "btop", "pte", "struct", "whatis", "diff", "run", "slim", "convert"}

local known = {}
for _, name in ipairs(M.names) do known[name] = true end

--- A command.
-- @tparam string name
-- @treturn table the module; nil when there is no command of that name
-- @usage assert(require "kvm.cmd".get("ps").name == "ps")
function M.get(name)
  return known[name] and require("kvm.cmd." .. name) or nil
end

return M
