// SPDX-License-Identifier: BSD-2-Clause
// Where VMCOREINFO comes from: a file that the user names (lines as `makedumpfile -g` writes them, or as
// they are in a note), else the note of the dump, else a search of its memory. From here on it is
// where the note would be; what it says is checked when the kernel is located with it.
#include "session/files.h"

#include "base/mem.h"

enum { FILE_MOST = 1 << 20 }; // bytes; a kernel writes a page

static void take(kvm_t *kd, char *text, size_t len, const char *from) {
    kd->vmcoreinfo = text;
    kd->image->facts.notes.vmcoreinfo = (struct vmcoreinfo){text, len};
    kd->os.facts.vmcoreinfo_from = from;
}

static int check_text(const char *text, size_t len, const char *path, struct kvm_err *err) {
    const char *value;
    size_t size;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < ' ' && c != '\n' && c != '\t') || c == 127)
            return err_set(err, KVM_FORMAT, "%s: no VMCOREINFO: byte 0x%02x at %zu", path, c, i);
    }
    struct vmcoreinfo v = {text, len};
    if (vmcoreinfo_find(&v, "OSRELEASE", &value, &size)) return 0;
    return err_set(err, KVM_FORMAT, "%s: no VMCOREINFO: it has no OSRELEASE line", path);
}

static int from_file(kvm_t *kd, const char *path, struct kvm_err *err) {
    struct file *f;
    int rc = file_open(path, false, &f, err);
    if (rc) return err_prepend(err, rc, "VMCOREINFO");
    char *text = NULL;
    size_t len = (size_t)f->size;
    if (f->size == 0 || f->size > FILE_MOST)
        rc = err_set(err, KVM_FORMAT, "%s: no VMCOREINFO: a file of %llu bytes", path,
                     (unsigned long long)f->size);
    if (rc == 0 && !(text = mem_alloc(len))) rc = err_nomem(err, "VMCOREINFO");
    if (rc == 0) rc = file_read(f, 0, text, len, err);
    while (rc == 0 && text && len && text[len - 1] == '\0')
        len--; // a copy of the kernel's page
    if (rc == 0 && text) rc = check_text(text, len, path, err);
    file_close(f);
    if (rc)
        mem_free(text);
    else
        take(kd, text, len, "file");
    return rc;
}

static int from_memory(kvm_t *kd, struct kvm_err *err) {
    struct os_found found;
    struct image_facts *f = &kd->image->facts;
    int rc = os_search(kd->image, kd->opt.progress, &found, err);
    if (rc == KVM_NOTFOUND && f->unmarked) return image_unmarked(kd->image, err);
    if (rc == KVM_NOTFOUND) {
        if (err) err->code = KVM_UNSUPPORTED;
        return err_prepend(err, KVM_UNSUPPORTED, "%s: no VMCOREINFO in its notes",
                           kd->image->file->path);
    }
    if (rc) return err_prepend(err, rc, "%s", kd->image->file->path);
    f->machine = found.machine;
    f->elf_class = found.elf_class;
    take(kd, found.text, found.len, found.from);
    memcpy(kd->os.facts.found, found.how, sizeof(found.how));
    return 0;
}

int session_vmcoreinfo_find(kvm_t *kd, struct kvm_err *err) {
    if (kd->opt.vmcoreinfo) {
        if (!kd->image->facts.no_memory) return from_file(kd, kd->opt.vmcoreinfo, err);
        return err_set(err, KVM_INVAL, "VMCOREINFO of a core without memory");
    }
    if (kd->image->facts.no_memory) return 0;
    const char *value;
    size_t len;
    if (!vmcoreinfo_find(&kd->image->facts.notes.vmcoreinfo, "OSRELEASE", &value, &len))
        return from_memory(kd, err);
    kd->os.facts.vmcoreinfo_from = "note";
    return 0;
}
