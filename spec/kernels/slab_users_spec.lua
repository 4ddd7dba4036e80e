-- SPDX-License-Identifier: BSD-2-Clause
-- Who uses the slab caches of real kernels: those of containers/lab_slab.c, whose variables and function are known; the kernel's own cache
-- of tasks.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

local slab, slab_users, slub = kvm.linux.slab, kvm.linux.slab_users, kvm.linux.slub

matrix.each(function(dump)
  if dump.is_torn then return end

  it("knows the module, the variable and the function of a module's cache", function()
    local k = dump:open()
    local cache = slab.find_slab_cache(k, "lab_slab")
    local own
    for _, holder in ipairs(slab_users.holders(cache)) do own = holder.module and holder or own end
    assert.are.same({addr = assert(k:symbol "lab_slab").value, name = "lab_slab", module = "lab"}, own)
    local functions = slab_users.allocators(cache, {own})
    assert.are.same({1, "lab", "lab_slab"}, {#functions, functions[1].module, functions[1].variable})
    assert.matches("^kmem_cache_alloc", functions[1].allocator)
  end)

  it("follows a module's variables to the objects", function()
    local k = dump:open()
    local found = slab_users.variables(slab.find_slab_cache(k, "lab_slab"), 1000)
    assert.are.same({"lab_slab_objects", "lab"}, {found[1].name, found[1].module})
    assert.is_true(found[1].count >= 133 and found[1].count <= 200, found[1].count)
  end)

  it("knows who allocates tasks, and what they point to", function()
    local k = dump:open()
    local cache, names = slab.find_slab_cache(k, "task_struct"), {}
    for _, f in ipairs(slab_users.allocators(cache, slab_users.holders(cache))) do names[f.name] = f.variable end
    assert.is_truthy(names.copy_process or names.dup_task_struct)
    local sample = slab_users.sample(cache, slub.slabs_by_cache(k), 100)
    assert.is_true(#sample > 50)
    local most = slab_users.pointers(cache, sample)[1]
    assert.is_true(most.count > #sample / 3, most.name)
  end)
end)
