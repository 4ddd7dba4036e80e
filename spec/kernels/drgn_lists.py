# SPDX-License-Identifier: BSD-2-Clause
# Run by drgn: prints, as JSON, the lists that drgn's helpers give of a dump, each as lines of text. drgn_spec.lua makes the same ones.
# A list that this drgn can't make is told as {"error": ...}.
import json

from drgn.helpers.linux import *

LISTS = {}


def lines(fn):
    LISTS[fn.__name__] = fn
    return fn


def text(b):
    return b.decode("utf-8", "backslashreplace")


def init_ns():
    return prog["init_task"].nsproxy


@lines
def tasks():
    for t in for_each_task(prog):
        yield f"{t.tgid.value_()} {t.pid.value_()} {text(t.comm.string_())} {t.value_():#x}"


@lines
def task_states():
    for t in for_each_task(prog):
        yield f"{t.pid.value_()} {task_state_to_char(t)}"


@lines
def task_cpus():
    for t in for_each_task(prog):
        yield f"{t.pid.value_()} {task_cpu(t)}"


@lines
def pids():
    for pid in for_each_pid(prog):
        yield f"{pid.numbers[0].nr.value_()} {pid.value_():#x}"


@lines
def pid_tasks():
    for pid in for_each_pid(prog):
        t = pid_task(pid, prog["PIDTYPE_PID"])
        yield f"{pid.numbers[0].nr.value_()} {t.value_():#x}"


@lines
def command_lines():
    for t in for_each_task(prog):
        if t.mm and t.pid == t.tgid:
            yield f"{t.pid.value_()} {' '.join(text(a) for a in cmdline(t))}"


@lines
def environments():
    for t in for_each_task(prog):
        if t.mm and t.pid == t.tgid:
            yield f"{t.pid.value_()} {' '.join(text(a) for a in environ(t))}"


@lines
def mounts():
    for m in for_each_mount(init_ns().mnt_ns):
        yield f"{text(mount_src(m))} {text(mount_dst(m))} {text(mount_fstype(m))}"


@lines
def files():
    for t in for_each_task(prog):
        if t.pid == t.tgid and t.files:
            for fd, file in for_each_file(t):
                yield f"{t.pid.value_()} {fd} {file.value_():#x}"


@lines
def file_paths():
    # What has no mount of its own (sockets, pipes) drgn calls otherwise.
    for t in for_each_task(prog):
        if t.pid == t.tgid and t.files:
            for fd, file in for_each_file(t):
                if file.f_path.dentry.d_op and file.f_path.dentry.d_op.d_dname:
                    continue
                yield f"{t.pid.value_()} {fd} {text(d_path(file.f_path))}"


@lines
def paths():
    for name in ("/srv/cached", "/proc", "/sys/fs/cgroup/lab/inner", "/dev/null", "/lab/threads"):
        inode = path_lookup(prog, name).dentry.d_inode
        yield f"{name} {inode.i_ino.value_()} {inode.value_():#x}"


@lines
def slab_caches():
    for c in for_each_slab_cache(prog):
        yield f"{text(c.name.string_())} {c.object_size.value_()} {c.value_():#x}"


@lines
def slab_of_tasks():
    for t in for_each_task(prog):
        cache = find_containing_slab_cache(prog, t.value_())
        yield f"{t.pid.value_()} {text(cache.name.string_()) if cache else None}"


@lines
def slab_objects():
    for name in ("task_struct", "mm_struct", "signal_cache"):
        for o in slab_cache_for_each_allocated_object(find_slab_cache(prog, name), "void"):
            yield f"{name} {o.value_():#x}"


@lines
def cgroups():
    for css in css_for_each_descendant_pre(prog["cgrp_dfl_root"].cgrp.self.address_of_()):
        yield f"{text(cgroup_path(css.cgroup))} {css.cgroup.value_():#x}"


@lines
def bpf_programs():
    for p in bpf_prog_for_each(prog):
        yield f"{p.aux.id.value_()} {text(p.aux.name.string_())}"


@lines
def bpf_maps():
    for m in bpf_map_for_each(prog):
        yield f"{m.id.value_()} {text(m.name.string_())}"


@lines
def disks():
    for d in for_each_disk(prog):
        yield f"{text(disk_name(d))} {d.value_():#x}"


@lines
def partitions():
    for p in for_each_partition(prog):
        devt = part_devt(p).value_()
        yield f"{text(part_name(p))} {MAJOR(devt)}:{MINOR(devt)}"


@lines
def net_namespaces():
    for net in for_each_net(prog):
        yield f"{net.ns.inum.value_() & 0xffffffff} {net.value_():#x}"


@lines
def net_devices():
    for name in ("lo", "eth0"):
        dev = netdev_get_by_name(prog, name)
        yield f"{name} {dev.ifindex.value_()} {dev.value_():#x}"


@lines
def tcp_established():
    info = prog["init_net"].ipv4.tcp_death_row.hashinfo
    for i in range(info.ehash_mask.value_() + 1):
        head = info.ehash[i].chain
        if head.first.value_() & 1:
            continue
        for sk in sk_nulls_for_each(head):
            yield f"{sk.__sk_common.skc_state.value_()} {sk.value_():#x}"


@lines
def cpus():
    for name, fn in (("online", for_each_online_cpu), ("possible", for_each_possible_cpu), ("present", for_each_present_cpu)):
        yield f"{name} {' '.join(str(c) for c in fn(prog))}"


@lines
def running():
    for cpu in for_each_online_cpu(prog):
        yield f"{cpu} {per_cpu(prog['runqueues'], cpu).curr.value_():#x} {idle_task(prog, cpu).value_():#x}"


@lines
def memory_committed():
    yield str(percpu_counter_sum(prog["vm_committed_as"].address_of_()))


@lines
def control_group_nodes():
    root = prog["cgrp_dfl_root"].cgrp.kn
    for kn in rbtree_inorder_for_each_entry("struct kernfs_node", root.dir.children.address_of_(), "rb"):
        yield f"{text(kn.name.string_())} {kn.value_():#x}"


@lines
def kernel_objects():
    root = prog["cgrp_dfl_root"].cgrp.kn
    for path in ("lab", "lab/inner", "lab/inner/cgroup.procs"):
        kn = kernfs_walk(root, path)
        yield f"{text(kernfs_path(kn))} {text(kernfs_name(kn))} {kn.value_():#x}"


@lines
def page_cache():
    mapping = path_lookup(prog, "/srv/cached").dentry.d_inode.i_mapping
    for index, entry in xa_for_each(mapping.i_pages.address_of_()):
        yield f"{index} {entry.value_():#x}"


@lines
def process_ids_in_idr():
    for nr, entry in idr_for_each(prog["init_pid_ns"].idr.address_of_()):
        yield f"{nr} {entry.value_():#x}"


@lines
def loaded_modules():
    for m in list_for_each_entry("struct module", prog["modules"].address_of_(), "list"):
        yield text(m.name.string_())


@lines
def users():
    for u in for_each_user(prog):
        yield f"{u.uid.val.value_()} {u.value_():#x}"


@lines
def log():
    for r in get_printk_records(prog):
        yield f"{r.seq} {r.timestamp} {r.level} {text(r.text)}"


@lines
def boot():
    yield f"{kaslr_offset(prog):#x} {bool(pgtable_l5_enabled(prog))}"


@lines
def pages():
    # PageSlab looks at the head of a tail page; the page itself says nothing.
    def own_slab(page):
        return PageSlab(page) and not PageTail(page)

    # The frames 1, 1 + 97, ... : what their structs are, where the kernel has them, some of their flags.
    flags = {"reserved": PageReserved, "lru": PageLRU, "active": PageActive, "dirty": PageDirty, "uptodate": PageUptodate,
             "swapbacked": PageSwapBacked, "slab": own_slab, "head": PageHead, "locked": PageLocked, "writeback": PageWriteback}
    for pfn in range(1, prog["max_pfn"].value_(), 97):
        page = pfn_to_page(prog, pfn)
        yield f"{pfn} {page.value_():#x} {page_to_virt(page).value_():#x} {' '.join(n for n, f in sorted(flags.items()) if f(page))}"


@lines
def task_addresses():
    for t in for_each_task(prog):
        if t.pid == t.tgid and t.pid:
            yield f"{t.pid.value_()} {virt_to_phys(t).value_():#x}"


result = {}
for name, fn in LISTS.items():
    try:
        result[name] = list(fn())
    except Exception as e:
        result[name] = {"error": f"{type(e).__name__}: {e}"[:200]}
print(json.dumps(result))
