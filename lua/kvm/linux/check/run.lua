-- SPDX-License-Identifier: BSD-2-Clause
-- Runs the checks: each by itself, so that what one trips over costs the others nothing and is a finding itself; within a budget of time.
local check = require "kvm.linux.check"
local context_of = require "kvm.linux.check.context"
local kvm_error = require "kvm.error"
local signature = require "kvm.linux.check.signature"

local M = {}

local SEVERITY = {critical = 1, error = 2, warning = 3, info = 4}
local CONFIDENCE = {certain = 1, likely = 2, possible = 3}
local EVERY <const> = 10000 -- instructions of Lua between two looks at the clock

local OUT_OF_TIME = setmetatable({}, {__tostring = function() return "out of time" end})

-- Calls f, at most until the deadline.
local function within(deadline, f, ...)
  local hook, mask, count = debug.gethook()
  debug.sethook(function()
    if os.clock() > deadline then error(OUT_OF_TIME, 0) end
    if hook then hook() end
  end, "", EVERY)
  local ok, err = pcall(f, ...)
  debug.sethook(hook, mask, count)
  if kvm_error.is_interrupt(err) then error(err, 0) end
  return ok, err
end

local function failure(name, err, seconds)
  local title = err == OUT_OF_TIME and ("check %s was stopped: it and those before it took %g s"):format(name, seconds)
    or ("check %s could not be done: %s"):format(name, tostring(err))
  return {severity = "info", confidence = "certain", title = title, evidence = {}, unfinished = true}
end

--- Whether there is a check of that name.
-- @tparam string name
-- @treturn boolean
-- @usage assert(require "kvm.linux.check.run".is_known "panic")
function M.is_known(name)
  for _, known in ipairs(check.names) do
    if known == name then return true end
  end
  return false
end

--- Runs checks.
-- @param k an open handle
-- @tparam[opt] table opts checks ({string,...}: names; all without), budget (seconds of CPU time, 30)
-- @treturn {table,...} findings, the weightiest first: kind (name of the check), severity ("critical", "error", "warning", "info"),
-- confidence
-- ("certain", "likely", "possible"), title, evidence ({string,...}), pids, modules, functions, unfinished (true: the check could not be
-- done)
-- @treturn ?string signature
-- @treturn ?string what the signature was made of
-- @treturn Context
-- @raise what is no matter of the dump: an unknown check
-- @usage local findings = require "kvm.linux.check.run".all(k) assert(findings[1].severity)
function M.all(k, opts)
  opts = opts or {}
  local seconds = opts.budget or 30
  local context, findings, deadline = context_of.new(k), {}, os.clock() + seconds
  for order, name in ipairs(opts.checks or check.names) do
    local function report(finding)
      finding.kind, finding.order = name, order * 1000 + #findings
      findings[#findings + 1] = finding
    end
    local ok, err = within(deadline, require("kvm.linux.check." .. name).run, context, report)
    if not ok then report(failure(name, err, seconds)) end
  end
  table.sort(findings, function(a, b)
    if a.severity ~= b.severity then return SEVERITY[a.severity] < SEVERITY[b.severity] end
    if a.unfinished ~= b.unfinished then return not a.unfinished end
    if a.confidence ~= b.confidence then return CONFIDENCE[a.confidence] < CONFIDENCE[b.confidence] end
    return a.order < b.order
  end)
  for _, finding in ipairs(findings) do finding.order = nil end
  local ok, sign, made_of = pcall(signature.of, context, findings)
  if not ok then
    local finding = failure("signature", sign, seconds)
    finding.kind, findings[#findings + 1] = "signature", finding
    sign, made_of = nil, nil
  end
  return findings, sign, made_of, context
end

return M
