-- SPDX-License-Identifier: BSD-2-Clause
-- lua5.4 spec/coverage/table.lua: README's table of what walks the kernel's structures, made of the code (modules, their functions, the
-- commands) and of peers.lua; writes it between README's marks. With --check it only says whether README has it.
package.path = "spec/coverage/?.lua;spec/lint/?.lua;lua/?.lua;" .. package.path
local peers = require "peers"
local tree = require "tree"

local BEGIN <const>, END <const> = "<!-- coverage -->\n", "<!-- end of coverage -->\n"

local function functions_of(path)
  local names = {}
  for name in tree.read(path):gmatch "\nfunction M%.([%w_]+)" do names[#names + 1] = name end
  return names
end

local function rows_of(folder, entries, functions)
  local rows, seen = {}, {}
  for _, path in ipairs(tree.files("^lua/kvm/" .. folder .. "/[%w_]+%.lua$")) do
    local name = path:match "([%w_]+)%.lua$"
    local names = functions_of(path)
    local has_run = tree.read(path):find "\nfunction M%.run%("
    if functions or has_run then
      local peer = entries[name]
      if not peer then error(("spec/coverage/peers.lua does not name %s"):format(path)) end
      seen[name] = true
      rows[#rows + 1] = {name = name, names = names, peer = peer}
    end
  end
  for name in pairs(entries) do
    if not seen[name] then error(("spec/coverage/peers.lua names %s, which is not there"):format(name)) end
  end
  table.sort(rows, function(a, b) return a.name < b.name end)
  return rows
end

local function quoted(list) return list and "`" .. table.concat(list, "` `") .. "`" or "" end

local function made()
  local out, count = {BEGIN, "| `kvm.linux.` | functions | drgn |\n|---|---|---|\n"}, 0
  for _, row in ipairs(rows_of("linux", peers.modules, true)) do
    count = count + #row.names
    out[#out + 1] = ("| `%s` | %s | %s |\n"):format(row.name, quoted(row.names), quoted(row.peer.drgn))
  end
  out[#out + 1] = ("\n%d functions.\n\n| command | crash | corelens |\n|---|---|---|\n"):format(count)
  for _, row in ipairs(rows_of("cmd", peers.commands)) do
    out[#out + 1] = ("| `%s` | %s | %s |\n"):format(row.name, quoted(row.peer.crash), quoted(row.peer.corelens))
  end
  out[#out + 1] = "\nThey have, and we have not yet:\n\n"
  for _, peer in ipairs {"drgn", "crash", "corelens"} do
    out[#out + 1] = ("- %s: %s\n"):format(peer, quoted(peers.missing[peer]))
  end
  out[#out + 1] = END
  return table.concat(out)
end

local text = tree.read "README.md"
local from, to = text:find(BEGIN, 1, true), select(2, text:find(END, 1, true))
if not from or not to then error "README.md has no marks for the table" end
local wanted = text:sub(1, from - 1) .. made() .. text:sub(to + 1)
if arg[1] == "--check" then
  if wanted ~= text then
    print "README.md: its table of what walks the kernel is old: lua5.4 spec/coverage/table.lua"
    os.exit(1)
  end
else
  local f = assert(io.open("README.md", "wb"))
  f:write(wanted)
  f:close()
end
