-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm tree: the entries of a tree of the kernel: red-black trees in order, XArrays, radix trees, IDRs and maple trees by index. A tree
-- that is damaged is told as far as it goes.
local entries = require "kvm.cmd.entries"
local idr = require "kvm.linux.idr"
local kvm_error = require "kvm.error"
local maple_tree = require "kvm.linux.maple_tree"
local object = require "kvm.object"
local rbtree = require "kvm.linux.rbtree"
local walk = require "kvm.cmd.walk"
local words = require "kvm.cmd.words"
local xarray = require "kvm.linux.xarray"

local M = {
  name = "tree",
  summary = "the entries of a tree",
  operands = {{key = "start", name = "ROOT"}},
  options = {
    {flags = "-k --kind", value = "KIND", help = "rbtree (default), cached (rb_root_cached), xarray, radix, idr, maple"},
    {flags = "-t --type", value = "TYPE", help = "the struct of the entries"},
    {flags = "-m --member", value = "MEMBER", help = "its struct rb_node (of red-black trees)"},
    {flags = "-s --show", value = "MEMBERS", type = "list", help = "members to show of each, with commas"},
    {flags = "-c --count", value = "MOST", type = "integer", help = "at most so many"},
    {flags = "-V --validate", help = "go over the whole tree and tell its size, or what is wrong with it"},
  },
  columns = entries.COLUMNS,
  no_match = "the tree is empty",
}

-- Each kind: the struct of its root, its module, its entries: an iterator of index and address, from 0 where they have no index.
local function counted(step)
  local index = -1
  return function()
    local o = step()
    index = index + 1
    if o then return index, object.addr(o) end
  end
end

local function in_order(k, root, opts)
  if not opts.type then return counted(rbtree.for_each(root)) end
  if not opts.member then error {usage = "--type needs --member, its struct rb_node"} end
  return counted(rbtree.for_each_entry(words.type(k, opts.type), root, opts.member))
end

local function by_range(_, root)
  local step = maple_tree.for_each(root)
  return function()
    local first, _, entry = step()
    return first, entry
  end
end

local KINDS <const> = {
  rbtree = {struct = "struct rb_root", module = rbtree, entries = in_order},
  cached = {struct = "struct rb_root_cached", module = rbtree, entries = in_order},
  xarray = {struct = "struct xarray", module = xarray, entries = function(_, root) return xarray.for_each(root) end},
  idr = {struct = "struct idr", module = idr, entries = function(_, root) return idr.for_each(root) end},
  maple = {struct = "struct maple_tree", module = maple_tree, entries = by_range},
}
KINDS.radix = KINDS.xarray -- since 4.20

--- The entries of a tree.
-- @param k an open handle
-- @tparam table opts start (symbol, SYMBOL.MEMBER or address of the root), kind ("rbtree", "cached", "xarray", "radix", "idr", "maple"),
--  type, member (of "rbtree" and "cached"), show ({string,...}: members), count, validate
-- @treturn function an iterator of records: index (the entry's; of red-black trees counted from 0), addr (of the entry; without type of its
--  node), members (text by path), partial (paths that could not be read); with validate one: index (how many there are); what damages the
--  tree is the last record, see kvm.cmd.walk
-- @raise kvm.Error `notfound`
-- @usage for e in require "kvm.cmd.tree".run(k, {start = "init_pid_ns", kind = "idr", count = 3}) do assert(e.addr) end
function M.run(k, opts)
  local kind = KINDS[opts.kind or "rbtree"]
  if not kind then error {usage = ("there are no trees of kind %s"):format(opts.kind)} end
  if opts.show and not opts.type then error {usage = "--show needs --type"} end
  local root = kvm_error.check(k:object(entries.start(k, opts.start), kind.struct))
  return walk.records(function(emit)
    if opts.validate then
      local count, err = kind.module.validate(root)
      if not count then error(err, 0) end
      emit {index = count}
      return
    end
    local count = 0
    for index, addr in kind.entries(k, root, opts) do
      if opts.count and count >= opts.count then return end
      count = count + 1
      emit(entries.record(k, addr, opts, index))
    end
  end)
end

return M
