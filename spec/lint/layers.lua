-- SPDX-License-Identifier: BSD-2-Clause
-- Layers: a C file includes only its own folder and folders of a lower rank, peers of one rank never
-- see each other, and outer headers stay where they belong. A Lua module requires only modules of its
-- own folder and of lower ranks.
package.path = "spec/lint/?.lua;" .. package.path
local tree = require "tree"

local C_RANK = {base = 1, fmt = 2, image = 3, mmu = 3, symbol = 3, type = 3, os = 4, session = 5, bind = 6, capstone = 6, readline = 6}
-- Folders that may include an outer header, by a pattern of its name.
local OUTER = {
  {"^lua", {bind = true, capstone = true, readline = true}}, {"^lauxlib", {bind = true, capstone = true, readline = true}},
  {"^capstone", {capstone = true}}, {"^readline", {readline = true}},
  {"^kvm%.h$", {session = true, bind = true}},
  {"^libelf", {symbol = true, type = true}}, {"^gelf", {symbol = true, type = true}},
  {"^elfutils/", {symbol = true, type = true}}, {"^dwarf%.h$", {type = true}},
  {"^libdeflate", {base = true}}, {"^zlib", {base = true}}, {"^lzo", {base = true}},
  {"^snappy", {base = true}}, {"^zstd", {base = true}},
}

local function outer_allowed(name, folder)
  for _, rule in ipairs(OUTER) do
    if name:find(rule[1]) and not rule[2][folder] then return false end
  end
  return true
end

for _, path in ipairs(tree.files("^csrc/.*%.[ch]$")) do
  local folder = path:match("^csrc/(%w+)/")
  local own = C_RANK[folder]
  if not own and folder ~= "include" then tree.wrong("%s: csrc/%s is no layer", path, folder) end
  for n, line in tree.each_line(path) do
    local name = line:match('^%s*#%s*include%s*["<]([^">]+)[">]')
    if name and own then
      local other = name:match("^(%w+)/")
      local rank = C_RANK[other]
      if rank and other ~= folder and rank >= own then
        tree.wrong("%s:%d: %s (rank %d) includes %s (rank %d)", path, n, folder, own, name, rank)
      elseif not rank and not outer_allowed(name, folder) then
        tree.wrong("%s:%d: %s may not include %s", path, n, folder, name)
      end
    end
  end
end

local LUA_RANK = {
  core = 0, capstone = 0, readline = 0, error = 1,
  cdef = 2, type = 2, layout = 2, object = 2, format = 2, inflate = 2,
  linux = 3, freebsd = 3, stack = 3, unwind = 3, flame_graph = 3, redact = 3, disassembler = 3, report = 3,
  cmd = 4, cli = 5,
}
for _, path in ipairs(tree.files("^lua/kvm/.*%.lua$")) do
  local folder = path:match("^lua/kvm/([%w_]+)")
  local own = LUA_RANK[folder]
  if folder ~= "init" then
    if not own then tree.wrong("%s: has no rank in spec/lint/layers.lua", path) end
    for n, line in tree.each_line(path) do
      local other = line:match('require%s*%(?%s*["\']kvm%.([%w_]+)')
      local rank = LUA_RANK[other]
      if other and not rank then
        tree.wrong("%s:%d: kvm.%s has no rank in spec/lint/layers.lua", path, n, other)
      elseif own and rank and other ~= folder and
          (rank > own or (folder == "linux" and other == "freebsd") or (folder == "freebsd" and other == "linux")) then
        tree.wrong("%s:%d: %s requires kvm.%s", path, n, folder, other)
      end
    end
  end
end

tree.done()
