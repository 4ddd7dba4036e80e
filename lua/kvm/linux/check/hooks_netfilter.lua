-- SPDX-License-Identifier: BSD-2-Clause
-- Functions that see packets (netfilter) and are nobody's, or those of a module out of the kernel's tree. Firewalls are such modules too:
-- theirs are told without alarm; a function that lies in no code of the kernel or of a listed module is an error.
local attempt = require "kvm.linux.check.attempt"
local code = require "kvm.linux.check.code"
local module = require "kvm.linux.module"
local net_namespace = require "kvm.linux.net_namespace"
local netfilter = require "kvm.linux.netfilter"

local M = {name = "hooks_netfilter", title = "packets that strangers see"}

local MOST_LINES <const> = 20

local function place_of(h)
  return ("%s %s%s, priority %d"):format(h.family, h.hook, h.device and " of " .. h.device or "", h.priority)
end

-- Whose a function is that is to be told of: a row; false for others.
local function row_of(context, owner, addr)
  local whose, mod = owner(addr)
  local is_strange = not whose or mod and module.taints(context.k, mod.addr):find "O"
  return is_strange and {addr = addr, module = mod, lines = {}} or false
end

local function gather(context, owner, net, rows, by_func)
  for h in netfilter.for_each_hook(net) do
    if by_func[h.func_addr] == nil then
      local row = row_of(context, owner, h.func_addr)
      by_func[h.func_addr], rows[#rows + 1] = row, row or nil
    end
    local row = by_func[h.func_addr]
    if row then row.lines[#row.lines + 1] = ("%s: struct nf_hook_ops 0x%x"):format(place_of(h), h.addr) end
  end
end

local function tell(context, report, owner, row)
  local text = code.text(context, owner, row.addr)
  local whose = row.module and ("out-of-tree module %s"):format(row.module.name) or "no module that the kernel lists"
  report {severity = row.module and "info" or "error", confidence = "certain", modules = {row.module and row.module.name},
    functions = {text}, title = ("packets pass through %s, of %s"):format(text, whose),
    evidence = code.shortened(row.lines, MOST_LINES)}
end

--- Goes over the functions of all network namespaces.
-- @param context of the checks
-- @tparam function report takes findings
-- @raise kvm.Error what the walk of netfilter's functions raises, behind what was found
function M.run(context, report)
  local owner, rows, by_func, attempts = code.owners(context.k), {}, {}, attempt.new()
  attempts:call(function()
    for net in net_namespace.for_each_net(context.k) do attempts:call(gather, context, owner, net, rows, by_func) end
  end)
  for _, row in ipairs(rows) do tell(context, report, owner, row) end
  attempts:finish()
end

return M
