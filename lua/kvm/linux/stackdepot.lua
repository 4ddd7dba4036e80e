-- SPDX-License-Identifier: BSD-2-Clause
-- linux/stackdepot.h: stacks that the kernel keeps once each, by a handle: of allocations of slab objects (slub_debug=U) and pages. A
-- handle is where the stack lies: in which pool, how far behind its start (union handle_parts). Checked against Linux 6.1, 6.12 and 7.2;
-- in 5.10 the types of them are in no BTF.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local types = require "kvm.type"

local M = {}

local RECORD <const>, PARTS <const> = "struct stack_record", "union handle_parts"
local ALIGN_SHIFT <const> = 4 -- DEPOT_STACK_ALIGN, since 4.6
local MOST_FRAMES <const> = 256 -- more than CONFIG_STACKDEPOT_MAX_FRAMES may be

-- The number of the pool, newest layout first: 6.9 made it start at 1 (3ee34eabac2a), 6.3 renamed slabs to pools (961c949b012f).
local INDEXES <const> = {{"pool_index_plus_1", 1}, {"pool_index", 0}, {"slabindex", 0}}

local function bits(t, name, word)
  local field = t:field(name)
  return field and word >> field.bit_offset & (1 << field.bit_size) - 1
end

local function pool_of(k, parts, handle)
  local base, name = kallsyms.need(k, {"stack_pools", "stack_slabs"}, "stack depot", "CONFIG_STACKDEPOT")
  if name == "stack_pools" and k:symbol "stack_max_pools" then base = k:ptr(base) end -- since 6.16 or 6.17 a table that is allocated
  for _, index in ipairs(INDEXES) do
    local n = bits(parts, index[1], handle)
    if n then return n >= index[2] and k:ptr(base + 8 * (n - index[2])) or 0 end
  end
  return kvm_error.fail("notfound", "%s has no number of a pool", PARTS)
end

--- A stack by its handle.
-- @param k an open handle
-- @tparam integer handle depot_stack_handle_t
-- @treturn {integer,...} addresses of return, the innermost first; empty where nothing was stored
-- @raise kvm.Error `notfound`: this kernel keeps no such stacks (CONFIG_STACKDEPOT), or has no types of them; `format` where what lies
--  there is not that handle's stack; `fault`, `excluded`
-- @usage local stack, err = kvm.try(kvm.linux.stackdepot.fetch, k, 0) assert(err or #stack == 0)
function M.fetch(k, handle)
  local parts = types.of(k, PARTS):strip()
  local pool = handle ~= 0 and pool_of(k, parts, handle) or 0
  if pool == 0 then return {} end
  local at = pool + (bits(parts, "offset", handle) << ALIGN_SHIFT)
  local record, out = kvm_error.check(k:object(at, RECORD)), {}
  if k:u32(at + types.offsetof(k, RECORD, "handle")) ~= handle or record.size > MOST_FRAMES then
    error(kvm_error.new {code = "format", addr = at, message = ("at 0x%x is no stack of the handle 0x%x"):format(at, handle)}, 0)
  end
  local entries = at + types.offsetof(k, RECORD, "entries")
  for i = 0, record.size - 1 do out[i + 1] = k:ptr(entries + 8 * i) end
  return out
end

return M
