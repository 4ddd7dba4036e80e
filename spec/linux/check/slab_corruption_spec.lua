-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local made = require "spec.support.slub"
local memory = require "spec.support.memory"

local object = made.object

describe("kvm.linux.check.slab_corruption", function()
  harness.guard()
  local k
  after_each(memory.forget)
  local function run(fields)
    local context = checks.new(k, fields or {task_list = {}})
    function context.is_panic() return false end
    function context.task_text(_, t) return ("pid %d (%s)"):format(t.pid, t.comm) end
    return checks.run("slab_corruption", context)
  end

  for release, old in pairs {["5.10"] = true, ["7.2"] = false} do
    it("is quiet about whole lists, and finds those that lead astray, of " .. release, function()
      k = made.open(old)
      assert.are.same({{}, nil}, {run()})
      made.free({6, 1}, 6, 0x4142434445464748)
      local f = run()
      assert.are.same({1, "critical", "certain"}, {#f, f[1].severity, f[1].confidence})
      assert.are.equal("slab corruption: the free list of a slab of a-cache is damaged", f[1].title)
      assert.matches("leads from 0x%x+ to 0x4142434445464748, which is no object of it", f[1].evidence[1])
    end)
  end

  it("takes what a CPU has not finished for no damage", function()
    k = made.open()
    made.free({6, 1}, 5)
    assert.are.equal("critical", run()[1].severity)
    local busy = {pid = 9, comm = "busy", on_cpu = 1, functions = {"___slab_alloc"}}
    local f = run {task_list = {busy}}
    assert.are.same({"info", "possible"}, {f[1].severity, f[1].confidence})
    assert.are.equal("pid 9 (busy) is in ___slab_alloc on CPU 1, and may not have finished", f[1].evidence[#f[1].evidence])
  end)

  it("tells of sheaves that can't be", function()
    k = made.open()
    memory.set(k, "struct slab_sheaf", made.at.SHEAF, {size = 9})
    assert.matches("has 9 objects, room for 4", run()[1].evidence[1])
  end)

  -- A slab whose objects are marked: eight of 64 bytes, of which 8 are before each, 40 its own, 8 a red zone and 8 the free pointer.
  local function mark()
    k = made.open(true)
    memory.set(k, "struct kmem_cache", made.at.CACHE, {flags = 0x80000c00, object_size = 40, inuse = 48, offset = 48, red_left_pad = 8,
      cpu_slab = 0, random = 0})
    for i = 0, 7 do
      local free = i == 1
      local red = (free and "\xbb" or "\xcc"):rep(8)
      assert(k:write(object(i), red .. (free and ("k"):rep(39) .. "\xa5" or ("o"):rep(40)) .. red .. ("\0"):rep(8)))
    end
    local t = k:type "struct page":strip()
    memory.set(k, "struct kmem_cache", made.at.CACHE, {random = 0})
    -- The pointer of the only free one is 0, hidden by where it lies alone.
    local place = object(1) + 8 + 48
    assert(k:write(place, (">i8"):pack(place)))
    assert(k:write(made.at.SLAB + t:field("freelist").offset, ("<i8I4"):pack(object(1) + 8, 7 | 8 << 16)))
  end

  it("finds overwritten marks", function()
    mark()
    assert.are.same({{}, nil}, {run()})
    assert(k:write(object(2) + 8 + 40, "abc"))
    local f = run()
    assert.are.equal("slab corruption: red zone behind an object of a-cache overwritten, 3 bytes", f[1].title)
    assert.are.equal(('object 0x%x of a-cache, in use: at 0x%x (its byte 40) there is 61 62 63 ("abc") instead of cc'):format(object(2) + 8,
      object(2) + 48), f[1].evidence[1])
    mark()
    assert(k:write(object(1) + 8 + 5, "\1\2"))
    f = run()
    assert.are.equal("slab corruption: freed object of a-cache written to (use after free), 2 bytes", f[1].title)
    assert.matches("free: at 0x%x+ %(its byte 5%) there is 01 02 instead of 6b", f[1].evidence[1])
  end)

  it("stops where the list of caches is damaged", function()
    k = made.open()
    assert(k:write(made.at.CACHE + 8, ("<I8"):pack(0)))
    local found, err = run()
    assert.are.same({{}, "format"}, {found, err.code})
  end)
end)
