-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a map of pages, one of which is a slab of eight objects: of 7.2, where CPUs and nodes keep sheaves, or of 5.10, where a CPU
-- keeps the list of a slab. Free pointers are hidden. For the specs of what reads pages, slabs and addresses.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local OFFSET = 0x40 -- of the CPU's own copies
M.SLOT, M.RANDOM, M.FREE_AT = 64, 0x123456789abcdef0, 32
M.OBJECTS = S + 0x1000
local HEAD, CACHE, NODE, NODES, STATES, PGDAT = S + 0x1800, S + 0x1840, S + 0x1900, S + 0x1980, S + 0x19a0, S + 0x19c0
local NAME, CPUS, BASES, PER_CPU, SHEAF, BARN, FULL = S + 0x19e0, S + 0x1a00, S + 0x1a40, S + 0x1a80, S + 0x1b00, S + 0x1b80, S + 0x1bc0
M.at = {CACHE = CACHE, SHEAF = SHEAF, BARN = BARN, FULL = FULL, PER_CPU = PER_CPU, BASES = BASES}

local COMMON <const> = [[
  typedef struct { unsigned long bits[1]; } nodemask_t;
  struct cpumask { unsigned long bits[1]; };
  enum node_states { N_POSSIBLE, N_ONLINE };
  enum zone_type { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, __MAX_NR_ZONES };
  struct pglist_data { int node_id; };
  struct kmem_cache_node { unsigned long nr_partial; struct list_head partial; struct { long counter; } nr_slabs, total_objects; };
]]
local NEW <const> = [[
  enum pageflags { PG_locked, PG_writeback, PG_referenced, __NR_PAGEFLAGS, PG_other = 1 };
  enum pagetype { PGTY_buddy = 0xf0, PGTY_slab = 0xf5, PGTY_mapcount_underflow = 0xff };
  struct page { unsigned long flags, compound_info, pad; void *mapping; unsigned long __folio_index, private;
    unsigned int page_type; int _refcount; unsigned long memcg_data; };
  struct slab { unsigned long flags; struct kmem_cache *slab_cache; struct list_head slab_list; void *freelist;
    unsigned int inuse:16, objects:15, frozen:1; unsigned int stride, __page_type; int __page_refcount; unsigned long obj_exts; };
  struct slab_sheaf { struct list_head barn_list; struct kmem_cache *cache; unsigned int size; int node; void *objects[0]; };
  struct slub_percpu_sheaves { struct slab_sheaf *main, *spare, *rcu_free; };
  struct node_barn { struct list_head sheaves_full; };
  struct kmem_cache_per_node_ptrs { struct node_barn *barn; struct kmem_cache_node *node; };
  struct kmem_cache { struct slub_percpu_sheaves *cpu_sheaves; struct list_head list; unsigned int size, object_size, offset,
    sheaf_capacity, red_left_pad, flags, inuse; struct { unsigned int x; } oo, min; const char *name; unsigned long random;
    struct kmem_cache_per_node_ptrs per_node[1]; };
]]
local OLD <const> = [[
  enum pageflags { PG_locked, PG_error, PG_slab, PG_head, __NR_PAGEFLAGS };
  struct page { unsigned long flags; union { struct list_head slab_list; unsigned long compound_head; };
    union { void *mapping; struct kmem_cache *slab_cache; };
    union { unsigned long index; void *freelist; }; union { unsigned long private;
      struct { unsigned int inuse:16, objects:15, frozen:1; }; };
    unsigned int page_type; int _refcount; void *mem_cgroup; };
  struct kmem_cache_cpu { void **freelist; unsigned long tid; struct page *page, *partial; };
  struct kmem_cache { struct kmem_cache_cpu *cpu_slab; struct list_head list; unsigned int size, object_size, offset, red_left_pad,
    flags, inuse; struct { unsigned int x; } oo, min; const char *name; unsigned long random; struct kmem_cache_node *node[1]; };
]]

local k, is_old
--- The address of an object.
function M.object(i) return M.OBJECTS + i * M.SLOT end

local function hidden(at, value) return value ~ M.RANDOM ~ string.unpack(">i8", string.pack("<i8", at)) end

--- Writes the free pointers of objects by number, in this order, and gives the first.
function M.chain(numbers, last)
  for i, n in ipairs(numbers) do
    local at = M.object(n) + M.FREE_AT
    assert(k:write(at, ("<i8"):pack(hidden(at, numbers[i + 1] and M.object(numbers[i + 1]) or last or 0))))
  end
  return numbers[1] and M.object(numbers[1]) or 0
end

--- Makes the slab's list.
function M.free(numbers, inuse, last)
  local first = M.chain(numbers, last)
  local t = k:type(is_old and "struct page" or "struct slab"):strip()
  assert(k:write(M.at.SLAB + t:field("freelist").offset, ("<i8I4"):pack(first, (inuse or 8 - #numbers) | 8 << 16)))
end

local function ring(head, node)
  assert(k:write(head, ("<i8i8"):pack(node, node)))
  assert(k:write(node, ("<i8i8"):pack(head, head)))
end

local function set(t, at, members) memory.set(k, "struct " .. t, at, members) end

-- Objects 1 and 6 are free in the slab, 2 and 3 are kept by the CPU, of 7.2 4 by the node.
local function fill()
  M.free {6, 1}
  if is_old then
    set("page", M.at.SLAB, {flags = 1 << 2, slab_cache = CACHE, page_type = -1})
    set("kmem_cache_cpu", PER_CPU, {freelist = M.chain {2, 3}, page = M.at.SLAB})
    return
  end
  set("slab", M.at.SLAB, {slab_cache = CACHE, __page_type = 0xf5 << 24, flags = 5})
  set("kmem_cache", CACHE, {sheaf_capacity = 4})
  set("slub_percpu_sheaves", PER_CPU, {main = SHEAF})
  set("slab_sheaf", SHEAF, {size = 2})
  assert(k:write(SHEAF + k:type("struct slab_sheaf"):size(), ("<i8i8"):pack(M.object(2), M.object(3))))
  ring(BARN, FULL)
  set("slab_sheaf", FULL, {size = 1})
  assert(k:write(FULL + k:type("struct slab_sheaf"):size(), ("<i8"):pack(M.object(4))))
end

--- An open handle and the cache; memory.forget behind the test. OLD: as 5.10. The symbols come third, to be changed. TYPES: more of C.
function M.open(old, types)
  is_old = old
  k = memory.open(COMMON .. (old and OLD or NEW) .. (types or ""))
  assert(k:write(S, ("\0"):rep(memory.SIZE)))
  local first = assert(k:translate(S)) // 4096 -- the page of the map itself
  M.pfn, M.at.MAP = first, S - 64 * first
  M.at.SLAB = S + 64 -- the struct page of the second page, where the objects are
  local symbols = memory.one_cpu(k, CPUS, OFFSET)
  for name, at in pairs {slab_caches = HEAD, node_data = NODES, node_states = STATES, vmemmap_base = BASES, page_offset_base = BASES + 8,
    max_pfn = BASES + 16} do
    symbols[name] = at
  end
  memory.symbols(symbols)
  assert(k:write(BASES, ("<i8i8i8"):pack(M.at.MAP, S - first * 4096, first + 2)))
  assert(k:write(NODES, ("<i8"):pack(PGDAT)))
  assert(k:write(STATES, ("<i8i8"):pack(1, 1)))
  ring(HEAD, CACHE + 8)
  ring(NODE + 8, M.at.SLAB + (old and 8 or 16))
  set("kmem_cache", CACHE, {size = M.SLOT, object_size = 56, offset = M.FREE_AT, random = M.RANDOM, ["oo.x"] = 8, ["min.x"] = 8,
    name = NAME,
    [old and "cpu_slab" or "cpu_sheaves"] = PER_CPU - OFFSET})
  local nodes = k:type("struct kmem_cache"):strip():field(old and "node" or "per_node").offset
  assert(k:write(CACHE + nodes, old and ("<i8"):pack(NODE) or ("<i8i8"):pack(BARN, NODE)))
  set("kmem_cache_node", NODE, {nr_partial = 1, ["nr_slabs.counter"] = 1, ["total_objects.counter"] = 8})
  assert(k:write(NAME, "a-cache\0"))
  fill()
  return k, k:object(CACHE, "struct kmem_cache"), symbols
end

return M
