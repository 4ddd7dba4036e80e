-- SPDX-License-Identifier: BSD-2-Clause
-- Our lists of a dump are those that drgn gives, which has the kernel's debug file: drgn_lists.py prints them, here are ours in the same
-- words (drgn 0.3.0 of Debian's sid, which knows all releases here).
local kvm = require "kvm"
local drgn = require "spec.kernels.drgn"
local matrix = require "spec.kernels.matrix"
require "kvm.object"

local linux = kvm.linux

local LISTS = {}

local function hex(o) return ("0x%x"):format(math.type(o) == "integer" and o or kvm.addr(o)) end

local function each_task(k, threads, fn)
  for p in k:procs("all", nil, threads) do fn(p, k:object(p.addr, "struct task_struct")) end
end

function LISTS.tasks(k, add)
  each_task(k, true, function(p) add("%d %d %s %s", p.pid, p.tid, p.comm, hex(p.addr)) end)
end

function LISTS.task_states(k, add)
  each_task(k, true, function(p) add("%d %s", p.tid, p.state) end)
end

function LISTS.task_cpus(k, add)
  each_task(k, true, function(p) add("%d %d", p.tid, p.cpu) end)
end

function LISTS.pids(k, add)
  for nr, pid in linux.pid.for_each(linux.pid.init_ns(k)) do add("%d %s", nr, hex(pid)) end
end

function LISTS.pid_tasks(k, add)
  for nr, pid in linux.pid.for_each(linux.pid.init_ns(k)) do
    local task = linux.pid.for_each_task(pid)()
    add("%d %s", nr, task and hex(task) or "0x0")
  end
end

local function user_strings(name)
  return function(k, add)
    for p in k:procs() do
      if p.mm ~= 0 then add("%d %s", p.pid, table.concat(kvm.check(k[name](k, p)), " ")) end
    end
  end
end
LISTS.command_lines, LISTS.environments = user_strings "argv", user_strings "environ"

function LISTS.mounts(k, add)
  local ns = k:object("init_task").nsproxy.mnt_ns
  for m in linux.mount.for_each_mount(ns) do add("%s %s %s", linux.mount.device(m), linux.mount.dir(m), linux.mount.fstype(m)) end
end

local function each_file(k, fn)
  each_task(k, false, function(p, task)
    if task.files then
      for fd, file in linux.fdtable.for_each_file(task) do fn(p, fd, file) end
    end
  end)
end

function LISTS.files(k, add)
  each_file(k, function(p, fd, file) add("%d %d %s", p.pid, fd, hex(file)) end)
end

function LISTS.file_paths(k, add)
  each_file(k, function(p, fd, file)
    local ops = file.f_path.dentry.d_op
    if not (ops and ops.d_dname) then add("%d %d %s", p.pid, fd, (linux.dcache.d_path(file.f_path):gsub(" %(deleted%)$", ""))) end
  end)
end

local function lookup(k, path)
  local task = k:object "init_task"
  return linux.namei.lookup(linux.pid.for_each_task(linux.pid.find(linux.pid.init_ns(k), 1))().fs.root, task.nsproxy.mnt_ns, path)
end

function LISTS.paths(k, add)
  for _, path in ipairs {"/srv/cached", "/proc", "/sys/fs/cgroup/lab/inner", "/dev/null", "/lab/threads"} do
    local inode = lookup(k, path).d_inode
    add("%s %d %s", path, inode.i_ino, hex(inode))
  end
end

function LISTS.slab_caches(k, add)
  for c in linux.slab.for_each_slab_cache(k) do add("%s %d %s", linux.slab.name(c), c.object_size, hex(c)) end
end

function LISTS.slab_of_tasks(k, add)
  each_task(k, true, function(p)
    local info = linux.slub.object_info(k, p.addr)
    add("%d %s", p.tid, info and info.name or "None")
  end)
end

function LISTS.slab_objects(k, add)
  for _, name in ipairs {"task_struct", "mm_struct", "signal_cache"} do
    local cache = linux.slab.find_slab_cache(k, name)
    local kept = linux.slub.kept(cache)
    for slab in linux.slub.for_each_slab(cache) do
      for addr, state in linux.slub.for_each_object(slab, kept) do
        if state == "used" then add("%s %s", name, hex(addr)) end
      end
    end
  end
end

function LISTS.cgroups(k, add)
  for g in linux.cgroup.for_each_descendant(linux.cgroup.root(k)) do add("%s %s", linux.cgroup.path(g), hex(g)) end
end

function LISTS.bpf_programs(k, add)
  for _, p in linux.bpf.for_each_prog(k) do add("%d %s", p.aux.id, p.aux.name) end
end

function LISTS.bpf_maps(k, add)
  for _, m in linux.bpf.for_each_map(k) do add("%d %s", m.id, m.name) end
end

function LISTS.disks(k, add)
  for d in linux.blkdev.for_each_disk(k) do add("%s %s", d.disk_name, hex(d)) end
end

function LISTS.partitions(k, add)
  for d in linux.blkdev.for_each_disk(k) do
    for part in linux.blkdev.for_each_part(d) do add("%s %d:%d", linux.blkdev.name(part), linux.blkdev.numbers(part)) end
  end
end

function LISTS.net_namespaces(k, add)
  for net in linux.net_namespace.for_each_net(k) do add("%d %s", net.ns.inum, hex(net)) end
end

function LISTS.net_devices(k, add)
  for dev in linux.netdevice.for_each_netdev(linux.net_namespace.init_net(k)) do add("%s %d %s", dev.name, dev.ifindex, hex(dev)) end
end

function LISTS.tcp_established(k, add)
  for sk in linux.sock.for_each(linux.net_namespace.init_net(k), "tcp") do
    if sk.skc_state ~= 10 then add("%d %s", sk.skc_state, hex(sk)) end -- TCP_LISTEN has a table of its own
  end
end

function LISTS.cpus(k, add)
  for _, which in ipairs {"online", "possible", "present"} do add("%s %s", which, table.concat(linux.cpumask.of(k, which), " ")) end
end

function LISTS.running(k, add)
  for _, cpu in ipairs(linux.cpumask.of(k, "online")) do
    local rq = linux.rq.of(k, cpu)
    add("%d %s %s", cpu, hex(rq.curr), hex(rq.idle))
  end
end

function LISTS.memory_committed(k, add)
  add("%d", linux.percpu.counter_sum(k:object(k:symbol("vm_committed_as").value, "struct percpu_counter")))
end

function LISTS.control_group_nodes(k, add)
  local root = linux.cgroup.root(k).kn
  for node in linux.rbtree.for_each_entry("struct kernfs_node", root.dir.children, "rb") do add("%s %s", kvm.string(node.name),
    hex(node)) end
end

function LISTS.kernel_objects(k, add)
  local wanted = {["/lab"] = true, ["/lab/inner"] = true, ["/lab/inner/cgroup.procs"] = true}
  local function descend(node)
    if wanted[linux.kernfs.path(node)] then add("%s %s %s", linux.kernfs.path(node), linux.kernfs.name(node), hex(node)) end
    if not node.dir.children.rb_node or node.flags & 1 == 0 then return end -- KERNFS_DIR
    for child in linux.rbtree.for_each_entry("struct kernfs_node", node.dir.children, "rb") do descend(child) end
  end
  descend(linux.cgroup.root(k).kn)
end

function LISTS.page_cache(k, add)
  for index, entry in linux.xarray.for_each(lookup(k, "/srv/cached").d_inode.i_mapping.i_pages) do add("%d %s", index, hex(entry)) end
end

function LISTS.process_ids_in_idr(k, add)
  for nr, entry in linux.idr.for_each(linux.pid.init_ns(k).idr) do add("%d %s", nr, hex(entry)) end
end

function LISTS.loaded_modules(k, add)
  for m in k:modules() do add("%s", m.name) end
end

function LISTS.users(k, add)
  for u in linux.user.for_each_user(k) do add("%d %s", u.uid.val, hex(u)) end
end

function LISTS.log(k, add)
  for r in linux.printk.records(k) do add("%d %d %d %s", r.seq, r.time_ns, r.level, r.text) end
end

function LISTS.boot(k, add)
  local info = k:info()
  add("0x%x %s", info.kaslr_offset, info.vmcoreinfo["NUMBER(pgtable_l5_enabled)"] == "1" and "True" or "False")
end

local FLAGS = {"active", "dirty", "head", "locked", "lru", "reserved", "slab", "swapbacked", "uptodate", "writeback"}

function LISTS.pages(k, add)
  for pfn = 1, k:u64(k:symbol("max_pfn").value) - 1, 97 do
    local at, has, names = linux.pagemap.pfn_to_page(k, pfn), {}, {}
    local page = linux.page_flags.describe(k, at)
    for _, name in ipairs(page.names) do has[name] = true end
    if page.type then has[page.type] = true end -- since 6.10 a slab is told by its type (46df8e73a4a3)
    for _, name in ipairs(FLAGS) do names[#names + 1] = has[name] and name or nil end
    add("%d %s %s %s", pfn, hex(at), hex(linux.mm.phys_to_virt(k, pfn * k:info().page_size)), table.concat(names, " "))
  end
end

function LISTS.task_addresses(k, add)
  for p in k:procs() do add("%d 0x%x", p.pid, (k:translate(p.addr))) end
end

local function compare(key, core, release)
  describe(("%s/%s beside drgn"):format(key, core), function()
    local why = drgn.absent(key, core, release)
    if why then
      local state = os.getenv "CI" == "true" and it or pending
      return state("has the same lists: " .. why:gsub("%s+", " "), function() error(why, 0) end)
    end
    local k, lists
    setup(function()
      local path = ("%s/%s/%s"):format(matrix.dir, key, core)
      k, lists = kvm.check(kvm.open(path)), drgn.run(path, release, "spec/kernels/drgn_lists.py")
    end)
    teardown(function() k:close() end)

    for name, list in pairs(LISTS) do
      it("has the same " .. name:gsub("_", " "), function()
        local own = {}
        list(k, function(form, ...) own[#own + 1] = form:format(...) end)
        assert.is_true(#own > 0)
        local other = assert(lists[name], "drgn_lists.py has no such list")
        assert.is_nil(other.error)
        table.sort(own)
        table.sort(other)
        local report, at = matrix.report(), {}
        for _, line in ipairs(other) do at[line] = (at[line] or 0) + 1 end
        for _, line in ipairs(own) do
          if (at[line] or 0) == 0 then report.add("only ours: %s", line) else at[line] = at[line] - 1 end
        end
        for line, n in pairs(at) do
          if n > 0 then report.add("only drgn's: %s", line) end
        end
        report.check()
      end)
    end
  end)
end

for _, release in ipairs {"510", "61", "612", "72"} do
  compare("k" .. release, "vmcore", release) -- it crashed
  compare("live" .. release, "elf", release)
  compare("busy" .. release, "elf", release)
end
