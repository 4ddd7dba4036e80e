-- SPDX-License-Identifier: BSD-2-Clause
-- The front door: kvm.open, error handling, and the other modules of the library by name (kvm.format is
-- require "kvm.format", kvm.linux.sched is require "kvm.linux.sched"), each loaded when it is first used.
local core = require "kvm.core"
local err = require "kvm.error"

local M = {}

--- The version of the library, "MAJOR.MINOR.PATCH".
M.version = core.version

M.open = core.open
M.error = err
M.try = err.try
M.check = err.check

-- Functions of other modules that are functions of kvm, too: C's operators on objects.
local FUNCTIONS = {object = {"is_object", "addr", "typeof", "handle", "sizeof", "offsetof", "cast", "container_of", "deref", "each",
  "fetch", "new", "value", "reader", "enum", "string"}}
local home = {}
for name, functions in pairs(FUNCTIONS) do
  for _, f in ipairs(functions) do home[f] = "kvm." .. name end
end

-- Methods of handles that are written in Lua.
local METHODS = {object = "kvm.object"}
setmetatable(core.Handle, {__index = function(methods, name)
  if not METHODS[name] then return nil end
  require(METHODS[name])
  return rawget(methods, name)
end})

-- Folders that have no module of their own name.
local FOLDERS = {linux = true, freebsd = true, unwind = true}

local function exists(name)
  return package.loaded[name] or package.preload[name] or package.searchpath(name, package.path)
end

-- A table of the modules below PREFIX, and of the folders in SUBFOLDERS.
local function lazy(into, prefix, subfolders)
  return setmetatable(into, {
    __index = function(t, key)
      if type(key) ~= "string" or not key:find("^[%a_][%w_]*$") then return nil end
      local name, value = prefix .. "." .. key, nil
      if t == M and home[key] then
        value = require(home[key])[key]
      elseif exists(name) then
        value = require(name)
      elseif subfolders[key] then
        value = lazy({}, name, {})
      end
      if value ~= nil then rawset(t, key, value) end
      return value
    end,
  })
end

return lazy(M, "kvm", FOLDERS)
