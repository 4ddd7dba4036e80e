-- SPDX-License-Identifier: BSD-2-Clause
-- A command's records, from the command to where output goes: which of them, in which form, how it looks on a terminal, and what stopped
-- a walk in its place.
local failure = require "kvm.cli.failure"
local out = require "kvm.cli.out"
local progress = require "kvm.cli.progress"
local select = require "kvm.cli.select"
local style = require "kvm.cli.style"
local terminal = require "kvm.core".terminal

local M = {}

local STOPPED = {columns = {{name = "stopped", kind = "string"}, {name = "code", kind = "string"}, {name = "addr", kind = "hex"}}}

-- The records of what is whole, one by one. Where a walk stopped (kvm.cmd.walk, or an error behind the first record), a line
-- on standard error says so, and in JSON one in its place.
local function whole(records, format, write, damage)
  local given = false
  local function step()
    if not given then return records() end
    local rec, err = require "kvm.error".try(records)
    return err and {stopped = err.message, code = err.code, addr = err.addr} or rec, err
  end
  local function next_whole()
    if damage.last then return nil end
    local rec, err = step()
    given, damage.last = true, err
    if not rec or not rec.stopped then return rec end
    damage.found = true
    failure.complain(rec.stopped)
    if format == "json" then
      require "kvm.cli.json".render(STOPPED, function(_, last) return not last and rec or nil end, {}, write)
    end
    return next_whole()
  end
  return next_whole
end

-- What kvm.cli.text is to make of it: the terminal is what standard output goes to, if anything.
local function look_of(parsed)
  local look, columns = parsed.look, not parsed.program and terminal.columns "stdout" or nil
  return {raw = look.raw, columns = not look.wide and columns or nil, color = style.wanted(look.color, columns ~= nil)}
end

--- Says what is wrong in how records are asked for, before a dump is opened.
-- @tparam table command
-- @tparam table parsed as kvm.cli.args gives it
-- @raise {usage=}
-- @usage require "kvm.cli.answer".check({name = "x", columns = {}}, {select = {}, look = {}})
function M.check(command, parsed)
  select.of(command, parsed.select)
  if style.wanted(parsed.look.color, false) == nil then
    failure.usage(("--color: %q is neither always nor never nor auto"):format(parsed.look.color))
  end
end

--- Renders records.
-- @tparam table command
-- @tparam function records an iterator
-- @tparam table parsed format, opts, select, look, as kvm.cli.args gives them; program (that reads the output; optional), keep (function
-- of each record; optional), quiet (print nothing; optional)
-- @raise {nothing=} where there is none, {complained=} where a walk was stopped
function M.render(command, records, parsed)
  local write, damage, last = out.write, {}, {}
  if command.to_stderr then write = function(text) io.stderr:write(text) end end
  local shown, choose = select.of(command, parsed.select)
  local tell = parsed.select.sort and function(text) last[#last + 1] = text end or write
  records = choose(whole(records, parsed.format, tell, damage))
  local given = records
  if parsed.keep then
    given = function()
      local rec = records()
      if rec then parsed.keep(rec) end
      return rec
    end
  end
  if parsed.quiet then write = function() end end
  local count = require("kvm.cli." .. parsed.format).render(shown, given, parsed.opts, write, look_of(parsed))
  write(table.concat(last))
  if damage.found then error({complained = true}, 0) end
  local nothing = parsed.select.where and "no record is so" or command.no_match
  if count == 0 and nothing and parsed.select.limit ~= 0 then error({nothing = nothing}, 0) end
end

--- Runs a command and renders its records; long work draws a line, until there is output.
-- @param k an open handle
-- @tparam table command
-- @tparam table parsed as M.render takes it
-- @tparam[opt] Spent spent
-- @raise as M.render
function M.give(k, command, parsed, spent)
  local bar <close> = progress.new()
  if command.progress then parsed.opts.progress = bar.tell end
  out.before(function()
    bar.is_over = true
    bar:clear()
  end)
  local function timed(part, fn, ...)
    if not spent then return fn(...) end
    local old = spent:enter(part)
    local results = table.pack(fn(...))
    spent:enter(old)
    return table.unpack(results, 1, results.n)
  end
  progress.during(bar, command.name, function()
    local records = timed("records", command.run, k, parsed.opts)
    if spent then spent:enter "output" end
    bar.count = 0
    M.render(command, function(...)
      local rec = timed("records", records, ...)
      bar.count = bar.count + 1
      return rec
    end, parsed)
  end)
  out.before(nil)
end

return M
