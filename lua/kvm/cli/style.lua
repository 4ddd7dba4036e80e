-- SPDX-License-Identifier: BSD-2-Clause
-- Colour: what is emphasised how, and when there is any: on a terminal, unless NO_COLOR (https://no-color.org) is set or the terminal
-- is dumb; --color=always and never say otherwise. Commands name what they mean (kvm.cmd), the colours are here alone.
local M = {}

-- Select Graphic Rendition, ECMA-48; the colours of a terminal's own palette, which go with a dark and a light background.
local SGR <const> = {title = "1", heading = "1", critical = "1;31", bad = "31", warn = "33", good = "32", quiet = "2"}
local RESET <const> = "\27[0m"

local WHEN <const> = {always = true, never = false}

--- Whether there is colour.
-- @tparam ?string when "always", "never", "auto" or nil
-- @tparam boolean is_terminal
-- @treturn boolean; nil for another word
-- @usage assert(require "kvm.cli.style".wanted("always", false))
function M.wanted(when, is_terminal)
  if WHEN[when] ~= nil then return WHEN[when] end
  if when and when ~= "auto" then return nil end
  return is_terminal and (os.getenv "NO_COLOR" or "") == "" and os.getenv "TERM" ~= "dumb"
end

--- Emphasises text.
-- @tparam ?string name of a style; nil: none
-- @tparam string text
-- @treturn string
-- @usage assert(require "kvm.cli.style".paint("title", "PID") == "\27[1mPID\27[0m")
function M.paint(name, text)
  local sgr = name and SGR[name]
  if not sgr then return text end
  return ("\27[%sm%s%s"):format(sgr, text, RESET)
end

--- Emphasises the lines of a text.
-- @tparam {{string,string},...} rules pattern of a line, style; the first that matches holds
-- @tparam string text
-- @treturn string
-- @usage assert(require "kvm.cli.style".lines({{"^B", "bad"}}, "A\nB\n") == "A\n\27[31mB\27[0m\n")
function M.lines(rules, text)
  return (text:gsub("[^\n]+", function(line)
    for _, rule in ipairs(rules) do
      if line:find(rule[1]) then return M.paint(rule[2], line) end
    end
    return nil
  end))
end

return M
