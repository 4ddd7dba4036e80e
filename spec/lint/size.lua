-- SPDX-License-Identifier: BSD-2-Clause
-- Sizes: no source over 600 lines, no Lua function over 80 (clang-tidy counts C's), no file over 6 MB.
package.path = "spec/lint/?.lua;" .. package.path
local tree = require "tree"

local MAX_LINES, MAX_FUNCTION, MAX_BYTES = 600, 80, 6 * 1024 * 1024

for _, path in ipairs(tree.files("%.[chl][ua]?a?$")) do
  local _, n = tree.read(path):gsub("\n", "")
  if n > MAX_LINES then tree.wrong("%s: %d lines, at most %d", path, n, MAX_LINES) end
end

for _, path in ipairs(tree.files("^lua/.*%.lua$")) do
  for _, line in ipairs(tree.lines("luac5.4 -l -p -- " .. path .. " 2>&1")) do
    local first, last = line:match("^function <[^:]*:(%d+),(%d+)")
    if first and last - first + 1 > MAX_FUNCTION then
      tree.wrong("%s:%s: function of %d lines, at most %d", path, first, last - first + 1, MAX_FUNCTION)
    end
  end
end

for _, path in ipairs(tree.files("")) do
  local f = assert(io.open(path, "rb"))
  local size = f:seek("end")
  f:close()
  if size > MAX_BYTES then tree.wrong("%s: %d bytes, at most %d", path, size, MAX_BYTES) end
end

tree.done()
