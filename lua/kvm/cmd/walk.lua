-- SPDX-License-Identifier: BSD-2-Clause
-- Commands over structures that may be damaged: what could be walked comes as records, then one record tells where and why
-- the walk stopped: {stopped = message, code =, addr =}. A command of several structures (buckets, CPUs, tasks) walks each
-- as a part, so that the damage of one costs nothing of the others. A NULL pointer where the kernel has none is damage, too.
local kvm_error = require "kvm.error"

local M = {}

-- What stops a walk: an error value, or a NULL where the kernel never has one, which Lua finds as a nil.
local function damage(err)
  if kvm_error.is(err) then return err end
  local text = tostring(err)
  if not (text:find "attempt to index a nil value" or text:find "object expected, got nil") then error(err, 0) end
  local where, name = text:match "([%w_]+)%.lua:%d+:", text:match "%(%a+ '(.-)'%)"
  local place = where and (" (%s%s)"):format(where, name and ", " .. name or "") or ""
  return kvm_error.new {code = "format", message = "a NULL pointer where the kernel has none" .. place}
end

local function stopped(err)
  err = damage(err)
  return {stopped = err.message, code = err.code, addr = err.addr}
end

--- The records that a function gives, one by one.
-- @tparam function fn called with emit, a function that takes a record
-- @treturn function an iterator of the records; where fn raises a kvm.Error, the last one is {stopped=, code=, addr=}
-- @raise what is no kvm.Error
-- @usage for rec in require "kvm.cmd.walk".records(function(emit) emit {n = 1} end) do assert(rec.n == 1) end
function M.records(fn)
  return coroutine.wrap(function()
    local ok, err = pcall(fn, coroutine.yield)
    if not ok then coroutine.yield(stopped(err)) end
  end)
end

--- Walks a part: where it raises a kvm.Error, that becomes a record, and the walk goes on behind the part.
-- @tparam function emit
-- @tparam function fn
-- @param ... its arguments
-- @treturn boolean whether the part was whole
-- @raise what is no kvm.Error
-- @usage local walk = require "kvm.cmd.walk"
-- for rec in walk.records(function(emit) walk.part(emit, kvm.error.fail, "fault", "gone") end) do assert(rec.stopped == "gone") end
function M.part(emit, fn, ...)
  local ok, err = pcall(fn, ...)
  if not ok then emit(stopped(err)) end
  return ok
end

local function kept(rec, name, ok, ...)
  if ok then return ... end
  damage((...))
  rec.partial = rec.partial or {}
  table.insert(rec.partial, name)
  return nil
end

--- What a function tells for a record: where it raises a kvm.Error, the name goes to the record's partial.
-- @tparam table rec
-- @tparam string name
-- @tparam function f
-- @param ... its arguments
-- @return what f returns; nil
-- @raise what is no kvm.Error
-- @usage local rec = {} assert(require "kvm.cmd.walk".field(rec, "n", kvm.error.fail, "fault", "gone") == nil and rec.partial[1] == "n")
function M.field(rec, name, f, ...)
  return kept(rec, name, pcall(f, ...))
end

--- Fields of a record, each by itself: the page of one may be missing.
-- @tparam table rec
-- @tparam {table,...} parts {name, function}
-- @param ... arguments of the functions
-- @raise what is no kvm.Error
-- @usage local rec = {} require "kvm.cmd.walk".fields(rec, {{"n", function(v) return v + 1 end}}, 1) assert(rec.n == 2)
function M.fields(rec, parts, ...)
  for _, part in ipairs(parts) do rec[part[1]] = M.field(rec, part[1], part[2], ...) end
end

return M
