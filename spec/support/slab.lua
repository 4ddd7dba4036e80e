-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with one slab cache of three slabs, for the specs of what walks it.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local HEAD, CACHE, NODE, SLAB, NODES, STATES, PGDAT, NAME = S, S + 0x40, S + 0x100, S + 0x180, S + 0x200, S + 0x240, S + 0x280, S + 0x2c0
M.at = {HEAD = HEAD, CACHE = CACHE, NODE = NODE, SLAB = SLAB, NODES = NODES, STATES = STATES, PGDAT = PGDAT, NAME = NAME}

local k
local function ring(head, node)
  assert(k:write(head, ("<I8I8"):pack(node, node)))
  assert(k:write(node, ("<I8I8"):pack(head, head)))
end

--- An open handle, and what else the specs need; memory.forget behind the test.
function M.open()
  local cache
  k = memory.open [[
    typedef struct { unsigned long bits[1]; } nodemask_t;
    enum node_states { N_POSSIBLE, N_ONLINE };
    struct pglist_data { int node_id; };
    struct slab { struct list_head slab_list; unsigned int inuse:16, objects:15, frozen:1; };
    struct kmem_cache_node { unsigned long nr_partial; struct list_head partial; struct { long counter; } nr_slabs, total_objects; };
    struct kmem_cache { struct list_head list; unsigned int size, object_size, flags; struct { unsigned int x; } oo, min; const char *name;
      struct kmem_cache_node *node[2]; };
  ]]
  memory.symbols {slab_caches = HEAD, node_data = NODES, node_states = STATES}
  assert(k:write(NODES, ("<I8I8"):pack(0, PGDAT)))
  assert(k:write(STATES, ("<I8I8"):pack(3, 2)))
  memory.set(k, "struct pglist_data", PGDAT, {node_id = 1})
  ring(HEAD, CACHE)
  memory.set(k, "struct kmem_cache", CACHE, {size = 64, object_size = 56, ["oo.x"] = 1 << 16 | 128, ["min.x"] = 64, name = NAME})
  assert(k:write(CACHE + k:type("struct kmem_cache"):strip():field("node").offset + 8, ("<I8"):pack(NODE)))
  memory.set(k, "struct kmem_cache_node", NODE, {nr_partial = 1, ["nr_slabs.counter"] = 3, ["total_objects.counter"] = 384})
  ring(NODE + 8, SLAB)
  assert(k:write(SLAB + 16, ("<I4"):pack(28 | 128 << 16)))
  assert(k:write(NAME, "a-cache\0"))
  cache = k:object(CACHE, "struct kmem_cache")
  return k, cache
end

return M
