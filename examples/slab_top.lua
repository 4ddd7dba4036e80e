-- SPDX-License-Identifier: BSD-2-Clause
-- The largest slab caches: bytes, objects in use, and how full their slabs are.
--   luakvm run examples/slab_top.lua CORE [HOW-MANY]
--
--   $ luakvm run examples/slab_top.lua examples/panic.kdump 5
--   proc_inode_cache            6.4 MiB     9361 objects of   704 bytes
--   dentry                      2.5 MiB    13419 objects of   192 bytes
--   task_struct                 2.2 MiB      350 objects of  6208 bytes
--   kernfs_node_cache           2.1 MiB    15870 objects of   136 bytes
--   inode_cache                 1.8 MiB     2850 objects of   632 bytes
local kvm = require "kvm"
local format = require "kvm.format"
local slab = kvm.linux.slab

local caches = {}
for cache in slab.for_each_slab_cache(k) do
  local bytes, room = slab.bytes(cache)
  if bytes > 0 then caches[#caches + 1] = {name = slab.name(cache), bytes = bytes, room = room, size = cache.size} end
end
table.sort(caches, function(a, b) return a.bytes > b.bytes end)
for i = 1, math.min(#caches, tonumber((...)) or 10) do
  local c = caches[i]
  print(("%-24s %10s %8d objects of %5d bytes"):format(c.name, format.size(c.bytes), c.room, c.size))
end
