-- SPDX-License-Identifier: BSD-2-Clause
-- The loaded modules of a built kernel (linux.lua): struct module on the list `modules`, and who uses whom. They have no
-- code and no symbols.
local linux_types = require "spec.support.build.linux_types"

local M = {}

local BASE <const> = math.tointeger(0xffffffffc0000000)

local function layout(self, m, base)
  local range = {base = base, size = m.size or 0x4000}
  if not linux_types.at_least(self.release, "6.12") then return {core_layout = range, init_layout = m.init} end
  return {mem = {range}}
end

-- An edge for each user, on the used one's list.
local function add_users(self, m, addr)
  local head = addr + self.types:offset("module", "source_list")
  local nodes = {}
  for i, user in ipairs(m.used_by or {}) do
    nodes[i] = self:new("struct module_use", {source = self.module_addr[user], target = addr})
  end
  self:link(head, nodes)
end

--- Puts modules into the kernel.
-- @param list {name, size, refs, taints, state (0 live), used_by ({name,...})}, in the kernel's order (the last one loaded first)
-- Fills self.module_addr {name=struct module}.
function M.make(self, list)
  local head, nodes = self:data("modules", ("\0"):rep(16)), {}
  self.module_addr = {}
  for i, m in ipairs(list) do
    local values = layout(self, m, BASE + i * 0x10000)
    values.name, values.state, values.taints = m.name, m.state or 0, m.taints or 0
    values.refcnt = {counter = (m.refs or #(m.used_by or {})) + 1}
    local addr = self:new("struct module", values)
    self.module_addr[m.name] = addr
    nodes[i] = addr + self.types:offset("module", "list")
  end
  self:link(head, nodes)
  for _, m in ipairs(list) do add_users(self, m, self.module_addr[m.name]) end
end

return M
