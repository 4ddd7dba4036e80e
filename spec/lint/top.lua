-- SPDX-License-Identifier: BSD-2-Clause
-- The top level holds what its first page promises, and nothing else.
package.path = "spec/lint/?.lua;" .. package.path
local tree = require "tree"

local NAMES = "csrc lua rockspec spec examples build Makefile README.md LICENSE CHANGELOG.md CONTRIBUTING.md"
local TOP = {}
for name in NAMES:gmatch("%S+") do
  TOP[name] = true
end
for _, name in ipairs(tree.lines("ls")) do
  if not TOP[name] then tree.wrong("%s: does not belong at the top level", name) end
end

tree.done()
