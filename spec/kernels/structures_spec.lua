-- SPDX-License-Identifier: BSD-2-Clause
-- The kernel's own trees, arrays and bitmaps: all that can be reached is whole, and says what the guest said, or what another structure
-- says of the same things.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

local linux = kvm.linux

-- makedumpfile 1.7 takes slab pages of 7.2 for free ones and leaves them out.
local function is_torn(dump) return dump.key == "k72" and dump.is_filtered end

-- Address spaces by pid.
local function spaces(k)
  local out = {}
  for task in linux.list.for_each_entry("struct task_struct", k:object("init_task").tasks, "tasks") do
    if task.mm then out[task.pid] = task.mm end
  end
  return out
end

-- /proc/PID/maps of the guest: by pid a list of "start-end offset".
local function maps_of(truth)
  local out = {}
  for line in truth.raw.pid_maps:gmatch "[^\n]+" do
    local pid, from, to, offset, name = line:match "^(%d+)/maps:(%x+)-(%x+) %S+ (%x+) %S+ %d+ *(.*)"
    if name ~= "[vsyscall]" then
      out[tonumber(pid)] = out[tonumber(pid)] or {}
      table.insert(out[tonumber(pid)], {tonumber(from, 16), tonumber(to, 16), tonumber(offset, 16)})
    end
  end
  return out
end

-- The first hardware context of a queue: in an array in 5.10 and 7.2, in an XArray in 6.1 and 6.12.
local function hardware_context(k, queue)
  if not k:type("struct request_queue"):strip():field "hctx_table" then return queue.queue_hw_ctx[0] end
  return select(2, linux.xarray.for_each_entry("struct blk_mq_hw_ctx", queue.hctx_table)())
end

local function all(step)
  local out = {}
  for v in step do out[#out + 1] = v end
  return out
end

matrix.each(function(dump)
  if is_torn(dump) then return end
  local k
  setup(function() k = dump:open() end)

  it("has address spaces that are whole, and as /proc/PID/maps showed them", function()
    local report, compared, mms = matrix.report(), 0, spaces(k)
    for pid, mm in pairs(mms) do
      local of_maple = k:type("struct mm_struct"):strip():field "mm_mt"
      local count, err
      if of_maple then count, err = linux.maple_tree.validate(mm.mm_mt) else count, err = linux.rbtree.validate(mm.mm_rb) end
      if count ~= mm.map_count and not dump.is_busy then report.add("%d: %s areas of %d: %s", pid, count, mm.map_count, err) end
    end
    for pid, areas in pairs(maps_of(dump:truth())) do
      local mm = mms[pid]
      if mm and mm.map_count == #areas then -- else it has changed since
        compared = compared + 1
        local at = 0
        local function check(area)
          at = at + 1
          local a = areas[at]
          if not a or area.vm_start ~= a[1] or area.vm_end ~= a[2] then
            report.add("%d: area %d is %x-%x", pid, at, area.vm_start, area.vm_end)
          end
        end
        if not k:type("struct mm_struct"):strip():field "mm_mt" then
          for area in linux.rbtree.for_each_entry("struct vm_area_struct", mm.mm_rb, "vm_rb") do check(area) end
        else
          for first, last, entry in linux.maple_tree.for_each(mm.mm_mt) do
            local area = k:object(entry, "struct vm_area_struct")
            if area.vm_start ~= first or area.vm_end ~= last + 1 then report.add("%d: %x is not of %x", pid, first, area.vm_start) end
            check(area)
          end
          for _, a in ipairs(areas) do
            local entry = linux.maple_tree.load(mm.mm_mt, a[2] - 1)
            if entry == 0 or k:object(entry, "struct vm_area_struct").vm_start ~= a[1] then report.add("%d: nothing at %x", pid, a[1]) end
          end
        end
      end
    end
    report.check()
    assert.is_true(compared >= 20, compared .. " compared")
  end)

  it("has the mappings of each file in its interval tree", function()
    local report, mappings, seen = matrix.report(), {}, {}
    for _, mm in pairs(spaces(k)) do
      if not seen[mm] then
        seen[mm] = true
        for area in linux.mm_types.for_each_vma(mm) do
          local mapping = area.vm_file and area.vm_file.f_mapping
          if mapping then
            mappings[mapping] = mappings[mapping] or {count = 0}
            mappings[mapping].count = mappings[mapping].count + 1
            table.insert(mappings[mapping], area)
          end
          if area.anon_vma and not seen[area.anon_vma] then
            seen[area.anon_vma] = true
            local n, err = linux.interval_tree.validate(area.anon_vma.rb_root, linux.interval_tree.ANON)
            if not n and not dump.is_busy then report.add("%s", err) end
          end
        end
      end
    end
    local files = 0
    for mapping, areas in pairs(mappings) do
      local interval_tree = linux.interval_tree
      local count, err = interval_tree.validate(mapping.i_mmap, interval_tree.MAPPINGS)
      if count ~= areas.count and not dump.is_busy then report.add("%s of %d areas: %s", count, areas.count, err) end
      local area = areas[1]
      local found = false
      for other in interval_tree.for_each(mapping.i_mmap, interval_tree.MAPPINGS, area.vm_pgoff, area.vm_pgoff) do
        found = found or other == area
      end
      if not found and not dump.is_busy then report.add("%x is not found", area.vm_start) end
      files = files + 1
    end
    report.check()
    assert.is_true(files >= 3, files .. " files")
  end)

  it("has the tasks in the IDR of pids", function()
    local report, pids = matrix.report(), {}
    local idr = k:object("init_pid_ns", "struct pid_namespace").idr
    for nr, pid in linux.idr.for_each_entry("struct pid", idr) do
      if pid.numbers[0].nr ~= nr then report.add("%d is %d", nr, pid.numbers[0].nr) end
      pids[nr] = pid
    end
    for tid in pairs(dump:truth().tasks) do
      local at = linux.idr.find(idr, tonumber(tid))
      if not dump.is_busy and (at == 0 or pids[tonumber(tid)] ~= k:object(at, "struct pid")) then report.add("%s is missing", tid) end
    end
    report.check()
    if not dump.is_busy then assert.is_truthy(linux.idr.validate(idr)) end
  end)

  it("has page caches that are whole, also that of a file that was written", function()
    local report, arrays, cached = matrix.report(), 0, nil
    for sb in linux.list.for_each_entry("struct super_block", k:object("super_blocks", "struct list_head"), "s_list") do
      for inode in linux.list.for_each_entry("struct inode", sb.s_inodes, "i_sb_list") do
        local n, err = linux.xarray.validate(inode.i_data.i_pages)
        arrays = arrays + 1
        if not n and not dump.is_busy then report.add("%s", err) end
      end
    end
    report.check()
    assert.is_true(arrays > 5000, arrays .. " page caches")
    local truth = dump:truth().objects
    for task in linux.list.for_each_entry("struct task_struct", k:object("init_task").tasks, "tasks") do
      if task.pid == truth.pid then cached = linux.fdtable.fget(task, truth.cached) end
    end
    if not cached then error "the file is not open" end
    local pages, size = {}, cached.f_inode.i_size
    for index, _, span in linux.xarray.for_each(cached.f_mapping.i_pages) do
      for i = index, index + span - 1 do pages[i] = true end
    end
    for i = 0, (size - 1) // 4096 do
      assert.is_true(pages[i], i)
      assert.are_not.equal(0, linux.xarray.load(cached.f_mapping.i_pages, i))
    end
    for _ in linux.xarray.for_each_marked(cached.f_mapping.i_pages, 0) do error "a page is dirty, after sync" end
  end)

  it("has numbers of file systems without a device", function()
    local ids = {}
    for id in linux.idr.for_each_id(kvm.check(k:object(k:symbol("unnamed_dev_ida").value, "struct ida"))) do ids[id] = true end
    for sb in linux.list.for_each_entry("struct super_block", k:object("super_blocks", "struct list_head"), "s_list") do
      if sb.s_dev >> 20 == 0 then -- MAJOR
        assert.is_true(ids[sb.s_dev & 0xfffff], sb.s_id)
        assert.is_true(linux.idr.has_id(k:object(k:symbol("unnamed_dev_ida").value, "struct ida"), sb.s_dev & 0xfffff))
      end
    end
  end)

  it("has high resolution timers in order", function()
    local timers = 0
    for cpu = 0, 1 do
      local base = linux.percpu.per_cpu(k, "hrtimer_bases", cpu, "struct hrtimer_cpu_base")
      for i = 0, #base.clock_base - 1 do
        local head = base.clock_base[i].active
        local n, err = linux.timerqueue.validate(head)
        if not dump.is_busy then
          assert.is_truthy(n, err)
          assert.are.equal(n, #all(linux.timerqueue.for_each_entry("struct hrtimer", head, "node")))
          timers = timers + n
        end
      end
    end
    assert.is_true(dump.is_busy or timers >= 100, timers .. " timers")
  end)

  it("knows CPUs and nodes", function()
    local cpus = dump:truth().cpus
    local mask = k:object(kvm.check(k:symbol "__cpu_online_mask").value, "struct cpumask")
    assert.are.same({cpus.online, tonumber(cpus.nproc)}, {linux.cpumask.list(mask), linux.cpumask.weight(mask)})
    local nodes = {}
    for node in dump:truth().raw.node_meminfo:gmatch "Node (%d+) MemTotal" do nodes[#nodes + 1] = tonumber(node) end
    if #nodes == 0 then nodes = {0} end -- a kernel without NUMA
    assert.are.same(nodes, linux.nodemask.of(k, "N_ONLINE"))
    assert.are.same(nodes, linux.nodemask.of(k, "N_MEMORY"))
  end)

  it("knows the tags of disks", function()
    local seen, depths = {}, {}
    for name, depth in dump:truth().raw.block:gmatch "(%w+)/queue/nr_requests:(%d+)" do depths[name] = tonumber(depth) end
    for sb in linux.list.for_each_entry("struct super_block", k:object("super_blocks", "struct list_head"), "s_list") do
      local disk = sb.s_bdev and sb.s_bdev.bd_disk
      if disk and not seen[disk.disk_name] then
        local q = disk.queue
        local ctx = hardware_context(k, q)
        local tags = ctx.sched_tags or ctx.tags
        local queue = linux.sbitmap.queue(tags.bitmap_tags)
        seen[disk.disk_name] = true
        assert.are.equal(depths[disk.disk_name], queue.depth, disk.disk_name)
        local usage = linux.percpu.ref(q.q_usage_counter)
        assert.is_false(usage.dead)
        assert.is_true(usage.count >= 1)
        if not dump.is_busy then assert.are.equal(0, queue.busy) end
      end
    end
    assert.is_not_nil(next(seen))
  end)
end)
