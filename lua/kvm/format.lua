-- SPDX-License-Identifier: BSD-2-Clause
-- Values as text for people. Text that came out of a dump is an attacker's until it went through `escape`.
local M = {}

--- A number in hexadecimal, as unsigned 64 bits.
-- @tparam integer v
-- @tparam[opt] integer width digits at least, filled with zeros
-- @treturn string
-- @usage assert(kvm.format.hex(255) == "0xff" and kvm.format.hex(255, 4) == "0x00ff")
function M.hex(v, width)
  return (width and "0x%0" .. width .. "x" or "0x%x"):format(v)
end

--- An address: 16 digits.
-- @tparam integer v
-- @treturn string
-- @usage assert(kvm.format.address(0xffffffff81000000) == "0xffffffff81000000")
function M.address(v)
  return ("0x%016x"):format(v)
end

-- Characters of Unicode that steer a terminal or turn the direction of what follows (C1 controls; U+061C, U+200E, U+200F,
-- U+202A to U+202E, U+2066 to U+2069), and the line and paragraph separators.
local function steers(c)
  return c >= 0x80 and c <= 0x9f or c == 0x61c or c == 0x200e or c == 0x200f or c >= 0x2028 and c <= 0x202e
    or c >= 0x2066 and c <= 0x2069
end

local function hex_bytes(s)
  return (s:gsub(".", function(c) return ("\\x%02x"):format(c:byte()) end))
end

local NAMES = {["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r"}

-- The part of S that begins at I with a byte above 127: what it becomes, and where the next part begins.
local function escape_wide(s, i)
  local len = utf8.len(s, i, i)
  if not len then return hex_bytes(s:sub(i, i)), i + 1 end
  local code = utf8.codepoint(s, i)
  local stop = i + #utf8.char(code) -- utf8.offset would pass over continuation bytes that belong to nothing
  if steers(code) then return hex_bytes(s:sub(i, stop - 1)), stop end
  return s:sub(i, stop - 1), stop
end

--- Text that can be shown on a terminal: control characters, bytes that are not UTF-8 and characters that turn the direction of
-- text become \n, \t, \r or \xNN.
-- @tparam string s
-- @tparam[opt] string keep control characters (of ASCII) that stay as they are, such as "\n\t"
-- @treturn string
-- @usage assert(kvm.format.escape("a\27[2Jb\n") == "a\\x1b[2Jb\\n")
function M.escape(s, keep)
  if not s:find("[^ -~]") then return s end
  local out, i = {}, 1
  while i <= #s do
    local plain = s:match("^[ -~]+", i)
    local c = s:sub(i, i)
    if plain then
      out[#out + 1], i = plain, i + #plain
    elseif c >= "\x80" then
      out[#out + 1], i = escape_wide(s, i)
    else
      local stays = keep and keep:find(c, 1, true)
      out[#out + 1], i = stays and c or NAMES[c] or hex_bytes(c), i + 1
    end
  end
  return table.concat(out)
end

local UNITS = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}

--- A number of bytes for people, with a binary unit; 7 characters at most.
-- @tparam integer bytes
-- @treturn string
-- @usage assert(kvm.format.size(1536) == "1.5 KiB" and kvm.format.size(999) == "999 B")
function M.size(bytes)
  local v, unit = bytes, "B"
  for _, larger in ipairs(UNITS) do
    if math.abs(v) < 999.5 then break end
    v, unit = v / 1024, larger
  end
  local form = (unit == "B" or math.abs(v) >= 9.95) and "%.0f %s" or "%.1f %s"
  return form:format(v, unit)
end

--- A span of time for people.
-- @tparam integer ns nanoseconds
-- @treturn string "12.345 s" below a minute, then "MM:SS", "HH:MM:SS", "D days HH:MM:SS"
-- @usage assert(kvm.format.duration(90061 * 1000000000) == "1 day 01:01:01")
function M.duration(ns)
  if ns < 0 then return "-" .. M.duration(-ns) end
  if ns < 60 * 1000000000 then return ("%.3f s"):format(ns / 1e9) end
  local s = ns // 1000000000
  local text = ("%02d:%02d"):format(s // 60 % 60, s % 60)
  if s < 3600 then return text end
  text = ("%02d:%s"):format(s // 3600 % 24, text)
  local days = s // 86400
  if days == 0 then return text end
  return ("%d day%s %s"):format(days, days == 1 and "" or "s", text)
end

-- kvm.format(object, options): see kvm.format.object.
return setmetatable(M, {__call = function(_, o, opts) return require "kvm.format.object".format(o, opts) end})
