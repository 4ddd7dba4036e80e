-- SPDX-License-Identifier: BSD-2-Clause
-- linux/nodemask.h: sets of NUMA nodes, one bit each. The kernel's own are node_states[] by enum node_states (mm/page_alloc.c).
-- Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local bitmap = require "kvm.linux.bitmap"
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local MAX_NODES <const> = 1 << 16 -- MAX_NUMNODES is 1 << CONFIG_NODES_SHIFT, which is at most 10

local function bits_of(k)
  local bytes = types.sizeof(k, "nodemask_t")
  if bytes > MAX_NODES // 8 then kvm_error.fail("format", "nodemask_t has %d bytes", bytes) end
  return bytes * 8
end

-- The struct is nameless: what tells it is its member.
local function mask_at(mask, name)
  local t = object.is_object(mask) and object.typeof(mask):strip()
  if not t or t:kind() ~= "struct" or not t:field "bits" then error(("bad argument to '%s' (nodemask_t expected)"):format(name), 3) end
  local k = object.handle(mask)
  return k, object.addr(mask), bits_of(k)
end

--- The nodes of a mask.
-- @param mask `nodemask_t`
-- @treturn function an iterator of node numbers, ascending
-- @raise kvm.Error `fault`, `excluded`
-- @usage local mask = k:object(k:symbol("node_states").value, "nodemask_t")
-- for node in kvm.linux.nodemask.for_each_node(mask) do assert(node >= 0) end
function M.for_each_node(mask)
  return bitmap.for_each_set_bit(mask_at(mask, "for_each_node"))
end

--- How many nodes a mask has.
-- @param mask `nodemask_t`
-- @treturn integer
-- @raise kvm.Error `fault`, `excluded`
-- @usage assert(kvm.linux.nodemask.weight(k:object(k:symbol("node_states").value, "nodemask_t")) > 0)
function M.weight(mask)
  return bitmap.weight(mask_at(mask, "weight"))
end

--- The nodes that are in a state.
-- @param k an open handle
-- @tparam string state name in enum node_states: "N_POSSIBLE", "N_ONLINE", "N_NORMAL_MEMORY", "N_MEMORY", "N_CPU", ...
-- @treturn {integer,...} node numbers, ascending
-- @raise kvm.Error `notfound` for a state that this kernel does not have; `fault`, `excluded`
-- @usage assert(kvm.linux.nodemask.of(k, "N_ONLINE")[1] == 0)
function M.of(k, state)
  local index
  for _, e in ipairs(types.of(k, "enum node_states"):strip():enumerators()) do
    if e.name == state then index = e.value end
  end
  if not index then kvm_error.fail("notfound", "enum node_states has no %s", state) end
  local out, addr = {}, kallsyms.address(k, "node_states") + index * types.sizeof(k, "nodemask_t")
  for node in bitmap.for_each_set_bit(k, addr, bits_of(k)) do out[#out + 1] = node end
  return out
end

return M
