-- SPDX-License-Identifier: BSD-2-Clause
-- Documentation: every function of kvm.h has a man page, every function and method that C registers for
-- Lua and every public function of a Lua module has LDoc, every Lua module has its spec.
package.path = "spec/lint/?.lua;" .. package.path
local tree = require "tree"

local LAUNCHER = "lua/kvm/cli/luakvm.lua" -- run by spec/packaging

-- kvm.h: ".Nm kvm_read" (NAME) or ".Fo/.Fn kvm_read" (SYNOPSIS) in some page of csrc/man
local pages = {}
for _, path in ipairs(tree.files("^csrc/man/.*%.3$")) do
  for name in tree.read(path):gmatch("%f[^\n\0]%.F[no] \"?(kvm_[%w_]+)") do pages[name] = true end
end
for name in tree.read("csrc/include/kvm.h"):gmatch("KVM_API[^;(]-%*?(kvm_[%w_]+)%(") do
  if not pages[name] then tree.wrong("csrc/include/kvm.h: %s is in no page of csrc/man", name) end
end

-- csrc/bind: "/*** ... @function Handle:read ... @usage ... */" for each name in a luaL_Reg
local documented, registered = {}, {}
for _, path in ipairs(tree.files("^csrc/bind/.*%.[ch]$")) do
  local text = tree.read(path)
  for block in text:gmatch("/%*%*%*(.-)%*/") do
    local usage = block:find("@usage", 1, true)
    for name in block:gmatch("@function%s+([%w_.:]+)") do
      documented[name:match("[%w_]+$")] = true
      if not usage then tree.wrong("%s: %s has no @usage", path, name) end
    end
  end
  for entry in text:gmatch("luaL_Reg[^;]-{(.-)};") do
    for name in entry:gmatch('{%s*"([%w_]+)"%s*,') do
      if not name:find("^__") then registered[name] = path end
    end
  end
end
for name, path in pairs(registered) do
  if not documented[name] then tree.wrong("%s: no LDoc block has @function %s", path, name) end
end

-- Lua: "function M.name(" and "function Methods:name(" that are public have "---" above them
for _, path in ipairs(tree.files("^lua/kvm/.*%.lua$")) do
  local block = false -- whether the comment block above started with "---"
  for n, line in tree.each_line(path) do
    local name = line:match("^function%s+%u[%w_]*[.:](%a[%w_]*)") or line:match("^M%.(%l[%w_]*)%s*=%s*function")
    if name and not block then tree.wrong("%s:%d: %s has no LDoc", path, n, name) end
    if line:find("^%-%-%-") then block = true elseif not line:find("^%-%-") then block = false end
  end
  local spec = path:gsub("^lua/kvm/", "spec/"):gsub("%.lua$", "_spec.lua")
  local f = io.open(spec)
  if f then f:close() elseif path ~= LAUNCHER then tree.wrong("%s: has no %s", path, spec) end
end

tree.done()
