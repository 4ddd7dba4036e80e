-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with two mounts, a few dentries, a task with files and an address space, for the specs of what walks them.
local memory = require "spec.support.memory"

local M = {}

M.DECLARATIONS = [[
  struct hlist_node { struct hlist_node *next, **pprev; };
  struct hlist_head { struct hlist_node *first; };
  struct kuid { unsigned int val; };
  struct xarray { unsigned int xa_lock, xa_flags; void *xa_head; };
  struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent; struct xarray *array; void *slots[64];
    unsigned long marks[3][1]; };
  struct address_space { struct xarray i_pages; unsigned long nrpages; };
  struct counted { int counter; };
  struct hlist_bl_node { struct hlist_bl_node *next, **pprev; };
  struct qstr { unsigned int hash, len; const unsigned char *name; };
  struct dentry_operations { char *(*d_dname)(void); };
  struct super_operations { int x; };
  struct file_system_type { const char *name; };
  struct super_block { unsigned int s_dev; unsigned long s_flags; struct file_system_type *s_type; const char *s_subtype;
    struct backing_dev_info *s_bdi; struct list_head s_inodes; };
  struct inode { unsigned short i_mode; struct super_block *i_sb; unsigned long i_ino; long i_size; void *i_private;
    char *i_link; struct hlist_head i_dentry; struct list_head i_sb_list; unsigned int i_state, i_nlink; struct kuid i_uid, i_gid;
    struct address_space *i_mapping; struct counted i_count; unsigned long dirtied_when; };
  struct backing_dev_info { unsigned int capabilities; };
  struct dentry { unsigned int d_flags; struct hlist_node d_sib, d_alias; struct hlist_head d_children; struct super_block *d_sb;
    struct hlist_bl_node d_hash; struct dentry *d_parent; struct qstr d_name; struct inode *d_inode;
    struct dentry_operations *d_op; };
  struct vfsmount { struct dentry *mnt_root; struct super_block *mnt_sb; int mnt_flags; };
  struct mnt_namespace { struct list_head list; };
  struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt; const char *mnt_devname;
    struct list_head mnt_list; struct mount *mnt_master; int mnt_id, mnt_group_id; };
  struct path { struct vfsmount *mnt; struct dentry *dentry; };
  struct file { struct path f_path; struct inode *f_inode; unsigned int f_flags; long f_pos; };
  struct fdtable { unsigned int max_fds; struct file **fd; unsigned long *close_on_exec, *open_fds, *full_fds_bits; };
  struct files_struct { struct fdtable *fdt; };
  struct fs_struct { int umask; struct path root, pwd; };
  struct nsproxy { struct mnt_namespace *mnt_ns; };
  struct vm_operations_struct { const char *(*name)(void); };
  struct swap_info_struct { unsigned long flags; };
  struct counter { long counter; };
  struct mm_rss_stat { struct counter count[4]; };
  struct mm_struct { struct vm_area_struct *mmap; unsigned long brk, start_brk, start_stack; struct file *exe_file;
    unsigned long total_vm, hiwater_vm, hiwater_rss, locked_vm, data_vm, exec_vm, stack_vm, start_code, end_code;
    struct counter pinned_vm, pgtables_bytes; struct mm_rss_stat rss_stat; };
  struct vm_area_struct { unsigned long vm_start, vm_end; struct vm_area_struct *vm_next; struct mm_struct *vm_mm; unsigned long vm_flags;
    struct vm_operations_struct *vm_ops; unsigned long vm_pgoff; struct file *vm_file; void *vm_private_data; };
  struct opened { struct files_struct *files; struct fs_struct *fs; struct nsproxy *nsproxy; struct mm_struct *mm; };
]]

local S = memory.START
M.SB, M.INODE, M.TYPE, M.NAMES = S, S + 0x1100, S + 0x80, S + 0x100
M.ROOT_MOUNT, M.MOUNT, M.NS = S + 0x200, S + 0x280, S + 0x300
M.FILE, M.FDT, M.FILES, M.ARRAY, M.BITS, M.CLOEXEC = S + 0x340, S + 0x660, S + 0x3a0, S + 0x400, S + 0x3b0, S + 0x3b8
M.TASK, M.FS, M.MM, M.NSPROXY = S + 0x3c0, S + 0x620, S + 0x1900, S + 0x3f0
function M.dentry(i) return S + 0x700 + 0x80 * i end
function M.area(i) return S + 0xb00 + 0x60 * i end

-- 0 is /, 1 /srv, on which 2 (another file system's /) is mounted, 3 is its "dir", 4 dir's "file".
local DENTRIES = {[0] = {0, "/"}, {0, "srv"}, {2, "/"}, {2, "dir"}, {3, "file"}}

-- Makes dentries the children of the one above them (as since 6.8), and the inode's first name the file.
local function children(k, set)
  local sib = k:type("struct dentry"):strip():field("d_sib").offset
  local head = k:type("struct dentry"):strip():field("d_children").offset
  for i, d in pairs(DENTRIES) do
    if i ~= d[1] then
      local at = M.dentry(d[1]) + head
      set("dentry", M.dentry(d[1]), {["d_children.first"] = M.dentry(i) + sib})
      set("dentry", M.dentry(i), {["d_sib.pprev"] = at})
    end
  end
end

--- An open handle with all that in it; words are written with M.set.
function M.open()
  local k = memory.open(M.DECLARATIONS)
  local set = function(t, at, members) memory.set(k, "struct " .. t, at, members) end
  assert(k:write(M.NAMES, "testfs\0" .. "/dev/x\0"))
  set("super_block", M.SB, {s_dev = 254 << 20 | 17, s_type = M.TYPE, s_flags = 1 << 4})
  set("file_system_type", M.TYPE, {name = M.NAMES})
  set("inode", M.INODE, {i_mode = 0x81a4, i_sb = M.SB, i_ino = 12, i_size = 5})
  for i, d in pairs(DENTRIES) do
    local name = M.NAMES + 0x20 + 0x10 * i
    assert(k:write(name, d[2]))
    set("dentry", M.dentry(i), {d_parent = M.dentry(d[1]), ["d_name.len"] = #d[2], ["d_name.name"] = name, d_inode = M.INODE,
      ["d_hash.pprev"] = 1, d_sb = M.SB})
  end
  children(k, set)
  set("mount", M.ROOT_MOUNT, {mnt_parent = M.ROOT_MOUNT, mnt_mountpoint = M.dentry(0), ["mnt.mnt_root"] = M.dentry(0),
    ["mnt.mnt_sb"] = M.SB, mnt_devname = M.NAMES, mnt_id = 1})
  set("mount", M.MOUNT, {mnt_parent = M.ROOT_MOUNT, mnt_mountpoint = M.dentry(1), ["mnt.mnt_root"] = M.dentry(2), ["mnt.mnt_sb"] = M.SB,
    ["mnt.mnt_flags"] = 0x1021, mnt_devname = M.NAMES + 7, mnt_id = 28, mnt_group_id = 3, mnt_master = M.ROOT_MOUNT})
  local link = k:type("struct mount"):strip():field("mnt_list").offset
  local ring = {M.NS, M.ROOT_MOUNT + link, M.MOUNT + link}
  for i, at in ipairs(ring) do
    assert(k:write(at, ("<I8"):pack(ring[i % 3 + 1])))
    assert(k:write(ring[i % 3 + 1] + 8, ("<I8"):pack(at)))
  end
  local mnt = k:type("struct mount"):strip():field("mnt").offset
  set("file", M.FILE, {["f_path.mnt"] = M.MOUNT + mnt, ["f_path.dentry"] = M.dentry(4), f_inode = M.INODE, f_flags = 2, f_pos = 3})
  set("fdtable", M.FDT, {max_fds = 64, fd = M.ARRAY, open_fds = M.BITS, close_on_exec = M.CLOEXEC,
    full_fds_bits = M.CLOEXEC + 0x28})
  set("files_struct", M.FILES, {fdt = M.FDT})
  assert(k:write(M.BITS, ("<I8I8"):pack(1 << 0 | 1 << 3 | 1 << 5, 1 << 3)))
  assert(k:write(M.ARRAY, ("<I8I8I8I8I8I8"):pack(M.FILE, 0, 0, M.FILE, 0, 0)))
  set("fs_struct", M.FS, {["root.mnt"] = M.ROOT_MOUNT + mnt, ["root.dentry"] = M.dentry(0), ["pwd.mnt"] = M.MOUNT + mnt,
    ["pwd.dentry"] = M.dentry(3)})
  set("nsproxy", M.NSPROXY, {mnt_ns = M.NS})
  set("mm_struct", M.MM, {mmap = M.area(0), start_brk = 0x7000, brk = 0x8000, start_stack = 0xf800, total_vm = 40, hiwater_vm = 30,
    hiwater_rss = 6, data_vm = 3, exec_vm = 9, stack_vm = 2, start_code = 0x1800, end_code = 0x2800,
    ["pgtables_bytes.counter"] = 8192})
  local rss = k:type("struct mm_struct"):strip():field("rss_stat").offset
  assert(k:write(M.MM + rss, ("<i8i8i8i8"):pack(1, 4, 2, -1)))
  for i, a in pairs {[0] = {0x1000, 0x3000, 5, M.FILE}, {0x7000, 0x8000, 3}, {0xf000, 0x10000, 0x83}, {0x20000, 0x21000, 0}} do
    set("vm_area_struct", M.area(i), {vm_start = a[1], vm_end = a[2], vm_flags = a[3], vm_file = a[4] or 0, vm_mm = M.MM, vm_pgoff = 2,
      vm_next = i < 3 and M.area(i + 1) or 0})
  end
  set("opened", M.TASK, {files = M.FILES, fs = M.FS, nsproxy = M.NSPROXY, mm = M.MM})
  return k, k:object(M.TASK, "struct opened"), set
end

return M
