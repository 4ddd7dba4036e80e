// SPDX-License-Identifier: BSD-2-Clause
// Members of kernel structs by name (member.h).
#include "os/linux/member.h"

#include <string.h>

// No struct that is looked at has a megabyte; offsets stay far from overflow.
enum { MEMBER_END_MAX = 1 << 20 };

static bool absent(int rc) {
    // INVAL: the path takes another turn here ("rss_stat[0]" where rss_stat is a struct)
    return rc == KVM_NOTFOUND || rc == KVM_INVAL;
}

static int find(struct type_db *types, const struct linux_member *m, struct linux_at *out,
                struct kvm_err *err) {
    uint64_t offset, size;
    struct kvm_err why = {0};
    int rc = type_offset(types, m->type, m->path, &offset, &size, &why);
    if (absent(rc) && m->older) rc = type_offset(types, m->type, m->older, &offset, &size, NULL);
    if (absent(rc)) {
        *out = (struct linux_at){0, 0};
        if (m->optional) return 0;
        return err_set(err, KVM_NOTFOUND, "%s", why.text);
    }
    if (rc) {
        if (err) *err = why;
        return rc;
    }
    if (offset > MEMBER_END_MAX || size > MEMBER_END_MAX - offset)
        return err_set(err, KVM_FORMAT, "types: %s.%s lies at %llu", m->type, m->path,
                       (unsigned long long)offset);
    *out = (struct linux_at){(uint32_t)offset, (uint32_t)size};
    return 0;
}

int linux_members_find(struct type_db *types, const struct linux_member *rows, size_t count,
                       struct linux_at *out, struct kvm_err *err) {
    // Without types every member would be missing: say why there are none.
    if (!type_origin(types, err)) return err && err->code ? err->code : KVM_NOTFOUND;
    for (size_t i = 0; i < count; i++) {
        int rc = find(types, &rows[i], &out[i], err);
        if (rc) return rc;
    }
    return 0;
}

int linux_member_read(const struct reader *virt, uint64_t base, struct linux_at at, uint64_t *out,
                      struct kvm_err *err) {
    uint8_t b[8];
    if (at.size != 1 && at.size != 2 && at.size != 4 && at.size != 8)
        return err_at(err, KVM_FORMAT, base + at.offset, "a number of %u bytes", at.size);
    int rc = reader_read(virt, base + at.offset, b, at.size, err);
    if (rc) return rc;
    switch (at.size) {
    case 1: *out = b[0]; break;
    case 2: *out = bytes_u16(b, virt->big); break;
    case 4: *out = bytes_u32(b, virt->big); break;
    default: *out = bytes_u64(b, virt->big); break;
    }
    return 0;
}

int linux_member_string(const struct reader *virt, uint64_t base, struct linux_at at, char *buf,
                        size_t size, struct kvm_err *err) {
    size_t room = at.size < size - 1 ? at.size : size - 1;
    return reader_string(virt, base + at.offset, buf, room + 1, err);
}
