// SPDX-License-Identifier: BSD-2-Clause
// mapper DISK DISK: a mapped device of a guest, which has no dmsetup: "lab" is 2048 sectors of the first
// disk, from sector 4096, then 1024 of the second, from its start, then 512 that fail.
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

enum { SIZE = 4096 };

static struct {
    struct dm_ioctl head;
    char data[SIZE];
} request;
static size_t used;

static void begin(void) {
    memset(&request, 0, sizeof(request));
    memcpy(request.head.version, (unsigned[]){DM_VERSION_MAJOR, 0, 0},
           sizeof(request.head.version));
    request.head.data_size = sizeof(request);
    request.head.data_start = offsetof(typeof(request), data);
    strcpy(request.head.name, "lab");
    used = 0;
}

static void target(unsigned start, unsigned length, const char *type, const char *arguments) {
    struct dm_target_spec *spec = (void *)(request.data + used);
    size_t size = (sizeof(*spec) + strlen(arguments) + 8) & ~7UL;
    spec->sector_start = start;
    spec->length = length;
    spec->next = size;
    strcpy(spec->target_type, type);
    strcpy((char *)(spec + 1), arguments);
    used += size;
    request.head.target_count++;
}

int main(int argc, char **argv) {
    char first[64], second[64];
    int control = open("/dev/mapper/control", O_RDWR);
    if (argc != 3 || control < 0) return 1;
    snprintf(first, sizeof(first), "%s 4096", argv[1]);
    snprintf(second, sizeof(second), "%s 0", argv[2]);
    begin();
    strcpy(request.head.uuid, "LAB-0badcafe");
    if (ioctl(control, DM_DEV_CREATE, &request)) return 2;
    begin();
    target(0, 2048, "linear", first);
    target(2048, 1024, "linear", second);
    target(3072, 512, "error", "");
    if (ioctl(control, DM_TABLE_LOAD, &request)) return 3;
    begin();
    return ioctl(control, DM_DEV_SUSPEND, &request) ? 4 : 0; // without DM_SUSPEND_FLAG: resume
}
