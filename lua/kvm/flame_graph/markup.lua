-- SPDX-License-Identifier: BSD-2-Clause
-- Text of a dump in XML and HTML: what steers is shown (kvm.format), what is markup is an entity.
local format = require "kvm.format"

local M = {}

local ENTITIES = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;"}

--- Text without what steers, and without the two code points that XML has no place for.
-- @tparam string text any bytes
-- @tparam[opt] string keep control characters that stay, as kvm.format.escape has it
-- @treturn string
-- @usage assert(require "kvm.flame_graph.markup".printable "a\27" == "a\\x1b")
function M.printable(text, keep)
  return (format.escape(text, keep):gsub("\xef\xbf([\xbe\xbf])", function(c) return ("\\xef\\xbf\\x%02x"):format(c:byte()) end))
end

--- Text as it can stand in an element or in an attribute with quotes.
-- @tparam string text any bytes
-- @tparam[opt] string keep as printable has it
-- @treturn string
-- @usage assert(require "kvm.flame_graph.markup".escape "<script>" == "&lt;script&gt;")
function M.escape(text, keep)
  return (M.printable(text, keep):gsub("[&<>\"']", ENTITIES))
end

return M
