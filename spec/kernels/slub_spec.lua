-- SPDX-License-Identifier: BSD-2-Clause
-- The slabs of real kernels: the map of pages has as many of each cache as the cache counts, the lists of free objects are whole, and the
-- caches that containers/lab_slab.c has made hold what it left there, the damaged one with where it is damaged.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

local slab, slub = kvm.linux.slab, kvm.linux.slub

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua

  it("has every slab and whole lists of free objects", function()
    local k, report, slabs, free = dump:open(), matrix.report(), 0, 0
    local by_cache = slub.slabs_by_cache(k)
    for cache in slab.for_each_slab_cache(k) do
      local name = slab.name(cache)
      local found, free_objects = slub.validate(cache, by_cache)
      if name == "lab_slab_bad" then
        local overwritten = k:ptr(k:symbol "lab_slab_overwritten".value)
        assert.are.same({"format", overwritten}, {free_objects.code, free_objects.addr})
      elseif not found then
        report.add("%s: %s", name, free_objects)
      else
        local usage = slab.usage(cache)
        if found ~= usage.slabs then report.add("%s: %d slabs, it counts %d", name, found, usage.slabs) end
        slabs, free = slabs + found, free + free_objects
      end
    end
    report.check()
    assert.is_true(slabs > 1000 and free > 1000)
  end)

  it("knows the objects of a cache", function()
    local k = dump:open()
    local objects = assert(k:symbol "lab_slab_objects").value
    for i = 0, 199 do
      local at = k:ptr(objects + 8 * i)
      local info = slub.object_info(k, at + 3)
      assert.are.same({"lab_slab", at, 3, 104}, {info.name, info.object, info.offset, info.bytes})
      if i % 3 == 0 then
        assert.is_true(info.state == "free" or info.state == "kept")
      else
        assert.are.same({"used", 7000 + i}, {info.state, k:u64(at)})
      end
    end
    local used = 0
    for s in slub.for_each_slab(slab.find_slab_cache(k, "lab_slab")) do
      for _, state in slub.for_each_object(s) do used = used + (state == "used" and 1 or 0) end
    end
    assert.are.equal(133, used)
  end)

  it("tells of them with kmem", function()
    local used, at = 0, dump:open():ptr(dump:open():symbol "lab_slab_objects".value + 8)
    for _, r in ipairs(matrix.records(matrix.luakvm("kmem", dump.path, "-S", "lab_slab", "--json"))) do
      assert.are.same({"object", "lab_slab"}, {r.kind, r.name})
      used = used + (r.state == "used" and 1 or 0)
    end
    assert.are.equal(133, used)
    local r = matrix.records(matrix.luakvm("kmem", "-M", dump.path, "-c", "-n", "lab_slab", "--json"))
    assert.are.same({1, "check", "lab_slab"}, {#r, r[1].kind, r[1].name})
    r = matrix.records(matrix.luakvm("kmem", "-M", dump.path, ("0x%x"):format(at + 2), "--json"))[1]
    assert.are.same({"slab", "lab_slab", ("0x%x"):format(at), 2, "used"}, {r.kind, r.name, r.addr, r.offset, r.state})
  end)

  it("knows the tasks' structs", function()
    local k, tasks = dump:open(), 0
    for p in k:procs() do
      if p.pid ~= 0 then
        local info = slub.object_info(k, p.addr)
        assert.are.same({"task_struct", p.addr, "used"}, {info.name, info.object, info.state})
        tasks = tasks + 1
      end
    end
    assert.is_true(tasks > 20)
  end)
end)
