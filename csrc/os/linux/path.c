// SPDX-License-Identifier: BSD-2-Clause
// The path of an open file: names from its dentry up to the root of its mount, on from the point it
// is mounted at, to the mount that is its own parent (prepend_path in fs/d_path.c). Checked against
// the types of Linux 5.10 to 7.2. Overmounted roots and chroot are not taken into account.
#include "os/linux/linux.h"

enum {
    FILE_MNT,
    FILE_DENTRY,
    PARENT,
    NAME,
    NAME_LEN,
    MNT_ROOT,
    MOUNT_MNT,
    MOUNT_PARENT,
    MOUNT_POINT,
    MEMBERS
};
static const struct linux_member members[MEMBERS] = {
    [FILE_MNT] = {"struct file", "f_path.mnt", NULL, false},
    [FILE_DENTRY] = {"struct file", "f_path.dentry", NULL, false},
    [PARENT] = {"struct dentry", "d_parent", NULL, false},
    [NAME] = {"struct dentry", "d_name.name", NULL, false},
    [NAME_LEN] = {"struct dentry", "d_name.len", NULL, false},
    [MNT_ROOT] = {"struct vfsmount", "mnt_root", NULL, false},
    [MOUNT_MNT] = {"struct mount", "mnt", NULL, false},
    [MOUNT_PARENT] = {"struct mount", "mnt_parent", NULL, false},
    [MOUNT_POINT] = {"struct mount", "mnt_mountpoint", NULL, false},
};

enum { STEPS_MAX = 4096, DNAME_MAX = 255 }; // PATH_MAX / 2 names and as many mounts; NAME_MAX

struct climb {
    const struct reader *virt;
    struct linux_at at[MEMBERS];
    char *buf;
    size_t start; // of what is written, from the end of buf down
    struct kvm_err *err;
};

static int get(const struct climb *c, uint64_t base, int m, uint64_t *out) {
    return linux_member_read(c->virt, base, c->at[m], out, c->err);
}

// Puts "/NAME" in front. 1: no more room.
static int prepend(struct climb *c, uint64_t dentry) {
    uint64_t name, len;
    char b[DNAME_MAX];
    int rc = get(c, dentry, NAME, &name);
    if (rc == 0) rc = get(c, dentry, NAME_LEN, &len);
    if (rc) return rc;
    if (len > DNAME_MAX)
        return err_at(c->err, KVM_FORMAT, dentry, "a file name of %llu bytes",
                      (unsigned long long)len);
    rc = reader_read(c->virt, name, b, (size_t)len, c->err);
    if (rc) return rc;
    if (len + 1 > c->start) {
        for (int i = 0; i < 3 && c->start > 0; i++)
            c->buf[--c->start] = '.';
        return 1;
    }
    c->start -= (size_t)len;
    memcpy(c->buf + c->start, b, (size_t)len);
    c->buf[--c->start] = '/';
    return 0;
}

// One step up. 1: the root was reached, or the buffer is full.
static int step(struct climb *c, uint64_t *dentry, uint64_t *mount) {
    uint64_t root, parent;
    int rc = get(c, *mount + c->at[MOUNT_MNT].offset, MNT_ROOT, &root);
    if (rc == 0) rc = get(c, *dentry, PARENT, &parent);
    if (rc) return rc;
    if (*dentry != root && *dentry != parent) {
        rc = prepend(c, *dentry);
        *dentry = parent;
        return rc;
    }
    uint64_t above;
    rc = get(c, *mount, MOUNT_PARENT, &above);
    if (rc) return rc;
    if (above == *mount) return 1;
    rc = get(c, *mount, MOUNT_POINT, dentry);
    *mount = above;
    return rc;
}

int linux_file_path(struct os *os, uint64_t file, char *buf, size_t size, struct kvm_err *err) {
    struct climb c = {.virt = &os->virt, .buf = buf, .start = size - 1, .err = err};
    uint64_t dentry, mount;
    buf[size - 1] = '\0';
    int rc = linux_members_find(os->types, members, MEMBERS, c.at, err);
    if (rc == 0) rc = get(&c, file, FILE_DENTRY, &dentry);
    if (rc == 0) rc = get(&c, file, FILE_MNT, &mount);
    if (rc) return rc;
    mount -= c.at[MOUNT_MNT].offset;
    for (int i = 0; rc == 0 && i < STEPS_MAX; i++)
        rc = step(&c, &dentry, &mount);
    if (rc == 0) return err_at(err, KVM_FORMAT, file, "a path of more than %d steps", STEPS_MAX);
    if (rc < 0) return rc;
    if (c.start == size - 1 && c.start > 0) buf[--c.start] = '/';
    memmove(buf, buf + c.start, size - c.start);
    return 0;
}
