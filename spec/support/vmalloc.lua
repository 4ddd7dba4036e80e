-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with areas of vmalloc: two in use, one given back; of 7.2, where nodes have them, or of 6.1, where one list has. For the specs of
-- what walks them.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START + 0x400
local VARIABLES, NODES, LIST, ROOT, LAZY = S, S + 0x80, S + 0x180, S + 0x190, S + 0x198
local A, B, C, VM = S + 0x200, S + 0x280, S + 0x300, S + 0x380
M.at = {VARIABLES = VARIABLES, A = A, B = B, C = C, VM = VM, START = 0xffffc90000200000}

--- C declarations.
M.TYPES = [[
  struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };
  struct rb_root { struct rb_node *rb_node; };
  struct llist_node { struct llist_node *next; };
  struct llist_head { struct llist_node *first; };
  struct vm_struct { void *addr; unsigned long size, flags; unsigned int nr_pages; unsigned long phys_addr; const void *caller; };
  struct vmap_area { unsigned long va_start, va_end; struct rb_node rb_node; struct list_head list; struct vm_struct *vm;
    unsigned long flags; struct llist_node purge_list; };
  struct rb_list { struct rb_root root; struct list_head head; };
  struct vmap_node { struct rb_list busy, lazy; };
]]

local function ring(k, ...)
  local list = {...}
  for i, at in ipairs(list) do
    assert(k:write(at, ("<i8i8"):pack(list[i % #list + 1], list[(i - 2) % #list + 1])))
  end
end

--- Fills memory of a handle that has the types, and adds to SYMBOLS.
function M.fill(k, symbols, old)
  local t = k:type("struct vmap_area"):strip()
  local link, tree = t:field("list").offset, t:field("rb_node").offset
  local busy, root, lazy = LIST, ROOT, LAZY
  if old then
    symbols.vmap_area_list, symbols.vmap_area_root, symbols.purge_vmap_area_list = LIST, ROOT, LAZY
  else
    symbols.vmap_nodes, symbols.nr_vmap_nodes = VARIABLES, VARIABLES + 8
    assert(k:write(VARIABLES, ("<i8I4"):pack(NODES, 2)))
    local node = k:type("struct vmap_node"):strip()
    local first, second = NODES, NODES + node:size() -- nothing is in the first
    for _, name in ipairs {"busy.head", "lazy.head"} do ring(k, first + node:field(name).offset) end
    busy, root = second + node:field("busy.head").offset, second + node:field("busy.root").offset
    lazy = second + node:field("lazy.head").offset
  end
  ring(k, busy, A + link, B + link)
  ring(k, lazy, C + link)
  assert(k:write(root, ("<i8"):pack(A + tree)))
  local start = M.at.START
  local function set(at, members) memory.set(k, "struct vmap_area", at, members) end
  set(A, {va_start = start, va_end = start + 0x3000, vm = VM, ["rb_node.__rb_parent_color"] = 1, ["rb_node.rb_right"] = B + tree})
  set(B, {va_start = start + 0x4000, va_end = start + 0x5000, flags = 1, ["rb_node.__rb_parent_color"] = A + tree})
  set(C, {va_start = start + 0x8000, va_end = start + 0x9000})
  memory.set(k, "struct vm_struct", VM, {addr = start, size = 0x3000, flags = 2 | 8, nr_pages = 2, caller = M.CALLER})
  symbols.a_caller = M.CALLER
end

M.CALLER = 0xffffffff81234560

return M
