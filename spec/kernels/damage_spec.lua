-- SPDX-License-Identifier: BSD-2-Clause
-- Real memory of a kernel in which thousands of words of its own structures were overwritten: with NULL, with noise, with pointers to other
-- structures, with small numbers. Every command ends, with records or with where it stopped; none falls over what it meets.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"
local registry = require "kvm.cmd"
local schemas = require "spec.support.schemas"

local SEEDS, WORDS, MOST_RECORDS, MOST_VALIDATED = 3, 3000, 200000, 2000
-- What a command needs to be told; those that write files, run other commands or ask of types are left out.
local OPTIONS = {
  bpf = {},
  bt = {all = true, contents = true},
  cache = {},
  cgroup = {tasks = true},
  dcache = {list = true},
  dev = {diskstats = true, queues = true, scsi = true, majors = true},
  files = {},
  flame = {},
  fuser = {file = "/srv/cached"},
  info = {},
  ipcs = {contents = true},
  irq = {},
  kmem = {slab = true, zones = true, events = true, info = true, vmalloc = true, check = true, objects = "kmalloc-*", page_flags = true,
    flag_names = "ff", nodes = true, hugepages = true, addrs = {"init_task"}},
  list = {start = "init_task.tasks", type = "struct task_struct", member = "tasks", show = {"pid", "comm"}},
  log = {},
  mod = {parameters = true, sections = true},
  mount = {},
  net = {sockets = true, routes = true, neighbours = true, netfilter = true, softnet = true},
  ps = {tree = true, credentials = true, namespaces = true, cgroups = true, paths = true, limits = true, environ = true, last_run = true},
  runq = {},
  sig = {limits = true},
  swap = {},
  sys = {what = "sysctl"},
  timer = {},
  tree = {start = "init_pid_ns", kind = "idr", type = "struct pid", show = {"level"}},
  vm = {pages = true},
  waitq = {addr = "cgroup_mutex", type = "mutex"},
  wq = {all = true},
}
local LEFT_OUT = {triage = true, report = true,
  sym = true, rd = true, dis = true, search = true, vtop = true, ptov = true, ptob = true, btop = true,
  pte = true, struct = true, whatis = true, run = true, slim = true, convert = true, diff = true}

-- Pages of structures that the commands walk.
local function places(k)
  local linux, out = kvm.linux, {}
  local function add(o) out[#out + 1] = o and kvm.addr(o) & ~4095 or out[1] end
  for task in linux.list.for_each_entry("struct task_struct", k:object("init_task").tasks, "tasks") do
    for _, o in ipairs {task, task.files or task, task.mm or task, task.signal or task, task.fs or task, task.cgroups} do add(o) end
  end
  for m in linux.mount.for_each_mount(k:object("init_task").nsproxy.mnt_ns) do
    add(m)
    add(m.mnt.mnt_root)
  end
  for disk in linux.blkdev.for_each_disk(k) do
    for _, o in ipairs {disk, disk.part0, disk.queue, disk.queue.tag_set} do add(o) end
    for _, hctx in linux.blk_mq.for_each_hw_queue(disk.queue) do
      add(hctx)
      add(hctx.tags)
    end
  end
  for cache in linux.slab.for_each_slab_cache(k) do add(cache) end
  for _, protocol in ipairs(linux.sock.PROTOCOLS) do
    for sock in linux.sock.for_each(k:object "init_net", protocol) do add(sock) end
  end
  return out
end

local function damage(k)
  local pages = places(k)
  local function somewhere() return pages[math.random(#pages)] + 8 * math.random(0, 511) end
  local values = {function() return 0 end, function() return math.random(0) end, somewhere, function() return math.random(0, 255) end}
  for _ = 1, WORDS do assert(k:write(somewhere(), ("<i8"):pack(values[math.random(#values)]()))) end
end

for _, key in ipairs {"live510", "live61", "live612", "live72"} do
  matrix.describe(key, "elf", function(dump)
    for seed = 1, SEEDS do
      it("damaged as " .. seed .. " tells does not break a command", function()
        math.randomseed(seed)
        local k <close> = kvm.check(kvm.open {core = dump.path, write = true})
        damage(k)
        local report, stopped, collected = matrix.report(), 0, schemas.new()
        for _, name in ipairs(registry.names) do
          assert.is_true(OPTIONS[name] ~= nil or LEFT_OUT[name] ~= nil, name .. " is not in this spec")
          local ok, err = pcall(function()
            local count = 0
            for rec in OPTIONS[name] and registry.get(name).run(k, OPTIONS[name]) or function() end do
              count = count + 1
              if count <= MOST_VALIDATED then collected:add_record(name, rec) end
              if rec.stopped then stopped = stopped + 1 end
              assert(count <= MOST_RECORDS, "it does not end")
            end
          end)
          if not ok and not kvm.error.is(err) then report.add("%s: %s", name, tostring(err)) end
        end
        report.check()
        if schemas.can_validate() then assert.are.equal("", collected:wrong()) end
        assert.is_true(stopped > 0)
      end)
    end
  end)
end
