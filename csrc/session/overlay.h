// SPDX-License-Identifier: BSD-2-Clause
// Pages of physical memory that were written to: copies in memory that stand before the image.
#ifndef KVM_SESSION_OVERLAY_H
#define KVM_SESSION_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OVERLAY_PAGE_SIZE = 4096 };

struct session_overlay;
struct session_overlay *overlay_create(void);
void overlay_destroy(struct session_overlay *o); // NULL-safe
// The copy of the page of frame number PFN, or NULL when it was never written.
uint8_t *overlay_find(const struct session_overlay *o, uint64_t pfn);
// A copy for PFN, which has none yet; its bytes are not set. NULL when out of memory.
uint8_t *overlay_add(struct session_overlay *o, uint64_t pfn);
// Calls fn for every copied page, in no order.
void overlay_each(const struct session_overlay *o,
                  void (*fn)(void *ctx, uint64_t pfn, const uint8_t *bytes), void *ctx);

#endif
