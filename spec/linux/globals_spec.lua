-- SPDX-License-Identifier: BSD-2-Clause
-- What the table says of real kernels is compared with DWARF in spec/kernels.
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local globals = require "kvm.linux.globals"
local kvm = require "kvm"

describe("kvm.linux.globals", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  it("knows many variables, each with a type", function()
    local count = 0
    for name, alternatives in pairs(globals.known()) do
      assert.matches("^[%a_][%w_]*$", name)
      assert.is_true(#alternatives > 0)
      for i, a in ipairs(alternatives) do
        assert.is_string(a[1])
        if i < #alternatives then assert.is_string(a.when, name .. ": only the last one needs no test") end
      end
      count = count + 1
    end
    assert.is_true(count >= 120)
  end)

  it("gives types that this kernel has", function()
    assert.are.equal("struct list_head", globals.type_of(k, "modules"):spell())
    assert.are.equal("struct list_head *", globals.type_of(k, "pcpu_chunk_lists"):spell())
    assert.are.equal("struct list_head [0]", globals.type_of(k, "ptype_base"):spell())
    assert.are.equal(12 + 4, globals.type_of(k, "console_printk"):size())
    assert.is_true(globals.type_of(k, "modules") == k:object "modules" or kvm.typeof(k:object "modules"):spell() == "struct list_head")
  end)

  it("gives constant strings the length that they have", function()
    assert.are.equal(#image.BANNER + 1, globals.type_of(k, "linux_banner"):count())
    assert.are.equal(image.BANNER, k:object "linux_banner")
    assert.are.equal("const char [0]", globals.type_of(k, "linux_proc_banner"):spell()) -- no such symbol
  end)

  it("takes the first alternative that holds", function()
    assert.are.equal("u64", globals.type_of(k, "clear_seq"):spell())
    local newer = harness.open(harness.temp(CORE))
    kvm.cdef(newer, "struct latched_seq { int x; };")
    assert.are.equal("struct latched_seq", globals.type_of(newer, "clear_seq"):spell())
    kvm.cdef(k, "struct kmem_cache { int x; };")
    local t, message, code = globals.type_of(k, "kmalloc_caches")
    assert.are.same({nil, "notfound"}, {t, code})
    assert.matches("none of the types that it is known with", message, 1, true)
    kvm.cdef(k, "struct kmem_cache { int cpu_slab; }; enum kmalloc_cache_type { KMALLOC_A, NR_KMALLOC_TYPES };")
    t = assert(globals.type_of(k, "kmalloc_caches"))
    assert.are.same({1, 14, 112}, {t:count(), t:target():count(), t:size()})
  end)

  it("says why others are not known; kvm.object says how to give their types", function()
    local t, message, code = globals.type_of(k, "no_such_variable")
    assert.are.same({nil, "notfound"}, {t, code})
    assert.are.equal("no_such_variable is not among the well-known ones", message)
    message = select(2, kvm.object.variable_type(k, "no_such_variable"))
    assert.matches("is not among the well-known ones): give it", message, 1, true)
    assert.matches('k:object("no_such_variable", "struct x")', message, 1, true)
    assert.matches('kvm.cdef "extern struct x no_such_variable;"', message, 1, true)
    t, message, code = globals.type_of(k, "init_task")
    assert.are.same({nil, "notfound"}, {t, code})
    assert.matches("struct task_struct", message, 1, true)
  end)
end)
