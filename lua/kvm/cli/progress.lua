-- SPDX-License-Identifier: BSD-2-Clause
-- One line on standard error that tells how far long work is: only on a terminal, only when the work has taken half a second,
-- drawn at most ten times a second and erased at the end. The function is called in any case: Ctrl-C stops a program at
-- its next line of Lua, and that is the only one while C works.
local M = {}

local FIRST <const> = 0.5 -- seconds
local EVERY <const> = 0.1
local BAR <const> = 40 -- columns at most
local ERASE <const> = "\r\27[K"

-- "unpacking  [########              ]  36 %", narrower than the terminal, so that it never takes two lines.
local function line(columns, what, done, total)
  if total <= 0 then return (what .. " ..."):sub(1, columns - 1) end
  local part = math.max(0, math.min(1, done / total))
  local percent = ("%3d %%"):format(math.floor(part * 100))
  local room = math.min(BAR, columns - 1 - #what - #percent - 6)
  if room < 5 then return (what .. " " .. percent):sub(1, columns - 1) end
  local full = math.floor(part * room)
  return ("%s  [%s%s]  %s"):format(what, ("#"):rep(full), (" "):rep(room - full), percent)
end

local Bar = {}
Bar.__index = Bar

--- Erases the line, if there is one. Also what `local bar <close> = progress.new()` does.
-- @usage local bar = require "kvm.cli.progress".new(); bar:clear()
function Bar:clear()
  if self.drawn then self.write(ERASE) end
  self.drawn = nil
end
Bar.__close = Bar.clear

local EVERY_INSTRUCTIONS <const> = 100000

--- Draws the line while a function runs, however long it computes: what it has told last, or else NAME and how many there are.
-- @tparam Bar bar
-- @tparam string name
-- @tparam function fn
-- @param ... its arguments
-- @return what it returns
-- @usage local bar = require "kvm.cli.progress".new() assert(require "kvm.cli.progress".during(bar, "ps", function() return 1 end) == 1)
function M.during(bar, name, fn, ...)
  if not bar.is_visible() then return fn(...) end
  local hook, mask, count = debug.gethook()
  debug.sethook(function()
    bar.tick(name)
    if hook then hook() end
  end, "", EVERY_INSTRUCTIONS)
  local results = table.pack(pcall(fn, ...))
  debug.sethook(hook, mask, count)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

--- A line that is not there yet.
-- @tparam[opt] {columns=,seconds=,write=} t instead of the terminal: functions that give its width or nil, the time in seconds, and
-- that write text
-- @treturn Bar its `tell(what, done, total)` is a `progress` function, for kvm.open and the like; `count`: how many records there are;
-- `is_over`: nothing is drawn any more
-- @usage local bar <close> = require "kvm.cli.progress".new(); for i = 1, 10 do bar.tell("counting", i, 10) end
function M.new(t)
  local terminal = t or require "kvm.core".terminal
  local seconds = terminal.seconds
  local bar = setmetatable({write = terminal.write or function(text) io.stderr:write(text) end}, Bar)
  local next_time = seconds() + FIRST
  local told -- whether the work itself has told how far it is
  local function draw(...)
    local now = seconds()
    if now < next_time then return end
    next_time = now + EVERY
    local columns = terminal.columns()
    if not columns or bar.is_over then return end
    bar.drawn = true -- first: Ctrl-C may end this function anywhere
    bar.write(ERASE .. line(columns, ...))
  end
  function bar.tell(what, done, total)
    told = true
    draw(what, done, total)
  end
  function bar.tick(name)
    if told then return end
    draw(bar.count and ("%s: %d"):format(name, bar.count) or name, 0, 0)
  end
  function bar.is_visible() return terminal.columns() ~= nil end
  return bar
end

return M
