-- SPDX-License-Identifier: BSD-2-Clause
-- Layouts and errors are in spec/cdef_spec.lua; here is what is made before anything is declared.
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local built = require "spec.support.cdef_build"

describe("kvm.cdef.build", function()
  harness.guard()
  local k
  before_each(function() k = harness.open(harness.temp(image.build())) end)

  it("declares nothing by itself", function()
    local types = built.text(k, "struct fresh { int a; }; typedef struct fresh *fresh_p;")
    assert.are.same({4, 4, true}, {types.fresh.size, types.fresh.align, types.fresh.complete})
    assert.are.equal("pointer", types.fresh_p.target.kind)
    assert.is_nil((k:type "struct fresh"))
  end)

  it("makes one type of what is written twice", function()
    local t = built.text(k, "struct t { int *a, *b; const char c[2], d[2]; struct thing e[2], f[2]; };").t
    assert.are.equal(t.fields[1].t, t.fields[2].t)
    assert.are.equal(t.fields[3].t, t.fields[4].t)
    assert.are.equal(t.fields[5].t, t.fields[6].t)
  end)

  it("completes a type that was only named", function()
    local types, scope = built.text(k, "typedef struct late late_t; struct late { late_t *p; };")
    assert.are.equal(scope.tags["struct late"], types.late_t.target)
    assert.is_true(types.late.complete)
    assert.is_nil(types.late.forward)
  end)

  it("takes the tags of the text for its own, though the kernel has them too", function()
    local types = built.text(k, "struct t { struct thing *p; }; struct thing { char a; };")
    assert.are.equal(types.thing, types.t.fields[1].t.target)
    assert.are.equal("known", built.text(k, "struct t { struct thing *p; };").t.fields[1].t.target.kind)
  end)

  it("builds expressions", function()
    local t = built.type(k, "struct list_head *[4]")
    assert.are.same({"array", 4, 32, "pointer", "known"}, {t.kind, t.count, t.size, t.target.kind, t.target.target.kind})
  end)
end)
