-- SPDX-License-Identifier: BSD-2-Clause
-- Commands over structures that may be damaged: what could be walked comes as records, then one record tells where and why
-- the walk stopped: {stopped = message, code =, addr =}. A command of several structures (buckets, CPUs, tasks) walks each
-- as a part, so that the damage of one costs nothing of the others.
local kvm_error = require "kvm.error"

local M = {}

local function stopped(err)
  if not kvm_error.is(err) then error(err, 0) end
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

return M
