-- SPDX-License-Identifier: BSD-2-Clause
-- The containers that containers/lab_containers.c has made in the guest: their contents, and where the damaged ones are damaged.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"
local memory = require "spec.support.memory"

local linux, collect = kvm.linux, memory.collect

local DECLARATIONS = [[
  struct lab_item { long id; struct list_head list; struct hlist_node hash; struct rb_node rb; struct rhash_head rhash; };
  struct lab_range { struct rb_node rb; unsigned long start, last, __subtree_last; };
]]

local function id(o) return o.id end

local function numbers(first, last, step, but)
  local out = {}
  for i = first, last, step or 1 do
    if not but or not but(i) then out[#out + 1] = i end
  end
  return out
end

local function pick(list, wanted)
  local out = {}
  for _, v in ipairs(list) do
    if wanted(v) then out[#out + 1] = v end
  end
  return out
end

-- What is expected of lab_xa: index, what is there, how many indices it has.
local function array_contents()
  local out = {}
  for i = 0, 99 do out[#out + 1] = {i * i, i, 1, i % 3 == 0} end
  for i = 0, 9 do out[#out + 1] = {(1 << 20) + i, i, 1, false} end
  out[#out + 1] = {1 << 21, 16, 16, false}
  return out
end

local function describe(dump)
  local k
  local function object(name, t) return kvm.check(k:object(kvm.check(k:symbol(name)).value, t)) end
  local function damaged(count, err, addr)
    assert.are.same({nil, "format"}, {count, err and err.code})
    if addr then assert.are.equal(addr, err.addr) end
    return err
  end

  setup(function()
    k = dump:open()
    if not k:type "struct lab_item" then kvm.cdef(k, DECLARATIONS) end
  end)

  it("walks lists", function()
    local list, hlist = linux.list, linux.hlist
    local head, bad = object("lab_list", "struct list_head"), object("lab_list_bad", "struct list_head")
    assert.are.same(numbers(0, 19), (collect(list.for_each_entry("struct lab_item", head, "list"), id)))
    assert.are.same(numbers(19, 0, -1), (collect(list.for_each_entry_reverse("struct lab_item", head, "list"), id)))
    assert.are.same({20, true}, {list.validate(head), list.empty(object("lab_list_empty", "struct list_head"))})
    local got, err = collect(list.for_each_entry("struct lab_item", bad, "list"))
    assert.are.same({numbers(0, 9), "format"}, {collect(function() return table.remove(got, 1) end, id), err.code})
    damaged(list.validate(bad))
    got, err = collect(list.for_each_entry_reverse("struct lab_item", bad, "list"), id)
    assert.are.same({numbers(19, 10, -1), "format"}, {got, err.code})
    local hashes, hashes_bad = object("lab_hlist", "struct hlist_head"), object("lab_hlist_bad", "struct hlist_head")
    assert.are.same(numbers(0, 19), (collect(hlist.for_each_entry("struct lab_item", hashes, "hash"), id)))
    assert.are.equal(20, hlist.validate(hashes))
    got, err = collect(hlist.for_each_entry("struct lab_item", hashes_bad, "hash"), id)
    assert.are.same({numbers(0, 9), "format"}, {got, err.code}) -- 10 leads back to nothing
    damaged(hlist.validate(hashes_bad))
  end)

  it("walks red-black trees", function()
    local rbtree, all = linux.rbtree, numbers(0, 300, 3)
    local root, cached = object("lab_rb", "struct rb_root"), object("lab_rb_cached", "struct rb_root_cached")
    local function entries(how, of) return collect(rbtree["for_each_entry" .. how]("struct lab_item", of, "rb"), id) end
    assert.are.same(all, (entries("", root)))
    assert.are.same(all, (entries("", cached)))
    assert.are.same(numbers(300, 0, -3), (entries("_reverse", root)))
    for _, how in ipairs {"_postorder", "_preorder"} do
      local got = entries(how, root)
      table.sort(got)
      assert.are.same(all, got)
    end
    assert.are.same({101, 101, 0}, {rbtree.validate(root), rbtree.validate(cached), rbtree.validate(object("lab_rb_empty",
      "struct rb_root"))})
    for key = -1, 301 do
      local found = rbtree.find("struct lab_item", root, "rb", function(it) return key - it.id end)
      assert.are.equal(key >= 0 and key % 3 == 0 and key or nil, found and found.id)
    end
    local node = rbtree.first("struct lab_item", root, "rb").rb
    for n = 1, 100 do
      local following = rbtree.next(node)
      assert.are.equal(3 * n, kvm.container_of(following, "struct lab_item", "rb").id)
      assert.are.equal(node, rbtree.prev(following))
      node = following
    end
    assert.is_nil(rbtree.next(node))
    local place = rbtree.find("struct lab_item", object("lab_rb_colour", "struct rb_root"), "rb", function(it) return 150 - it.id end)
    damaged(rbtree.validate(object("lab_rb_colour", "struct rb_root")))
    assert.are.equal(150, place.id)
    local got, err = entries("", object("lab_rb_bad", "struct rb_root"))
    assert.are.equal("format", err.code)
    assert.are.same(numbers(0, 3 * (#got - 1), 3), got)
    assert.are.equal(150, k:object(err.addr - kvm.offsetof(k:type "struct lab_item", "rb"), "struct lab_item").id)
    damaged(rbtree.validate(object("lab_rb_bad", "struct rb_root")))
    damaged(rbtree.validate(object("lab_rb_cached_bad", "struct rb_root_cached")))
  end)

  it("walks interval trees", function()
    local interval_tree = linux.interval_tree
    local tree = {type = "struct lab_range", node = "rb", subtree = "__subtree_last", first = function(r) return r.start end,
      last = function(r) return r.last end}
    local root = object("lab_ranges", "struct rb_root_cached")
    local function starts(first, last) return (collect(interval_tree.for_each(root, tree, first, last), function(r) return r.start end)) end
    assert.are.same(numbers(0, 630, 10), starts())
    for _, range in ipairs {{0, 0}, {35, 35}, {100, 104}, {629, 10000}, {800, 900}, {215, 333}} do
      local want = pick(numbers(0, 630, 10), function(s) return s <= range[2] and s + s // 10 % 7 * 20 >= range[1] end)
      assert.are.same(want, starts(range[1], range[2]))
    end
    assert.are.equal(64, interval_tree.validate(root, tree))
    local err = damaged(interval_tree.validate(object("lab_ranges_bad", "struct rb_root_cached"), tree))
    assert.are.equal(300, k:object(err.addr, "struct lab_range").start)
  end)

  it("walks timer queues", function()
    local timerqueue, want = linux.timerqueue, {}
    for i = 0, 19 do want[#want + 1] = i * 7919 % 1000 * 1000 end
    table.sort(want)
    local head = object("lab_timers", "struct timerqueue_head")
    assert.are.same(want, (collect(timerqueue.for_each(head), function(n) return n.expires end)))
    assert.are.same({20, 0}, {timerqueue.validate(head), timerqueue.getnext(head).expires})
    damaged(timerqueue.validate(object("lab_timers_bad", "struct timerqueue_head")))
  end)

  it("walks XArrays", function()
    local xarray, want = linux.xarray, array_contents()
    local xa = object("lab_xa", "struct xarray")
    local function value(entry)
      return xarray.is_value(entry) and xarray.to_value(entry) or k:object(entry, "struct lab_item").id
    end
    local function walk(step) return collect(step, function(i, entry, n) return {i, value(entry), n} end) end
    local function rows(wanted)
      local out = {}
      for _, w in ipairs(want) do
        if wanted(w) then out[#out + 1] = {w[1], w[2], w[3]} end
      end
      return out
    end
    assert.are.same(rows(function() return true end), (walk(xarray.for_each(xa))))
    assert.are.same(rows(function(w) return w[4] end), (walk(xarray.for_each_marked(xa, 1))))
    assert.are.same({}, (walk(xarray.for_each_marked(xa, 0))))
    assert.are.same(rows(function(w) return w[1] >= 100 and w[1] <= 2500 end), (walk(xarray.for_each(xa, 100, 2500))))
    assert.are.same({3, 4}, {value(xarray.load(xa, 9)), value(xarray.load(xa, 16))})
    assert.are.equal(0, xarray.load(xa, 10))
    for i = 0, 15 do assert.are.equal(16, value(xarray.load(xa, (1 << 21) + i))) end
    assert.are.equal(0, xarray.load(xa, (1 << 21) + 16))
    assert.are.same({#want, 1, 0}, {xarray.validate(xa), xarray.validate(object("lab_xa_single", "struct xarray")),
      xarray.validate(object("lab_xa_empty", "struct xarray"))})
    assert.are.equal(77, value(xarray.load(object("lab_xa_single", "struct xarray"), 0)))
    assert.are.same(numbers(0, 9), (collect(xarray.for_each_entry("struct lab_item", xa, 1 << 20, (1 << 20) + 9), function(_, it)
      return it.id
    end)))
  end)

  it("tells where XArrays are damaged", function()
    local xarray = linux.xarray
    local got, err = collect(xarray.for_each(object("lab_xa_bad", "struct xarray")))
    assert.are.same({{}, "format"}, {got, err.code}) -- the very first node
    damaged(xarray.validate(object("lab_xa_bad", "struct xarray")))
    for _, name in ipairs {"lab_xa_count", "lab_xa_mark"} do
      damaged(xarray.validate(object(name, "struct xarray")))
      assert.are.equal(110, #collect(xarray.for_each(object(name, "struct xarray")))) -- which nothing stops
    end
    assert.matches("slots are in use", select(2, xarray.validate(object("lab_xa_count", "struct xarray"))).message)
    assert.matches("mark 2", select(2, xarray.validate(object("lab_xa_mark", "struct xarray"))).message)
  end)

  it("walks radix trees", function()
    local radix_tree, root = linux.radix_tree, object("lab_radix", "struct xarray")
    assert.are.same(numbers(1, 50), (collect(radix_tree.for_each_entry("struct lab_item", root), function(i, it)
      assert.are.equal(1000 * it.id, i)
      return it.id
    end)))
    assert.are.same(numbers(2000, 50000, 2000), (collect(radix_tree.for_each_tagged(root, 0))))
    assert.are.same({7, nil}, {radix_tree.lookup(root, 7000, "struct lab_item").id, radix_tree.lookup(root, 7001, "struct lab_item")})
    assert.are.equal(50, linux.xarray.validate(root))
  end)

  it("walks IDRs and IDAs", function()
    local idr, want = linux.idr, numbers(5, 204, 1, function(n) return (n - 5) % 7 == 0 end)
    want[#want + 1] = 100000
    local all, bad = object("lab_idr", "struct idr"), object("lab_idr_bad", "struct idr")
    assert.are.same(want, (collect(idr.for_each_entry("struct lab_item", all), function(n, it)
      assert.are.equal(n, it.id)
      return n
    end)))
    assert.are.same({#want, 0, 0}, {idr.validate(all), idr.find(all, 5), idr.find(all, 12)})
    assert.are.equal(100000, k:object(idr.find(all, 100000), "struct lab_item").id)
    local got, err = collect(idr.for_each(bad))
    assert.are.same({{}, "format"}, {got, err.code})
    damaged(idr.validate(bad))
    local ida = object("lab_ida", "struct ida")
    want = numbers(0, 1199, 1, function(n) return n % 5 == 0 end)
    want[#want + 1] = 5000
    assert.are.same(want, (collect(idr.for_each_id(ida))))
    for n, has in pairs {[0] = false, [1] = true, [5] = false, [1199] = true, [1200] = false, [4999] = false, [5000] = true,
      [1 << 30] = false} do
      assert.are.equal(has, idr.has_id(ida, n), n)
    end
  end)

  it("walks maple trees", function()
    local maple_tree = linux.maple_tree
    if not k:type "struct maple_tree" then -- which came with Linux 6.1
      assert.matches("510", dump.key)
      return
    end
    local function tree(name) return object(name, "struct maple_tree") end
    local function rows(first, last)
      local out = {}
      for i = 0, 499 do
        if i % 11 ~= 0 and i * 100 + 49 >= first and i * 100 <= last then out[#out + 1] = {i * 100, i * 100 + 49, i << 1 | 1} end
      end
      return out
    end
    for _, name in ipairs {"lab_mt", "lab_mt_gaps"} do
      local mt = tree(name)
      local function walk(...) return (collect(maple_tree.for_each(mt, ...), function(...) return {...} end)) end
      assert.are.same(rows(0, 1 << 30), walk())
      assert.are.same(rows(1234, 5678), walk(1234, 5678))
      assert.are.same(rows(749, 800), walk(749, 800))
      assert.are.equal(454, maple_tree.validate(mt))
      for index, want in pairs {[0] = 0, [100] = 3, [149] = 3, [150] = 0, [1100] = 0, [49949] = 999, [49950] = 0, [-1] = 0} do
        assert.are.equal(want, maple_tree.load(mt, index), index)
      end
    end
    assert.are.same({1, 0}, {maple_tree.validate(tree "lab_mt_single"), maple_tree.validate(tree "lab_mt_empty")})
    assert.are.equal(78, k:object(maple_tree.load(tree "lab_mt_single", 0), "struct lab_item").id)
    local got, err = collect(maple_tree.for_each(tree "lab_mt_bad"))
    assert.are.same({{}, "format"}, {got, err.code})
    damaged(maple_tree.validate(tree "lab_mt_bad"))
    err = damaged(maple_tree.validate(tree "lab_mt_gaps_bad"))
    assert.matches("gap", err.message)
    assert.are.equal(454, #collect(maple_tree.for_each(tree "lab_mt_gaps_bad"))) -- which nothing stops
  end)

  it("reads bitmaps and FIFOs", function()
    local bitmap, sbitmap, kfifo = linux.bitmap, linux.sbitmap, linux.kfifo
    local at = kvm.check(k:symbol "lab_bitmap").value
    assert.are.equal("0-3,64,130-199", bitmap.list(bitmap.for_each_set_bit(k, at, 200)))
    assert.are.same({75, true, false}, {bitmap.weight(k, at, 200), bitmap.test_bit(k, 199, at), bitmap.test_bit(k, 63, at)})
    local sb = object("lab_sbitmap", "struct sbitmap")
    assert.are.same({{1, 99}, {17}, 2}, {(collect(sbitmap.for_each_set(sb))), (collect(sbitmap.for_each_cleared(sb))), sbitmap.weight(sb)})
    local fifo = object("lab_fifo", "struct __kfifo")
    assert.are.same(numbers(5, 20), (collect(kfifo.for_each_entry("int", fifo))))
    assert.are.same({16, 16}, {kfifo.len(fifo)})
    damaged(kvm.try(kfifo.len, object("lab_fifo_bad", "struct __kfifo")))
    local records = object("lab_fifo_rec", "struct __kfifo")
    assert.are.same({"one", "", "three three three"}, (collect(kfifo.for_each_record(records, 1))))
  end)

  it("reads what each CPU has its own of", function()
    local percpu = linux.percpu
    local pointer = k:ptr(kvm.check(k:symbol "lab_percpu_pointer").value)
    for cpu = 0, 1 do
      assert.are.equal(1000 + cpu, percpu.per_cpu(k, "lab_percpu", cpu, "long"))
      assert.are.equal(2000 + cpu, k:u64(percpu.per_cpu_ptr(k, pointer, cpu)))
    end
    local p = kvm.cast(pointer, kvm.type.of(k, "long *"))
    assert.are.same({2000, 2001}, (collect(percpu.for_each_copy(p), function(_, copy) return copy[0] end)))
    local counter = object("lab_counter", "struct percpu_counter")
    assert.are.same({100, 121}, {counter.count, percpu.counter_sum(counter)})
    assert.are.same({count = 5, dead = false, atomic = false, exited = false}, percpu.ref(object("lab_ref", "struct percpu_ref")))
    assert.are.same({count = 4, dead = true, atomic = true, exited = false}, percpu.ref(object("lab_ref_dead", "struct percpu_ref")))
  end)

  it("walks resizable hash tables", function()
    local rhash = object("lab_rhash", "struct rhashtable")
    local got = collect(linux.rhashtable.for_each_entry("struct lab_item", rhash, "rhash"), id)
    table.sort(got)
    assert.are.same(numbers(0, 299), got)
    assert.are.equal(300, linux.rhashtable.count(rhash))
  end)
end

matrix.each_with_module(describe)
