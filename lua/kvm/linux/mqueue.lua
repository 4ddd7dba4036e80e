-- SPDX-License-Identifier: BSD-2-Clause
-- ipc/mqueue.c: POSIX message queues: the files of an IPC namespace's own file system, and in each a red-black tree of messages by priority
-- (struct posix_msg_tree_node, since 3.5). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local dcache = require "kvm.linux.dcache"
local ipc = require "kvm.linux.ipc"
local kallsyms = require "kvm.linux.kallsyms"
local list = require "kvm.linux.list"
local object = require "kvm.object"
local rbtree = require "kvm.linux.rbtree"

local M = {}

local MOST <const> = 1 << 16 -- HARD_MSGMAX: messages of a queue

--- Whether this kernel has POSIX message queues.
-- @param k an open handle
-- @treturn boolean
-- @usage assert(type(kvm.linux.mqueue.is_there(k)) == "boolean")
function M.is_there(k)
  return k:symbol "mqueue_fs_type" ~= nil
end

--- The queues of a namespace.
-- @param ns `struct ipc_namespace`
-- @treturn function an iterator of name and `struct mqueue_inode_info`
-- @raise kvm.Error `notfound`: this kernel has no POSIX message queues (CONFIG_POSIX_MQUEUE); `format` where a list is damaged
-- @usage for name, queue in kvm.linux.mqueue.for_each(kvm.linux.ipc.init_ns(k)) do assert(#name > 0 and queue.qsize >= 0) end
function M.for_each(ns)
  kallsyms.need(object.handle(ns), {"mqueue_fs_type"}, "POSIX message queues", "CONFIG_POSIX_MQUEUE")
  local step = dcache.for_each_child(ns.mq_mnt.mnt_root)
  return function()
    for dentry in step do
      local inode = dentry.d_inode
      if inode then return dcache.name(dentry), object.container_of(inode, "struct mqueue_inode_info", "vfs_inode") end
    end
  end
end

--- The messages of a queue, those with the highest priority first, as they would be received.
-- @param queue `struct mqueue_inode_info`
-- @treturn {table,...} `priority` (integer), `text` (string), `addr` (`struct msg_msg *`)
-- @raise kvm.Error `format` where the tree or a list is damaged; `fault`, `excluded`
-- @usage for _, queue in kvm.linux.mqueue.for_each(kvm.linux.ipc.init_ns(k)) do
--   assert(#kvm.linux.mqueue.messages(queue) == queue.attr.mq_curmsgs) end
function M.messages(queue)
  local out = {}
  for leaf in rbtree.for_each_entry_reverse("struct posix_msg_tree_node", queue.msg_tree, "rb_node", MOST) do
    for m in list.for_each_entry("struct msg_msg", leaf.msg_list, "m_list", MOST) do
      if #out == MOST then kvm_error.fail("format", "a queue of more than %d messages at 0x%x", MOST, object.addr(queue)) end
      out[#out + 1] = {priority = leaf.priority, text = ipc.text(m), addr = object.addr(m)}
    end
  end
  return out
end

return M
