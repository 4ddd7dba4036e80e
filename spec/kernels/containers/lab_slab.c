// SPDX-License-Identifier: BSD-2-Clause
// Slab caches and areas of virtual memory, whose contents slub_spec.lua and vmalloc_spec.lua know.
#include "lab.h"

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define LAB_OBJECTS 200

struct lab_slab_object {
    long id;
    char text[96];
};

static struct kmem_cache *lab_slab, *lab_slab_bad;
static struct lab_slab_object
    *lab_slab_objects[LAB_OBJECTS]; // all that were allocated, in that order
static void *lab_slab_overwritten;  // a free object of lab_slab_bad: its list leads nowhere
static void *lab_vmalloc __used;    // five pages
static void *lab_vmap __used;       // lab_page, mapped a second time
static struct page *lab_page; // the second one of two that are one; the first has private 0x1abbed

static struct kmem_cache *lab_cache(const char *name) {
    // A part that may be copied to user space keeps a cache from being merged with others.
    return kmem_cache_create_usercopy(name, sizeof(struct lab_slab_object), 0, 0,
                                      offsetof(struct lab_slab_object, text), 8, NULL);
}

// Objects 0 to 199, of which each third is free again.
static void objects(void) {
    int i;
    lab_slab = lab_cache("lab_slab");
    for (i = 0; lab_slab && i < LAB_OBJECTS; i++) {
        lab_slab_objects[i] = kmem_cache_zalloc(lab_slab, GFP_KERNEL);
        if (lab_slab_objects[i]) lab_slab_objects[i]->id = 7000 + i;
    }
    for (i = 0; lab_slab && i < LAB_OBJECTS; i += 3)
        kmem_cache_free(lab_slab, lab_slab_objects[i]);
}

// Full slabs, but for one object that is written to when it is free. Nothing is taken from there again.
static void overwritten(void) {
    static void *all[LAB_OBJECTS];
    int i;
    lab_slab_bad = lab_cache("lab_slab_bad");
    if (!lab_slab_bad) return;
    for (i = 0; i < LAB_OBJECTS; i++)
        all[i] = kmem_cache_alloc(lab_slab_bad, GFP_KERNEL);
    lab_slab_overwritten = all[10];
    if (!lab_slab_overwritten) return;
    kmem_cache_free(lab_slab_bad, lab_slab_overwritten);
    kmem_cache_shrink(lab_slab_bad); // no CPU keeps it
    memset(lab_slab_overwritten, 'A', sizeof(struct lab_slab_object));
}

static void areas(void) {
    struct page *pages = alloc_pages(GFP_KERNEL | __GFP_COMP, 1);
    lab_vmalloc = vmalloc(5 * PAGE_SIZE);
    if (!pages) return;
    lab_page = pages + 1;
    set_page_private(pages, 0x1abbed);
    lab_vmap = vmap(&lab_page, 1, VM_MAP, PAGE_KERNEL);
}

void lab_slabs(void) {
    objects();
    overwritten();
    areas();
}
