// SPDX-License-Identifier: BSD-2-Clause
// Walking a struct list_head {next, prev}. Every step checks that the node reached points back, so
// each node has one predecessor only and a walk can't come back to where it was: a cycle is found
// as a wrong back link. The number of steps is bounded all the same.
#include "os/linux/list.h"

enum { NEXT, PREV };

struct walk {
    const struct reader *virt;
    uint64_t head;
    linux_list_visit *fn;
    void *ctx;
    struct kvm_err *err;
    uint32_t left;
    uint64_t stop; // the node at which the forward walk broke off; head: it did not
};

static int read_links(const struct reader *virt, uint64_t node, uint64_t links[2],
                      struct kvm_err *err) {
    uint8_t b[16];
    size_t word = virt->word_size;
    int rc = reader_read(virt, node, b, 2 * word, err);
    for (int i = 0; rc == 0 && i < 2; i++)
        links[i] = word == 4 ? bytes_u32(b + 4 * i, virt->big) : bytes_u64(b + 8 * i, virt->big);
    return rc;
}

static int broken(struct kvm_err *err, uint64_t node, uint64_t got, uint64_t want) {
    return err_at(err, KVM_FORMAT, node,
                  "the list is damaged: 0x%llx points back to 0x%llx, not 0x%llx",
                  (unsigned long long)node, (unsigned long long)got, (unsigned long long)want);
}

// From FROM, whose next entry is NODE, to the head.
static int forward(struct walk *w, uint64_t from, uint64_t node, uint64_t *last) {
    uint64_t links[2];
    for (; node != w->head; node = links[NEXT]) {
        w->stop = node;
        if (w->left-- == 0)
            return err_at(w->err, KVM_FORMAT, node, "more than %d entries", LINUX_LIST_MAX);
        int rc = read_links(w->virt, node, links, w->err);
        if (rc == 0 && links[PREV] != from) rc = broken(w->err, node, links[PREV], from);
        if (rc) return rc;
        w->stop = w->head;
        rc = w->fn(w->ctx, node);
        if (rc) return rc;
        from = node;
    }
    *last = from;
    return 0;
}

// From FROM, whose previous entry is NODE, to the head or to where the forward walk broke off.
// Stops without a word at the next damage.
static int backward(struct walk *w, uint64_t from, uint64_t node) {
    uint64_t links[2];
    for (; node != w->head && node != w->stop; node = links[PREV]) {
        if (w->left == 0 || read_links(w->virt, node, links, NULL) || links[NEXT] != from) return 0;
        w->left--;
        int rc = w->fn(w->ctx, node);
        if (rc) return rc;
        from = node;
    }
    return 0;
}

static int whole(struct walk *w, const uint64_t links[2]) {
    uint64_t last = w->head;
    int rc = forward(w, w->head, links[NEXT], &last);
    if (rc == 0) return last == links[PREV] ? 0 : broken(w->err, w->head, links[PREV], last);
    if (w->stop != w->head) {
        int ended = backward(w, w->head, links[PREV]);
        if (ended) {
            err_clear(w->err);
            return ended;
        }
    }
    return rc;
}

// Whether the entries form a ring among themselves: a walk from ENTRY, each of whose steps is good, comes
// back to it and not to the head.
static bool headless(const struct walk *w, uint64_t entry, uint64_t node) {
    uint64_t links[2], from = entry;
    for (uint32_t i = 0; i < LINUX_LIST_MAX && node != w->head; i++, node = links[NEXT]) {
        if (read_links(w->virt, node, links, NULL) || links[PREV] != from) return false;
        if (node == entry) return true;
        from = node;
    }
    return false;
}

// The head can't be read: what is known of it is its address.
static int around(struct walk *w, uint64_t entry) {
    uint64_t links[2], last;
    int rc = read_links(w->virt, entry, links, w->err);
    if (rc) return rc;
    err_clear(w->err);
    rc = w->fn(w->ctx, entry);
    if (rc) return rc;
    if (headless(w, entry, links[NEXT]))
        return err_at(w->err, KVM_FORMAT, entry,
                      "the list of 0x%llx does not lead to its head, 0x%llx",
                      (unsigned long long)entry, (unsigned long long)w->head);
    rc = forward(w, entry, links[NEXT], &last);
    if (rc && w->err->code == 0) return rc;
    int ended = backward(w, entry, links[PREV]);
    if (ended) err_clear(w->err);
    return ended ? ended : rc;
}

int linux_list_each_around(const struct reader *virt, uint64_t head, uint64_t entry,
                           const char *what, linux_list_visit *fn, void *ctx, struct kvm_err *err) {
    struct kvm_err why = {0};
    uint64_t links[2];
    struct walk w = {virt, head, fn, ctx, &why, LINUX_LIST_MAX, head};
    int rc = read_links(virt, head, links, &why);
    if (rc == 0)
        rc = whole(&w, links);
    else if (entry)
        rc = around(&w, entry);
    if (rc && why.code) {
        if (err) *err = why;
        err_prepend(err, rc, "%s", what);
    }
    return rc;
}

int linux_list_each(const struct reader *virt, uint64_t head, const char *what,
                    linux_list_visit *fn, void *ctx, struct kvm_err *err) {
    return linux_list_each_around(virt, head, 0, what, fn, ctx, err);
}
