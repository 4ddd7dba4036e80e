-- SPDX-License-Identifier: BSD-2-Clause
-- What other tools have for the same parts of the kernel: drgn's helper modules (0.3.0, linux/*), crash's commands (8.0.2), corelens'
-- modules (drgn-tools). By our module of lua/kvm/linux or command; MISSING is what we have nothing for.
local M = {}

M.modules = {
  bpf = {drgn = {"bpf"}}, cgroup = {drgn = {"cgroup"}}, kernfs = {drgn = {"kernfs"}}, cpumask = {drgn = {"cpumask"}},
    dcache = {drgn = {"fs"}}, fdtable = {drgn = {"fs"}}, fib = {}, hlist = {drgn = {"list", "list_nulls"}},
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
  cpu = {}, ikconfig = {drgn = {"kconfig"}}, jiffies = {}, moduleparam = {drgn = {"module"}}, mqueue = {}, setup = {drgn = {"boot"}},
  sysctl = {}, utsname = {}, vmstat = {drgn = {"vmstat"}}, xarray = {drgn = {"xarray", "radixtree"}}, globals = {},
}

M.commands = {
  bpf = {crash = {"bpf"}}, cgroup = {}, fuser = {crash = {"fuser"}}, cache = {}, convert = {}, files = {crash = {"files"}},
    info = {},
  ipcs = {crash = {"ipcs"}}, irq = {crash = {"irq"}, corelens = {"irq"}},
  kmem = {crash = {"kmem"}, corelens = {"meminfo", "slabinfo", "buddyinfo"}}, list = {crash = {"list"}},
  log = {crash = {"log"}, corelens = {"printk"}}, mod = {crash = {"mod"}, corelens = {"lsmod"}},
  mount = {crash = {"mount"}, corelens = {"mounts"}}, net = {crash = {"net"}, corelens = {"crash_net"}},
  ps = {crash = {"ps"}, corelens = {"task", "cmdline"}}, rd = {crash = {"rd"}}, search = {crash = {"search"}}, swap = {crash = {"swap"}},
    vtop = {crash = {"vtop"}}, run = {}, sig = {crash = {"sig"}}, runq = {crash = {"runq"}, corelens = {"runq"}},
    slim = {},
  sys = {crash = {"sys"}, corelens = {"sys", "cpuinfo", "sysctl"}},
  struct = {crash = {"struct", "union", "p"}}, timer = {crash = {"timer"}, corelens = {"timers"}}, sym = {crash = {"sym"}}, triage = {},
    vm = {crash = {"vm"}}, whatis = {crash = {"whatis"}},
}

M.missing = {
  drgn = {"bitmap", "bitops", "block", "completion", "device", "kthread", "llist", "locking", "nodemask", "pid", "plist",
    "sbitmap", "stack", "stackdepot", "swait", "sysfs", "tc", "user", "wait"},
  crash = {"bt", "btop", "dev", "dis", "eval", "foreach", "mach", "pte", "ptob", "ptov", "sbitmapq", "task", "tree", "waitq",
    "wr"},
  corelens = {"block", "bt", "dentry", "dm", "ext4_dirlock", "fsnotify", "inflightio", "iscsi", "kernfs_memcg", "kvm",
    "list_lru", "lock", "lockup", "md", "memstate", "mlx5", "multipath", "nfs_tools", "numastat", "nvme", "partition", "pstack", "rds",
    "scsi", "spinlock", "targetcli", "vectorinfo", "virtio", "virtutil", "workqueue"},
}

return M
