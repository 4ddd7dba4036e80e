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
    paths = paths, at_least = 20, on_built = {"init_task", "struct rq", "uidhash_table", "init_pid_ns", "init_net", "nl_table",
      "vm_committed_as", "linux.ioport", "linux.pci",
      "linux.vmstat", "linux.mmzone", "linux.meminfo", "linux.slab", "linux.signal", "linux.kernfs", "linux.cgroup", "linux.bpf",
        "cmd.cgroup",
        "linux.rq", "linux.timer", "linux.pagemap", "linux.irq", "linux.ipc",
        "linux.neighbour",
        "linux.net_namespace",
        "linux.jiffies", "linux.sysctl", "linux.moduleparam", "linux.cpu", "linux.setup", "linux.mqueue", "moduleparam",
      "cmd.ipcs", "cmd.net"}, -- built kernels have few types
    lacks = {["k510/kdump"] = {"maple_tree"}}, -- since 6.1
    dumps = {"k510/kdump", "k61/vmcore", "k612/kdump", "k72/vmcore", "live612/elf"},
  }
end)
