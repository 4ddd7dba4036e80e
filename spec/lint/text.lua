-- SPDX-License-Identifier: BSD-2-Clause
-- Text: an SPDX line at the head of each source, clean whitespace, no leftovers, and nothing that holds
-- on one machine only (home directories, mirrors of packages).
package.path = "spec/lint/?.lua;" .. package.path
local tree = require "tree"

-- Cut in two, so that this file does not find itself.
local BANNED = {
  {"%f[/%w]/" .. "root/", "a path of one machine"}, {"%f[/%w]/" .. "work/", "a path of one machine"},
  {"%f[/%w]/" .. "home/%w", "a path of one machine"}, {"%f[/%w]/" .. "farm/", "a path of one machine"},
  {"%f[%w]deb%.deb" .. "ian%.org", "a mirror's name"}, {"snapshot%.deb" .. "ian%.org", "a mirror's name"},
  {"luarocks%.o" .. "rg", "a registry's name"},
  {"%f[%w]TO" .. "DO%f[%W]", "left to do"}, {"%f[%w]FIX" .. "ME%f[%W]", "left to do"},
  {"%f[%w]X" .. "XX%f[%W]", "left to do"}, {"%f[%w]HA" .. "CK%f[%W]", "left to do"},
}
local SOURCE = "%.[ch]$"

local function needs_spdx(path)
  return path:find(SOURCE) or path:find("%.lua$") or path:find("%.sh$") or path:find("%.py$") or path:find("%.map$")
    or path:find("%.rockspec$") or path:find("^Makefile$") or path:find("^%.ci/")
    or path:find("%.[13]$")
end

local function is_text(path)
  return needs_spdx(path) or path:find("%.md$") or path:find("^%.%w") or path:find("%.in$") or path:find("^LICENSE$")
end

for _, path in ipairs(tree.files("")) do
  if needs_spdx(path) then
    local head = tree.read(path):match("^[^\n]*\n?[^\n]*\n?")
    if not head:find("SPDX-License-Identifier: BSD-2-Clause", 1, true) then
      tree.wrong("%s: no SPDX line at its head", path)
    end
  end
  if is_text(path) then
    local text = tree.read(path)
    if #text > 0 and text:sub(-1) ~= "\n" then tree.wrong("%s: no newline at its end", path) end
    for n, line in tree.each_line(path) do
      if line:find("[ \t]$") then tree.wrong("%s:%d: blank at the end of the line", path, n) end
      for _, banned in ipairs(BANNED) do
        local at = line:match(banned[1])
        if at then tree.wrong("%s:%d: %s: %s", path, n, banned[2], at) end
      end
    end
  end
end

tree.done()
