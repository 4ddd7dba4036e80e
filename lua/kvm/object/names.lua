-- SPDX-License-Identifier: BSD-2-Clause
-- Names of members: all of them, and the names of members or others that are nearest to one that is not there, for error
-- messages.
local err = require "kvm.error"

local M = {}

local MAX_NAMES <const> = 3
local MAX_NESTING <const> = 32

local MAX_NAMES_READ <const> = 1 << 17 -- the largest struct of Linux 7.2 has some 400

-- Adds the names below T to INTO; false when they are too many.
local function collect(t, into, depth)
  for _, m in ipairs(err.check(t:members())) do
    into.visits = into.visits + 1
    if into.visits > MAX_NAMES_READ or depth > MAX_NESTING then return false end
    if m.name then
      into[#into + 1] = m.name
    else
      local inner = m.type:strip()
      local kind = inner:kind()
      if (kind == "struct" or kind == "union") and not collect(inner, into, depth + 1) then return false end
    end
  end
  return true
end

--- Names of the members of a struct or union, in order, those of anonymous structs and unions in their places.
-- @tparam kvm.Type t
-- @treturn {string,...}
-- @raise kvm.Error `format`: they nest without an end
-- @usage assert(require "kvm.object.names".of(k:type("struct list_head"))[2] == "prev")
function M.of(t)
  local names = {visits = 0}
  if not collect(t, names, 0) then
    err.fail("format", "types: %s has too many members, or they nest too deeply", t:spell())
  end
  names.visits = nil
  return names
end

--- How many letters have to be changed, added, dropped, or swapped with their neighbour to make one word of another.
-- @tparam string a
-- @tparam string b
-- @treturn integer
-- @usage assert(require "kvm.object.names".distance("state", "satte") == 1)
function M.distance(a, b)
  local before, row = nil, {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local new = {[0] = i}
    for j = 1, #b do
      local equal = a:byte(i) == b:byte(j)
      new[j] = math.min(row[j] + 1, new[j - 1] + 1, row[j - 1] + (equal and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        new[j] = math.min(new[j], before[j - 2] + 1)
      end
    end
    before, row = row, new
  end
  return row[#b]
end

local function plain(name) return (name:lower():gsub("^_+", "")) end

-- How far a name is from the one that is asked for; nil: too far.
local function rank(name, want)
  local lower, limit = plain(name), math.max(2, #want // 3)
  local within = lower:find(want, 1, true) or want:find(lower, 1, true) and #lower > 2 and 2 * #lower > #want
  if not within and math.abs(#lower - #want) > limit then return nil end
  local d = M.distance(lower, want)
  if within then d = math.min(d, 2) end
  return d <= limit and d or nil
end

--- Text about the names that are nearest to one that is not there.
-- @tparam {string,...} names
-- @tparam string asked
-- @treturn string ": nearest are a, b, c", or "" when none is near
-- @usage assert(require "kvm.object.names".nearest({"pid", "tgid"}, "pdi") == ": nearest is pid")
function M.nearest(names, asked)
  local near, seen, want = {}, {}, plain(asked)
  for order, name in ipairs(names) do
    local d = not seen[name] and rank(name, want)
    if d then
      near[#near + 1] = {name = name, d = d, order = order}
      seen[name] = true
    end
  end
  table.sort(near, function(a, b) if a.d ~= b.d then return a.d < b.d end return a.order < b.order end)
  local found = {}
  for i = 1, math.min(#near, MAX_NAMES) do found[i] = near[i].name end
  if #found == 0 then return "" end
  return (#found == 1 and ": nearest is " or ": nearest are ") .. table.concat(found, ", ")
end

-- The struct in which PATH breaks off, and the name there.
local function broken(t, path)
  local inner, word = t, path
  for at in path:gmatch "()[%.%[]" do
    local f = t:field(path:sub(1, at - 1))
    if not f then break end
    inner, word = f.type:strip(), path:sub(at + 1)
  end
  return inner, word:match "^[^.%[]*"
end

--- Text to put behind "has no member".
-- @tparam kvm.Type t a struct or union
-- @tparam string asked the member, or a path
-- @treturn string as `nearest` gives it
-- @usage assert(require "kvm.object.names".suggest(k:type("struct list_head"), "nxt") == ": nearest is next")
function M.suggest(t, asked)
  local kind = t:kind()
  if kind ~= "struct" and kind ~= "union" then return "" end
  local inner, word = broken(t, asked)
  kind = inner:kind()
  if kind ~= "struct" and kind ~= "union" then return "" end
  return M.nearest(M.of(inner), word)
end

--- A member of a type, by its path; an error names those that are near.
-- @tparam kvm.Type t a struct or union
-- @tparam string path as `Type:field` takes it
-- @treturn table as `Type:field` returns it
-- @raise kvm.Error `notfound`
-- @usage assert(require "kvm.object.names".field(k:type("struct list_head"), "prev").offset == 8)
function M.field(t, path)
  local f, message, code, addr = t:field(path)
  if not f and code == "notfound" then message = message .. M.suggest(t, path) end
  return err.check(f, message, code, addr)
end

return M
