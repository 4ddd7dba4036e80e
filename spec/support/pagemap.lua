-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a file of two pages and a bit, of which the first and the last are in the page cache, for the specs of what walks it.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local BASE, INODE, MAPPING, NODE = S, S + 0x10, S + 0x80, S + 0x100
M.at = {INODE = INODE, MAPPING = MAPPING, NODE = NODE}
M.MAP = 0xffffea0000000000 -- where the struct pages are; none of them is read

--- An open handle, the inode, a function that puts an entry into a slot; memory.forget behind the test.
function M.open()
  local k = memory.open [[
    struct xarray { unsigned int xa_lock, xa_flags; void *xa_head; };
    struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent; struct xarray *array; void *slots[64];
      unsigned long marks[3][1]; };
    struct page { unsigned long words[8]; };
    struct address_space { struct xarray i_pages; };
    struct inode { unsigned short i_mode; unsigned long i_ino; long i_size; struct address_space *i_mapping; };
  ]]
  memory.symbols {vmemmap_base = BASE}
  assert(k:write(BASE, ("<i8"):pack(M.MAP)))
  memory.set(k, "struct inode", INODE, {i_mode = 0x81a4, i_ino = 12, i_size = 2 * 4096 + 5, i_mapping = MAPPING})
  memory.set(k, "struct address_space", MAPPING, {["i_pages.xa_head"] = NODE + 2})
  memory.set(k, "struct xa_node", NODE, {array = MAPPING})
  local slots = k:type("struct xa_node"):strip():field("slots").offset
  local function slot(i, entry) assert(k:write(NODE + slots + 8 * i, ("<i8"):pack(entry))) end
  M.pfn = assert(k:translate(S + 0x1000)) >> 12 -- a page that can be read
  slot(0, M.MAP + 64 * M.pfn)
  slot(1, 5 << 1 | 1) -- evicted
  slot(2, M.MAP + 64 * M.pfn)
  assert(k:write(S + 0x1000, "hello"))
  return k, k:object(INODE, "struct inode"), slot
end

return M
