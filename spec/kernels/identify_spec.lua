-- SPDX-License-Identifier: BSD-2-Clause
-- What addresses of real kernels are: structs, stacks and per-CPU variables of which the way there is known, areas and pages that
-- containers/lab_slab.c has made.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

local identify, linux = kvm.linux.identify, kvm.linux

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua
  local k
  setup(function() k = dump:open() end)

  local function found(addr, kind)
    local list, failed = identify.address(k, addr)
    assert.are.same({}, failed)
    for _, rec in ipairs(list) do
      if rec.kind == kind then return rec end
    end
  end

  it("knows tasks and their stacks", function()
    local checked = 0
    for p in k:procs("all", nil, true) do
      local task = k:object(p.addr, "struct task_struct")
      local slab = p.pid ~= 0 and found(p.addr + 16, "slab")
      if slab then
        assert.are.same({"task_struct", p.addr, 16, p.tid, p.comm}, {slab.name, slab.addr, slab.offset, slab.pid, slab.comm})
        local stack = found(kvm.addr(task.stack) + 16383, "stack")
        assert.are.same({kvm.addr(task.stack), 16383, 16384, p.tid}, {stack.addr, stack.offset, stack.bytes, stack.pid})
        checked = checked + 1
      end
      if checked == 12 then break end
    end
    assert.are.equal(12, checked)
  end)

  it("knows symbols, modules and per-CPU variables", function()
    assert.are.equal("linux_banner", found(k:symbol("linux_banner").value + 3, "symbol").name)
    local at = k:symbol("lab_slab_objects").value + 8
    local symbol, module = found(at, "symbol"), found(at, "module")
    assert.are.same({"lab_slab_objects", "lab", 8, "lab"}, {symbol.name, symbol.module, symbol.offset, module.name})
    for cpu = 0, 1 do
      local rec = found(linux.percpu.per_cpu_ptr(k, k:symbol("runqueues").value, cpu) + 64, "percpu")
      assert.are.same({"runqueues", 64, cpu}, {rec.name, rec.offset, rec.cpu})
    end
  end)

  it("knows areas and pages", function()
    local five = k:ptr(k:symbol("lab_vmalloc").value)
    assert.are.same({five, 0x1001, {"vmalloc"}}, {found(five + 0x1001, "area").addr, found(five + 0x1001, "area").offset,
      found(five + 0x1001, "area").kinds})
    local second = k:ptr(k:symbol("lab_page").value)
    local page = found(k:ptr(k:symbol("lab_vmap").value) + 5, "page")
    assert.are.same({second, 5}, {page.addr, page.offset})
    local size = kvm.sizeof(k:type "struct page")
    assert.are.same({second - size, page.pfn}, {page.head, found(second + 8, "struct page").pfn})
    local first = linux.page_flags.describe(k, second - size)
    assert.are.same({page.pfn - 1, 0x1abbed, 1}, {first.pfn, first.private, first.refcount})
    assert.is_truthy((" " .. table.concat(first.names, " ") .. " "):find " head ")
    assert.is_nil(identify.address(k, 0x1234)[1])
  end)

  it("knows addresses of processes", function()
    local p = k:procs("pid", 1)()
    local start = k:object(p.addr, "struct task_struct").mm.start_code
    local list, failed = identify.user_address(k, start + 7, p)
    assert.are.same({{}, "user area", "r-xp"}, {failed, list[1].kind, list[1].permissions})
    assert.matches("busybox", list[1].name)
    assert.is_true(list[1].addr + list[1].offset == start + 7)
    if dump.is_filtered then return end
    local pa = assert(k:translate(start + 7, p))
    assert.are.same({"page", pa, "mapped"}, {list[2].kind, list[2].phys, list[3].kind})
    local found_it = {}
    for i, pid in ipairs(list[3].pids) do found_it[pid] = list[3].places[i] end
    assert.are.equal(start & ~4095, found_it[1])
    assert.are.same(list[3].pids, found(linux.mm.phys_to_virt(k, pa), "mapped").pids)
    assert.are.same({}, (identify.user_address(k, 0x10, p)))
  end)

  it("finds the processes that have a page", function()
    if dump.is_filtered then return end
    local checked = 0
    for p in k:procs() do
      local mm = p.mm ~= 0 and k:object(p.addr, "struct task_struct").mm
      local pa = mm and k:translate(mm.start_stack, p)
      if pa then
        local places = {} -- of a process that forked its children share it
        for _, user in ipairs(linux.rmap.users(k, linux.pagemap.pfn_to_page(k, pa // 4096))) do places[user.pid] = user.addr end
        assert.are.equal(mm.start_stack & ~4095, places[p.pid])
        checked = checked + 1
      end
    end
    assert.is_true(checked > 5)
  end)

  it("has as many free pages as /proc/buddyinfo tells, and huge ones", function()
    local truth, flags, kinds = dump:truth(), linux.page_flags.count(k)
    assert.is_true(flags.lru > 1000 and flags.reserved > 1000)
    local blocks = 0 -- the first page of each free block
    for zone in linux.mmzone.for_each_populated_zone(k) do
      for _, n in ipairs(linux.mmzone.free_blocks(zone)) do blocks = blocks + n end
    end
    assert.are.equal(blocks, kinds.buddy)
    local was = truth.raw.hugepages
    if was and was:find "nr_hugepages:" then
      local pool = linux.hugetlb.for_each_hstate(k)()
      local usage = linux.hugetlb.usage(pool)
      assert.are.same({tonumber(was:match "/nr_hugepages:(%d+)"), tonumber(was:match "free_hugepages:(%d+)"),
        tonumber(was:match "resv_hugepages:(%d+)")}, {usage.total, usage.free, usage.reserved})
      assert.are.equal(was:match "(hugepages%-%d+kB)", pool.name)
      if kinds.hugetlb then assert.are.equal(usage.total, kinds.hugetlb) end
    end
  end)

  it("has what NUMA counts, and /sys/devices/system/node", function()
    local was = {}
    for name, n in dump:truth().raw.zoneinfo:gmatch "(numa_%l+) +(%d+)" do was[name] = (was[name] or 0) + tonumber(n) end
    local now = {}
    for zone in linux.mmzone.for_each_populated_zone(k) do
      for name, n in pairs(linux.mmzone.numa_events(zone)) do now[name:lower()] = (now[name:lower()] or 0) + n end
    end
    assert.is_true(now.numa_hit >= was.numa_hit and now.numa_hit < was.numa_hit + 1000000, now.numa_hit)
    assert.are.equal(was.numa_miss, now.numa_miss)
    local room = dump.is_busy and 16384 or 1024
    for node in linux.mmzone.for_each_node(k) do
      for name, counter in pairs {FilePages = "NR_FILE_PAGES", AnonPages = "NR_ANON_MAPPED", Shmem = "NR_SHMEM"} do
        local kb = tonumber(dump:truth().raw.node_meminfo:match(("Node %d %s: +(%%d+)"):format(node.node_id, name)))
        local own = linux.mmzone.node_state(node, counter) * 4
        assert.is_true(math.abs(kb - own) <= math.max(kb // 50, room), ("%s: %d kB, were %d"):format(name, own, kb))
      end
    end
  end)
end)
