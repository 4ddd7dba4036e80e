-- SPDX-License-Identifier: BSD-2-Clause
local check = require "kvm.linux.check.slab_growth"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.leak"
local memory = require "spec.support.memory"
local slabs = require "spec.support.slub"

local at, object = made.at, slabs.object

describe("kvm.linux.check.slab_growth", function()
  harness.guard()
  local k, context, cache, symbols, sizes
  local function open(variable, pages)
    k, cache, symbols, sizes = made.open(variable, pages)
    context = require "kvm.linux.check.context".new(k)
    function context.tasks() return {} end
    function context.stack() return {} end
    function context.symbol_text(_, addr) return k:symbol(addr).name end
  end
  after_each(memory.forget)

  local function findings()
    local out = {}
    check.run(context, function(f) out[#out + 1] = f end)
    return out
  end

  -- The one finding, which names the module and the function; its title.
  local function blamed(confidence)
    local found = findings()
    assert.are.same({1, confidence, {"labfault"}, {"lab_leak"}}, {#found, found[1].confidence, found[1].modules, found[1].functions})
    return found[1].title, table.concat(found[1].evidence, "\n"), found[1]
  end

  it("is quiet where no cache has much", function()
    open("own", 100)
    assert.are.same({}, findings())
    open("own", 4)
    memory.set(k, "struct kmem_cache", slabs.at.CACHE, {flags = 0x20000}) -- a quarter of memory, which can be taken back
    assert.are.same({}, findings())
  end)

  it("weighs by the share of memory", function()
    open("own", 6)
    assert.are.equal("warning", findings()[1].severity)
    open("own", 4)
    assert.are.equal("error", findings()[1].severity)
    open("own", 2)
    assert.are.equal("critical", findings()[1].severity)
  end)

  it("names the module whose cache it is", function()
    open "own"
    local title, evidence = blamed "likely"
    assert.are.equal("slab cache a-cache holds 4.0 KiB, 25 % of memory: lab_cache [labfault] refers to it; lab_leak allocates from it",
      title)
    assert.matches("8 objects of 56 bytes in 4.0 KiB of slabs, of 16 KiB of memory; not reclaimable", evidence, 1, true)
    assert.matches("was not noted", evidence)
  end)

  it("names the function that the kernel noted", function()
    open "kmalloc"
    memory.set(k, "struct kmem_cache", slabs.at.CACHE, {flags = 0x10000, inuse = 0})
    for i, n in ipairs {0, 5, 7} do
      memory.set(k, "struct track", object(n) + 8, {addr = i == 1 and memory.UNMAPPED or at.LEAK + 5, pid = 77, when = 4000})
    end
    local title, evidence, f = blamed "certain"
    assert.are.equal("slab cache a-cache holds 4.0 KiB, 25 % of memory: lab_leak [labfault] allocated 67 % of its objects", title)
    assert.matches("noted of 3 objects: lab_leak [labfault] allocated 2 of them", evidence, 1, true)
    assert.matches("between 4.000 s and 4.000 s before the dump", evidence, 1, true)
    assert.are.same({77}, f.pids)
  end)

  it("calls a copy that the compiler made by its name in the source", function()
    open "own"
    symbols["lab_leak.isra.0"], symbols.lab_leak = symbols.lab_leak, nil
    sizes["lab_leak.isra.0"] = sizes.lab_leak
    assert.are.same({"lab_leak"}, findings()[1].functions)
  end)

  it("names the module whose list leads to the objects", function()
    open "kmalloc"
    assert(k:write(at.DATA + 8, ("<i8"):pack(object(0) + 8)))
    assert(k:write(object(0) + 8, ("<i8"):pack(object(5) + 8)))
    local title, evidence = blamed "likely"
    assert.matches("memory: lab_list [labfault] leads to its objects; lab_leak allocates from it", title, 1, true)
    assert.matches("leads to 2 of the objects", evidence)
  end)

  it("names the module that the objects point to", function()
    open "kmalloc"
    for _, n in ipairs {0, 7} do assert(k:write(object(n) + 16, ("<i8"):pack(at.RELEASE))) end
    local title, evidence = blamed "likely"
    assert.matches("its objects point to lab_release [labfault]; lab_leak allocates from it", title, 1, true)
    assert.matches("2 of 3 objects have a pointer to lab_release [labfault], at their byte 16", evidence, 1, true)
  end)

  it("names modules from outside of the tree, and no other, where nothing else tells", function()
    open "kmalloc"
    assert.matches("of modules from outside of the tree these allocate from it: lab_leak [labfault]", blamed "possible", 1, true)
    made.code(k, at.LEAK + 5, at.DATA, symbols.kmem_cache_alloc) -- of a size known at run time
    symbols.__kmalloc, symbols.kmem_cache_alloc = symbols.kmem_cache_alloc, nil
    assert.matches("these call kmalloc, of a size that is known at run time: lab_leak [labfault]", blamed "possible", 1, true)
    memory.set(k, "struct module", at.MODULE, {taints = 0})
    local found = findings()
    assert.are.same({1, nil}, {#found, found[1].modules})
    assert.matches("memory: who allocated its objects is not known", found[1].title)
  end)

  it("names a task that is in such a function", function()
    open "kmalloc"
    context.tasks = function() return {{pid = 5, comm = "idle"}, {pid = 9, comm = "leaker"}} end
    context.stack = function(_, t)
      if t.pid == 5 then error(kvm.error.new {code = "fault", message = "no stack"}, 0) end
      return {{pc = at.LEAK, name = "lab_leak", module = "labfault"}}
    end
    local title, _, f = blamed "likely"
    assert.matches("task 9 (leaker) is in lab_leak [labfault]", title, 1, true)
    assert.are.same({9}, f.pids)
  end)

  it("raises where the list of caches is damaged", function()
    open "own"
    assert(k:write(slabs.at.CACHE + kvm.offsetof(kvm.typeof(cache), "list"), ("<i8"):pack(memory.UNMAPPED)))
    local _, err = kvm.try(findings)
    assert.are.equal("fault", err.code)
  end)

  it("says what could not be asked", function()
    open "own"
    memory.set(k, "struct slab_sheaf", slabs.at.SHEAF, {size = 50})
    local found, err = kvm.try(findings)
    assert.is_nil(err)
    assert.are.same({{"labfault"}, {"lab_leak"}}, {found[1].modules, found[1].functions})
    assert.matches("the objects could not be looked at: the sheaf", table.concat(found[1].evidence, "\n"))
    symbols._etext, symbols.max_pfn = nil, nil
    found = findings()
    assert.matches("memory: who allocated its objects is not known", found[1].title)
    assert.matches("code and data could not be found: .*\nslabs could not be found: ", table.concat(found[1].evidence, "\n"))
  end)
end)
