-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a file system of POSIX message queues: a name without a file, and a queue of two messages of two priorities, for the specs of
-- what walks them.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local NS <const>, MNT <const>, ROOT <const>, CHILD <const>, GONE <const>, QUEUE <const> = S, S + 0x40, S + 0x80, S + 0x100, S + 0x180,
  S + 0x200
local LOW <const>, HIGH <const>, FIRST <const>, SECOND <const>, NAME <const> = S + 0x400, S + 0x480, S + 0x500, S + 0x580, S + 0x600
M.at = {NS = NS, ROOT = ROOT, CHILD = CHILD, QUEUE = QUEUE, FIRST = FIRST, SECOND = SECOND, LOW = LOW}

local CHILDREN <const> = { -- since 6.8, and before
  [true] = "struct hlist_head d_children; struct hlist_node d_sib;", [false] = "struct list_head d_subdirs, d_child;",
}

--- An open handle, the namespace, a function that sets members; memory.forget behind the test. HASHED: as since 6.8.
function M.open(hashed)
  local k = memory.open(([[
    struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };
    struct rb_root { struct rb_node *rb_node; };
    struct hlist_node { struct hlist_node *next, **pprev; };
    struct hlist_head { struct hlist_node *first; };
    struct qstr { unsigned int hash, len; const unsigned char *name; };
    struct inode { unsigned short i_mode; struct { unsigned int val; } i_uid, i_gid; };
    struct dentry { unsigned int d_flags; struct dentry *d_parent; struct qstr d_name; struct inode *d_inode; %s };
    struct vfsmount { struct dentry *mnt_root; };
    struct ipc_namespace { struct vfsmount *mq_mnt; };
    struct mq_attr { long mq_curmsgs; };
    struct mqueue_inode_info { int lock; struct inode vfs_inode; struct rb_root msg_tree; struct mq_attr attr; struct pid *notify_owner;
      unsigned long qsize; };
    struct upid { int nr; };
    struct pid { struct upid numbers[1]; };
    struct posix_msg_tree_node { struct rb_node rb_node; struct list_head msg_list; int priority; };
    struct msg_msgseg { struct msg_msgseg *next; };
    struct msg_msg { struct list_head m_list; long m_type; unsigned long m_ts; struct msg_msgseg *next; };
  ]]):format(CHILDREN[hashed or false]))
  memory.symbols {init_ipc_ns = NS, shm_init_ns = NS, mqueue_fs_type = NAME}
  local function set(t, at, members) memory.set(k, "struct " .. t, at, members) end
  local function place(t, member) return k:type("struct " .. t):strip():field(member).offset end
  local function ring(...)
    local nodes = {...}
    for i, at in ipairs(nodes) do
      local next = nodes[i % #nodes + 1]
      assert(k:write(at, ("<I8"):pack(next)))
      assert(k:write(next + 8, ("<I8"):pack(at)))
    end
  end
  set("ipc_namespace", NS, {mq_mnt = MNT})
  set("vfsmount", MNT, {mnt_root = ROOT})
  if hashed then
    local head, sib = ROOT + place("dentry", "d_children"), place("dentry", "d_sib")
    assert(k:write(head, ("<I8"):pack(GONE + sib)))
    assert(k:write(GONE + sib, ("<I8I8"):pack(CHILD + sib, head)))
    assert(k:write(CHILD + sib, ("<I8I8"):pack(0, GONE + sib)))
  else
    local child = place("dentry", "d_child")
    ring(ROOT + place("dentry", "d_subdirs"), GONE + child, CHILD + child)
  end
  assert(k:write(NAME, "a-queue"))
  set("dentry", CHILD, {d_parent = ROOT, ["d_name.len"] = 7, ["d_name.name"] = NAME,
    d_inode = QUEUE + place("mqueue_inode_info", "vfs_inode")})
  set("dentry", GONE, {d_parent = ROOT, d_inode = 0})
  local node = place("posix_msg_tree_node", "rb_node")
  set("mqueue_inode_info", QUEUE, {["vfs_inode.i_mode"] = 0x8180, ["msg_tree.rb_node"] = LOW + node, ["attr.mq_curmsgs"] = 2, qsize = 7,
    ["vfs_inode.i_uid.val"] = 5, ["vfs_inode.i_gid.val"] = 6})
  set("posix_msg_tree_node", LOW, {priority = 1, ["rb_node.__rb_parent_color"] = 1, ["rb_node.rb_right"] = HIGH + node})
  set("posix_msg_tree_node", HIGH, {priority = 9, ["rb_node.__rb_parent_color"] = LOW + node})
  ring(LOW + place("posix_msg_tree_node", "msg_list"), FIRST)
  ring(HIGH + place("posix_msg_tree_node", "msg_list"), SECOND)
  set("msg_msg", FIRST, {m_ts = 3})
  set("msg_msg", SECOND, {m_ts = 4})
  assert(k:write(FIRST + k:type("struct msg_msg"):size(), "low"))
  assert(k:write(SECOND + k:type("struct msg_msg"):size(), "high"))
  return k, k:object(NS, "struct ipc_namespace"), set
end

return M
