-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kvm = require "kvm"
local list = require "kvm.linux.list"

-- Places of the head and of three entries; an entry is a struct thing, whose list_head is in front, or behind `before`.
local HEAD, A, B, C = image.LARGE, image.LARGE + 0x100, image.LARGE + 0x200, image.LARGE + 0x1000

describe("kvm.linux.list", function()
  harness.guard()
  local CORE = image.build()
  local k, head

  local function link(from, to) assert(k:write(from, ("<I8"):pack(to))) end
  local function back(from, to) assert(k:write(from + 8, ("<I8"):pack(to))) end
  local function ring(...)
    local nodes = {...}
    for i, node in ipairs(nodes) do
      local next_node = nodes[i % #nodes + 1]
      link(node, next_node)
      back(next_node, node)
    end
  end
  local function raised(f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    return err
  end

  before_each(function()
    k = harness.open {core = harness.temp(CORE), write = true}
    head = k:object(HEAD, "struct list_head")
    ring(HEAD, A, B, C)
  end)

  local function addresses(iterate)
    local out = {}
    for node in iterate do out[#out + 1] = kvm.addr(node) end
    return out
  end

  it("gives nodes, and entries by the member they are linked through", function()
    assert.are.same({A, B, C}, addresses(list.for_each(head)))
    assert.are.same({A, B, C}, addresses(list.for_each_entry("struct thing", head, "list")))
    kvm.cdef(k, "struct late { int n; struct list_head node; };")
    assert.are.same({A - 8, B - 8, C - 8}, addresses(list.for_each_entry("struct late", head, "node")))
    assert.are.equal("struct thing", kvm.typeof(list.first_entry(k:type "struct thing", head, "list")):spell())
    assert.are.same({C, B, A}, addresses(list.for_each_reverse(head)))
    assert.are.same({C, B, A}, addresses(list.for_each_entry_reverse("struct thing", head, "list")))
    assert.are.same({A, C}, {kvm.addr(list.first_entry("struct thing", head, "list")), kvm.addr(list.last_entry("struct thing", head,
      "list"))})
    assert.is_false(list.is_singular(head))
    ring(HEAD, B)
    assert.is_true(list.is_singular(head))
    ring(HEAD)
    assert.is_false(list.is_singular(head))
    assert.is_nil(list.last_entry("struct thing", head, "list"))
    ring(HEAD, A, B, C)
    assert.are.equal(3, list.count(head))
    assert.are.equal(3, list.validate(head))
    assert.is_false(list.empty(head))
  end)

  it("knows empty lists and lists of one", function()
    ring(HEAD)
    assert.are.same({}, addresses(list.for_each(head)))
    assert.is_true(list.empty(head))
    assert.is_nil(list.first_entry("struct thing", head, "list"))
    ring(HEAD, B)
    assert.are.same({B}, addresses(list.for_each(head)))
  end)

  it("stops where a node does not lead back", function()
    back(C, A)
    local seen = {}
    local err = raised(function()
      for node in list.for_each(head) do seen[#seen + 1] = kvm.addr(node) end
    end)
    assert.are.same({A, B}, seen)
    assert.are.same({"format", C}, {err.code, err.addr})
    assert.are.equal(("list at 0x%x: the node at 0x%x leads back to 0x%x, but follows 0x%x"):format(HEAD, C, A, B), err.message)
    local nothing, why = list.validate(head)
    assert.are.same({nil, "format"}, {nothing, why.code})
    back(C, B)
    back(HEAD, A)
    assert.are.same({"format", HEAD}, {raised(list.count, head).code, raised(list.count, head).addr})
  end)

  it("does not run in circles", function()
    link(C, A) -- whose prev is still the head
    assert.are.same({"format", A}, {raised(list.count, head).code, raised(list.count, head).addr})
  end)

  it("tells of NULL and of nodes that are not there", function()
    link(B, 0)
    local err = raised(list.count, head)
    assert.are.same({"format", B}, {err.code, err.addr})
    link(B, image.UNMAPPED)
    err = raised(list.count, head)
    assert.are.same({"fault", image.UNMAPPED + 8}, {err.code, err.addr})
    link(B, image.HOLED + 4096)
    assert.are.same({"fault", image.HOLED + 4096 + 8}, {raised(list.count, head).code, raised(list.count, head).addr})
  end)

  it("keeps to a bound", function()
    assert.are.equal(3, list.count(head, 3))
    local err = raised(list.count, head, 2)
    assert.are.same({"format", C}, {err.code, err.addr})
    local function entries()
      for _ in list.for_each_entry("struct thing", head, "list", 1) do end -- luacheck: ignore 542
    end
    assert.are.equal("format", raised(entries).code)
  end)

  it("wants the head of a list", function()
    assert.has_error(function() list.for_each(HEAD) end)
    assert.has_error(function() list.count(k:object(HEAD, "struct thing")) end)
    assert.are.equal("notfound", raised(list.for_each_entry, "struct thing", head, "absent").code)
  end)
end)
