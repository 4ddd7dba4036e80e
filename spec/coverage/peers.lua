-- SPDX-License-Identifier: BSD-2-Clause
-- What other tools have for the same parts of the kernel: drgn's helper modules (0.3.0, linux/*), crash's commands (8.0.2), corelens'
-- modules (drgn-tools). By our module of lua/kvm/linux or command; MISSING is what we have nothing for.
local M = {}

M.modules = {
  blk_mq = {drgn = {"block"}}, blkdev = {drgn = {"block"}}, device = {drgn = {"device"}}, fs = {drgn = {"fs"}}, klist = {drgn = {"klist"}},
  loop = {}, namei = {drgn = {"fs"}}, nvme = {},
  bpf = {drgn = {"bpf"}}, cgroup = {drgn = {"cgroup"}}, kernfs = {drgn = {"kernfs"}}, cpumask = {drgn = {"cpumask"}},
    dcache = {drgn = {"fs"}}, fdtable = {drgn = {"fs"}}, fib = {}, hlist = {drgn = {"list", "list_nulls"}},
  bitmap = {drgn = {"bitmap", "bitops"}}, interval_tree = {}, kfifo = {}, nodemask = {drgn = {"nodemask"}},
  radix_tree = {drgn = {"radixtree"}}, sbitmap = {drgn = {"sbitmap"}}, timerqueue = {},
  idr = {drgn = {"idr"}}, ioport = {drgn = {"ioport"}}, ipc = {drgn = {"ipc"}}, irq = {drgn = {"irq"}}, kallsyms = {drgn = {"kallsyms"}},
  list = {drgn = {"list"}}, maple_tree = {drgn = {"mapletree"}}, meminfo = {drgn = {"swap", "hugetlb"}}, mm = {drgn = {"mm"}},
  mm_types = {drgn = {"mm"}}, mmzone = {drgn = {"mmzone"}}, module = {drgn = {"module"}}, mount = {drgn = {"fs"}},
    neighbour = {drgn = {"net"}},
  net_namespace = {drgn = {"net"}}, pagemap = {drgn = {"mm", "fs"}}, netdevice = {drgn = {"net"}}, panic = {drgn = {"panic"}},
    pci = {drgn = {"pci"}},
  percpu = {drgn = {"percpu"}}, printk = {drgn = {"printk"}}, rbtree = {drgn = {"rbtree"}}, rhashtable = {}, rq = {drgn = {"sched"}},
    sched = {drgn = {"sched"}},
  signal = {drgn = {"signal", "resource"}}, slab = {drgn = {"slab"}}, sock = {drgn = {"net", "tcp"}},
    timekeeping = {drgn = {"timekeeping"}}, timer = {drgn = {"timer"}},
    vmcore_info = {drgn = {"boot"}},
  vmstat = {drgn = {"vmstat"}}, xarray = {drgn = {"xarray"}}, globals = {},
}

M.commands = {
  dcache = {corelens = {"dentry"}}, dev = {crash = {"dev"}, corelens = {"block", "inflightio", "partition", "nvme"}},
  bpf = {crash = {"bpf"}}, cgroup = {}, fuser = {crash = {"fuser"}}, cache = {}, convert = {}, files = {crash = {"files"}},
    info = {crash = {"sys"}, corelens = {"sys"}},
  ipcs = {crash = {"ipcs"}}, irq = {crash = {"irq"}, corelens = {"irq"}},
  kmem = {crash = {"kmem"}, corelens = {"meminfo", "slabinfo", "buddyinfo"}}, list = {crash = {"list"}},
  log = {crash = {"log"}, corelens = {"printk"}}, mod = {crash = {"mod"}, corelens = {"lsmod"}},
  mount = {crash = {"mount"}, corelens = {"mounts"}}, net = {crash = {"net"}, corelens = {"crash_net"}},
  ps = {crash = {"ps"}, corelens = {"task", "cmdline"}}, rd = {crash = {"rd"}}, search = {crash = {"search"}}, swap = {crash = {"swap"}},
    vtop = {crash = {"vtop"}}, run = {}, sig = {crash = {"sig"}}, runq = {crash = {"runq"}, corelens = {"runq"}},
    slim = {},
  struct = {crash = {"struct", "union", "p"}}, timer = {crash = {"timer"}, corelens = {"timers"}}, sym = {crash = {"sym"}}, triage = {},
    vm = {crash = {"vm"}}, whatis = {crash = {"whatis"}},
}

M.missing = {
  drgn = {"completion", "kconfig", "kthread", "llist", "locking", "pid", "plist",
    "stack", "stackdepot", "swait", "sysfs", "tc", "user", "wait"},
  crash = {"bt", "btop", "dis", "eval", "foreach", "mach", "pte", "ptob", "ptov", "sbitmapq", "task", "tree", "waitq",
    "wr"},
  corelens = {"bt", "cpuinfo", "dm", "ext4_dirlock", "fsnotify", "iscsi", "kernfs_memcg", "kvm",
    "list_lru", "lock", "lockup", "md", "memstate", "mlx5", "multipath", "nfs_tools", "numastat", "pstack", "rds",
    "scsi", "spinlock", "sysctl", "targetcli", "vectorinfo", "virtio", "virtutil", "workqueue"},
}

return M
