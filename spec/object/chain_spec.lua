-- SPDX-License-Identifier: BSD-2-Clause
-- The loop below all lists (csrc/bind/chain.c) in the forms that kvm.linux.list does not use: chains that end with NULL or with a
-- marked pointer, nodes that lead back to the pointer before them, chains in which nothing leads back.
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local core = require "kvm.core"

local HEAD, A, B, C = image.LARGE, image.LARGE + 0x100, image.LARGE + 0x200, image.LARGE + 0x1000

describe("chains", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open {core = harness.temp(CORE), write = true} end)

  local function link(from, to) assert(k:write(from, ("<I8"):pack(to))) end
  local function all(options)
    options.name, options.at = "chain", HEAD
    local out = {}
    for node in core.objects.chain(k, {}, options) do out[#out + 1] = node end
    return out
  end
  local function raised(options)
    local ok, err = pcall(all, options)
    assert.is_false(ok)
    assert.matches("^chain: ", err.message)
    return {err.code, err.addr}
  end

  it("end with NULL", function()
    link(HEAD, 0)
    assert.are.same({}, all {})
    link(HEAD, A)
    link(A, B)
    link(B, C)
    link(C, 0)
    assert.are.same({A, B, C}, all {})
    assert.are.same({A - 16, B - 16, C - 16}, all {entry = 16})
    assert.are.same({"format", C}, raised {max = 2})
  end)

  it("end with a pointer of which a bit is set", function()
    link(HEAD, A)
    link(A, 0x2b)
    assert.are.same({A}, all {nulls = 1})
  end)

  it("do not run in a cycle, though nothing leads back", function()
    link(HEAD, A)
    link(A, B)
    link(B, C)
    for _, back in ipairs {A, B, C} do
      link(C, back)
      assert.are.equal("format", raised({})[1])
    end
    link(C, HEAD)
    assert.are.equal("format", raised({})[1])
  end)

  it("may lead back to the pointer before a node, as hlist does", function()
    link(HEAD, A)
    link(A, B)
    link(B, 0)
    link(A + 8, HEAD)
    link(B + 8, A)
    assert.are.same({A, B}, all {back = 8, link = true})
    link(B + 8, HEAD)
    assert.are.same({"format", B}, raised {back = 8, link = true})
    -- a node whose pointer is not its first member
    link(HEAD, A)
    link(HEAD + 16, A)
    link(A + 16, 0)
    link(A + 8, HEAD + 16)
    assert.are.same({A}, all {next = 16, back = 8, link = true})
    assert.are.same({"format", A}, raised {next = 16, back = 8})
  end)

  it("tell of nodes that are not there", function()
    link(HEAD, image.UNMAPPED)
    assert.are.same({"fault", image.UNMAPPED}, raised {})
    link(HEAD, 0)
    assert.are.same({"format", HEAD}, raised {stop = B})
  end)
end)
