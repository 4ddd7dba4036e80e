-- SPDX-License-Identifier: BSD-2-Clause
-- The @usage lines of commands and of the Linux helpers are run on a built kernel of each layout, and on the real dumps that
-- are there.
local harness = require "spec.support.harness"
local usage = require "spec.support.usage"

local paths = {}
for _, folder in ipairs {"lua/kvm/linux", "lua/kvm/cmd", "lua/kvm/cli"} do
  for _, path in ipairs(usage.files(folder, "lua")) do paths[#paths + 1] = path end
end

describe("the usage lines of commands", function()
  harness.guard()
  usage.describe {
    paths = paths, at_least = 20,
    on_built = { -- built kernels have few types; sorted
      "block_class",
      "cmd.cgroup",
      "cmd.dcache",
      "cmd.dev",
      "cmd.ipcs",
      "cmd.net",
      "device.majors",
      "for_each_disk",
      "hrtimer_bases",
      "init_css_set",
      "init_net",
      "init_pid_ns",
      "init_task",
      "linux.bpf",
      "linux.cgroup",
      "linux.cpu",
      "linux.cred",
      "linux.dcache",
      "linux.fs",
      "linux.fs_struct",
      "linux.hugetlb",
      "linux.ioport",
      "linux.ipc",
      "linux.irq",
      "linux.jiffies",
      "linux.kernfs",
      "linux.meminfo",
      "linux.mmzone",
      "linux.moduleparam",
      "linux.mqueue",
      "linux.namei",
      "linux.neighbour",
      "linux.net_namespace",
      "linux.nsproxy",
      "linux.page_flags",
      "linux.pagemap",
      "linux.pci",
      "linux.pid",
      "linux.rq",
      "linux.setup",
      "linux.signal",
      "linux.slab",
      "linux.slub",
      "linux.sysctl",
      "linux.timer",
      "linux.vmalloc",
      "linux.vmstat",
      "memory_failure_cpu",
      "moduleparam",
      "nl_table",
      "nodemask",
      "struct rq",
      "super_blocks",
      "task_parts",
      "uidhash_table",
      "unnamed_dev_ida",
      "vm_committed_as",
    },
    -- maple trees came with 6.1; Debian's cloud kernels have CONFIG_MEMORY_FAILURE since 6.12
    lacks = {["k510/kdump"] = {"maple_tree", "linux.loop.device", "memory_failure_cpu"}, ["k61/vmcore"] = {"memory_failure_cpu"},
      ["examples/panic.kdump"] = {"memory_failure_cpu"}},
    dumps = {"k510/kdump", "k61/vmcore", "k612/kdump", "k72/vmcore", "live612/elf"},
  }
end)
