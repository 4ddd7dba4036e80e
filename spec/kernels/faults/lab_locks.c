// SPDX-License-Identifier: BSD-2-Clause
// Locks that are never given back: a per-CPU semaphore that a reader keeps, bits that nobody clears, two inodes locked in two orders.
#include "lab_faults.h"

#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/pagemap.h>
#include <linux/percpu-rwsem.h>
#include <linux/sched.h>
#include <linux/wait_bit.h>

static noinline void lab_keep(void) {
    for (;;)
        schedule_timeout_uninterruptible(MAX_SCHEDULE_TIMEOUT);
}

// --- percpu_rwsem: one reads for ever, one wants to write, one wants to read behind it
DEFINE_STATIC_PERCPU_RWSEM(lab_percpu_sem);

static int lab_percpu_reader(void *unused) {
    percpu_down_read(&lab_percpu_sem);
    lab_keep();
    percpu_up_read(&lab_percpu_sem);
    return 0;
}
static noinline int lab_percpu_write(void *unused) {
    percpu_down_write(&lab_percpu_sem);
    percpu_up_write(&lab_percpu_sem);
    return 0;
}
static noinline int lab_percpu_read(void *unused) {
    percpu_down_read(&lab_percpu_sem);
    percpu_up_read(&lab_percpu_sem);
    return 0;
}
void lab_percpu_rwsem(void) {
    kthread_run(lab_percpu_reader, NULL, "lab-percpu-has");
    msleep(200);
    kthread_run(lab_percpu_write, NULL, "lab-percpu-w");
    msleep(500);
    kthread_run(lab_percpu_read, NULL, "lab-percpu-r");
}

// --- bits: one of a variable, the lock of a page
static unsigned long lab_word;
static struct page *lab_page;

static noinline int lab_wait_bit(void *unused) {
    wait_on_bit(&lab_word, 3, TASK_UNINTERRUPTIBLE);
    return 0;
}
static int lab_page_holder(void *unused) {
    lock_page(lab_page);
    lab_keep();
    unlock_page(lab_page);
    return 0;
}
static noinline int lab_lock_page(void *unused) {
    msleep(200);
    lock_page(lab_page);
    unlock_page(lab_page);
    return 0;
}
void lab_bit_lock(void) {
    lab_page = alloc_page(GFP_KERNEL);
    if (!lab_page) return;
    set_bit(3, &lab_word);
    kthread_run(lab_page_holder, NULL, "lab-page-has");
    kthread_run(lab_wait_bit, NULL, "lab-bit");
    kthread_run(lab_lock_page, NULL, "lab-page");
}

// --- inodes of two files of tmpfs
static struct file *lab_files[2];

static noinline int lab_lock_inodes(void *number) {
    long i = (long)number;

    inode_lock(file_inode(lab_files[i]));
    msleep(300);
    inode_lock(file_inode(lab_files[1 - i]));
    inode_unlock(file_inode(lab_files[1 - i]));
    inode_unlock(file_inode(lab_files[i]));
    return 0;
}
void lab_inode_lock(void) {
    lab_files[0] = filp_open("/tmp/lab-a", O_CREAT | O_RDWR, 0600);
    lab_files[1] = filp_open("/tmp/lab-b", O_CREAT | O_RDWR, 0600);
    if (IS_ERR(lab_files[0]) || IS_ERR(lab_files[1])) return;
    kthread_run(lab_lock_inodes, (void *)0L, "lab-inode-ab");
    kthread_run(lab_lock_inodes, (void *)1L, "lab-inode-ba");
}
