-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local names = require "kvm.object.names"

describe("kvm.object.names", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  it("counts what has to be changed", function()
    for _, case in ipairs {{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"state", "state", 0},
      {"stat", "state", 1}, {"satte", "state", 1}, {"pdi", "pid", 1}, {"ab", "ba", 1}, {"kitten", "sitting", 3}} do
      assert.are.equal(case[3], names.distance(case[1], case[2]))
    end
  end)

  it("has all names in order", function()
    assert.are.same({"list", "name", "word", "half", "low", "high", "pid"}, names.of(k:type "struct thing"))
  end)

  it("does not follow members without an end", function()
    -- each level holds the one below twice, without a name
    local t = k:type "struct list_head"
    for _ = 1, 31 do
      t = k:declare {kind = "struct", size = 2 * t:size(), members = {
        {type = t, bit_offset = 0}, {type = t, bit_offset = 8 * t:size()},
      }}
    end
    local ok, err = pcall(names.of, t)
    assert.are.same({false, "format"}, {ok, err.code})
  end)

  it("names members, those of unions without a name too", function()
    local t = k:type "struct thing"
    assert.are.equal(": nearest is name", names.suggest(t, "nmae"))
    assert.are.equal(": nearest is half", names.suggest(t, "halve"))
    assert.are.equal(": nearest is pid", names.suggest(t, "__pid"))
    assert.are.equal(": nearest is word", names.suggest(t, "wort.x[1]"))
    assert.are.equal(": nearest is next", names.suggest(t, "list.nxt"))
    assert.are.equal("", names.suggest(t, "list.next.prev"))
    assert.are.equal("", names.suggest(t, "name[3].x"))
  end)

  it("names each name once, the nearest first, and three at most", function()
    assert.are.equal(": nearest are page, __page, pages", names.nearest({"pages", "page", "page", "book", "__page", "paged"}, "page"))
    assert.are.equal("", names.nearest({"uch", "no", "suchlike_and_more_of_it"}, "nosuch"))
    assert.are.equal("", names.nearest({}, "x"))
  end)

  it("gives a member, or raises with those that are near", function()
    assert.are.equal(8, names.field(k:type "struct thing", "list.prev").offset)
    local ok, e = pcall(names.field, k:type "struct thing", "list.prv")
    assert.are.same({false, "notfound", "struct list_head has no member prv: nearest is prev"}, {ok, e.code, e.message})
  end)

  it("is silent where nothing is near, and for what has no members", function()
    assert.are.equal("", names.suggest(k:type "struct thing", "xxxxxxxxxxxx"))
    assert.are.equal("", names.suggest(k:type "int", "pid"))
  end)
end)
