-- SPDX-License-Identifier: BSD-2-Clause
-- Random structs are compared with compilers in spec/cdef_structs_spec.lua; here is each rule alone.
local layout = require "kvm.cdef.layout"

local function field(size, more)
  local f = {size = size, align = size, named = true}
  for key, v in pairs(more or {}) do f[key] = v end
  return f
end

local function place(record, fields, anon)
  local size, align = layout.place(record, fields, anon)
  local at = {}
  for i, f in ipairs(fields) do at[i] = f.at end
  return {size, align, table.unpack(at)}
end

describe("kvm.cdef.layout", function()
  it("aligns members and rounds up the size", function()
    assert.are.same({16, 8, 0, 64, 96}, place({}, {field(1), field(4, {align = 8}), field(2)}))
    assert.are.same({0, 1}, place({}, {}))
    assert.are.same({4, 4, 0, 0}, place({union = true}, {field(1), field(4)}))
  end)

  it("packs structs and members", function()
    assert.are.same({7, 1, 0, 8, 40}, place({packed = true}, {field(1), field(4), field(2)}))
    assert.are.same({8, 2, 0, 8, 48}, place({}, {field(1), field(4, {packed = true}), field(2)}))
    assert.are.same({12, 4, 0, 32, 64}, place({packed = true}, {field(1), field(4, {aligned = 4}), field(2)}))
    assert.are.same({8, 8, 0}, place({packed = true, aligned = 8}, {field(4)}))
  end)

  it("raises alignments, never lowers them without packed", function()
    assert.are.same({32, 16, 0, 128}, place({}, {field(1), field(4, {aligned = 16})}))
    assert.are.same({8, 4, 0, 32}, place({}, {field(1), field(4, {aligned = 1})}))
  end)

  it("keeps bit fields within their type", function()
    assert.are.same({8, 4, 0, 32}, place({}, {field(4, {bits = 30}), field(4, {bits = 4})}))
    assert.are.same({5, 1, 0, 30}, place({packed = true}, {field(4, {bits = 30}), field(4, {bits = 4})}))
    assert.are.same({4, 4, 0, 8}, place({}, {field(1), field(4, {bits = 24})}))
    assert.are.same({8, 4, 0, 32}, place({}, {field(1), field(4, {bits = 25})}))
    -- i386: long long is aligned to 4 bytes, and may span two of them
    assert.are.same({12, 4, 0, 32}, place({}, {field(4), field(8, {align = 4, bits = 64})}))
  end)

  it("starts anew behind a bit field of no width", function()
    assert.are.same({5, 1, 0, 32, 32}, place({}, {field(1), field(4, {bits = 0, named = false}), field(1)}))
    assert.are.same({5, 1, 0, 32, 32}, place({packed = true}, {field(1), field(4, {bits = 0, named = false}), field(1)}))
    assert.are.same({8, 4, 0, 32, 32}, place({}, {field(1), field(4, {bits = 0, named = false}), field(1)}, true))
  end)

  it("does not align for bit fields without a name, but where the machine does", function()
    local function fields() return {field(1), field(4, {bits = 3, named = false})} end
    assert.are.same({2, 1, 0, 8}, place({}, fields()))
    assert.are.same({4, 4, 0, 8}, place({}, fields(), true))
  end)

  it("takes fixed offsets and sizes", function()
    assert.are.same({64, 4, 64, 96}, place({size = 64}, {field(4, {offset = 8}), field(1)}))
    assert.are.same({10, 2, 16}, place({}, {field(8, {offset = 2})}))
    assert.are.same({7, 1, 0}, place({size = 7}, {field(4)}))
    assert.are.same({12, 4, 64}, place({union = true}, {field(4, {offset = 8})}))
  end)

  it("says what is wrong, with the field", function()
    local second = field(4, {offset = 2})
    assert.are.same({nil, "it overlaps with the member in front of it", second}, {layout.place({}, {field(4), second})})
    assert.are.same({nil, "its members need 4 bytes"}, {layout.place({size = 3}, {field(4)})})
    local huge = field(1 << 48)
    local size, message, at = layout.place({}, {field(1), huge})
    assert.are.same({nil, "the type is too large"}, {size, message})
    assert.are.equal(huge, at)
  end)
end)
