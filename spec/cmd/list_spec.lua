-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kvm = require "kvm"
local list = require "kvm.cmd.list"

-- The head and three entries, linked as a ring by `node` and up to NULL by `after`.
local HEAD, A, B, C = image.LARGE, image.LARGE + 0x100, image.LARGE + 0x200, image.LARGE + 0x1000

describe("kvm.cmd.list", function()
  harness.guard()
  local CORE = image.build()
  local k

  local function link(from, to) assert(k:write(from, ("<I8"):pack(to))) end

  before_each(function()
    k = harness.open {core = harness.temp(CORE), write = true}
    kvm.cdef(k, "struct entry { struct list_head node; int n; struct entry *after; };")
    local ring = {HEAD, A, B, C}
    for i, at in ipairs(ring) do
      link(at, ring[i % 4 + 1])
      link(ring[i % 4 + 1] + 8, at)
      assert(k:write(at + 16, ("<i4"):pack(i)))
      link(at + 24, ring[i + 1] or 0)
    end
  end)

  local function records(opts) return fake.collect(list.run(k, opts)) end
  local function addresses(opts)
    local out = {}
    for i, rec in ipairs(records(opts)) do
      assert.are.equal(i - 1, rec.index)
      out[i] = rec.addr
    end
    return out
  end
  local function start(at) return ("0x%x"):format(at) end

  it("gives the nodes of a ring, or what they are members of", function()
    assert.are.same({A, B, C}, addresses {start = start(HEAD)})
    assert.are.same({C, B}, addresses {start = start(HEAD), reverse = true, count = 2})
    assert.are.same({A, B, C}, addresses {start = HEAD, type = "struct entry", member = "node"})
    local r = records {start = start(HEAD), type = "struct entry", member = "node", show = {"n"}, reverse = true}
    assert.are.same({{index = 0, addr = C, members = {n = "4"}, shown = "n=4"}, {index = 1, addr = B, members = {n = "3"}, shown = "n=3"},
      {index = 2, addr = A, members = {n = "2"}, shown = "n=2"}}, r)
  end)

  it("takes a symbol", function()
    local at = k:symbol("modules").value
    assert.are.same({}, addresses {start = "modules"})
    link(at, A)
    link(A + 8, at)
    link(A, at)
    link(at + 8, A)
    assert.are.same({A}, addresses {start = "modules"})
  end)

  it("follows a pointer to NULL, or to the first one", function()
    assert.are.same({HEAD, A, B, C}, addresses {start = start(HEAD), type = "struct entry", member = "after"})
    link(C + 24, HEAD)
    assert.are.same({HEAD, A, B, C}, addresses {start = start(HEAD), type = "struct entry", member = "after"})
  end)

  it("tells where a damaged list stops", function()
    link(B + 8, HEAD)
    local r = records {start = start(HEAD), type = "struct entry", member = "node"}
    assert.are.same({0, "format"}, {r[1].index, r[#r].code})
    assert.matches("list at 0x%x+", r[#r].stopped)
    assert.are.equal(2, #r)
    link(C + 24, B)
    r = records {start = start(HEAD), type = "struct entry", member = "after"}
    assert.are.same({5, B, "format"}, {#r, r[5].addr, r[5].code})
    link(C + 24, image.UNMAPPED)
    r = records {start = start(HEAD), type = "struct entry", member = "after", show = {"n"}}
    assert.are.same({5, "fault", image.UNMAPPED + 24}, {#r, r[5].code, r[5].addr})
  end)

  it("refuses what makes no sense", function()
    for usage, opts in pairs {
      ["--show needs --type"] = {start = "modules", show = {"n"}}, ["--type needs --member"] = {start = "modules", type = "struct entry"},
      ["n is neither a struct list_head nor a pointer"] = {start = "modules", type = "struct entry", member = "n"},
      ["a list of pointers goes one way"] = {start = "modules", type = "struct entry", member = "after", reverse = true},
    } do
      local ok, err = pcall(list.run, k, opts)
      assert.are.same({false, usage}, {ok, err.usage})
    end
    local ok, err = pcall(list.run, k, {start = "nothing.such"})
    assert.are.same({false, "notfound"}, {ok, err.code})
  end)
end)
