-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local tree = require "kvm.cmd.tree"

local S = memory.START
local ROOT, ARRAY, NODE = S, S + 0x40, S + 0x400
local function item(i) return S + 0x100 + 0x40 * i end

describe("kvm.cmd.tree", function()
  harness.guard()
  local k
  -- Items 1 and 3 below 2; an array with 1 and 3 at 4 and 6.
  before_each(function()
    k = memory.open [[
      struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };
      struct rb_root { struct rb_node *rb_node; };
      struct item { long id; struct rb_node node; };
      struct xarray { unsigned int xa_lock, xa_flags; void *xa_head; };
      struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent; struct xarray *array; void *slots[64];
        unsigned long marks[3][1]; };
      struct idr { struct xarray idr_rt; unsigned int idr_base, idr_next; };
    ]]
    local BLACK = 1
    assert(k:write(ROOT, ("<I8"):pack(item(2) + 8)))
    assert(k:write(item(2), ("<I8I8I8I8"):pack(2, BLACK, item(3) + 8, item(1) + 8)))
    for _, i in ipairs {1, 3} do assert(k:write(item(i), ("<I8I8I8I8"):pack(i, item(2) + 8, 0, 0))) end
    memory.set(k, "struct xarray", ARRAY, {xa_head = NODE + 2})
    memory.set(k, "struct xa_node", NODE, {array = ARRAY, count = 2, ["slots[4]"] = item(1), ["slots[6]"] = item(3)})
    memory.symbols {the_root = ROOT, the_array = ARRAY}
  end)
  after_each(memory.forget)

  local function run(opts) return (memory.collect(tree.run(k, opts))) end
  local function indices(opts)
    local out = {}
    for i, r in ipairs(run(opts)) do out[i] = r.stopped and r.code or {r.index, r.addr} end
    return out
  end

  it("gives nodes and entries of red-black trees", function()
    assert.are.same({{0, item(1) + 8}, {1, item(2) + 8}, {2, item(3) + 8}}, indices {start = "the_root"})
    local r = run {start = "the_root", type = "struct item", member = "node", show = {"id"}}
    assert.are.same({item(1), {id = "1"}, "id=1"}, {r[1].addr, r[1].members, r[1].shown})
    assert.are.equal(2, #run {start = "the_root", type = "struct item", member = "node", count = 2})
  end)

  it("gives entries by index", function()
    for _, kind in ipairs {"xarray", "radix", "idr"} do
      assert.are.same({{4, item(1)}, {6, item(3)}}, indices {start = "the_array", kind = kind})
    end
    assert.are.equal("id=3", run({start = "the_array", kind = "xarray", type = "struct item", show = {"id"}})[2].shown)
  end)

  it("validates", function()
    assert.are.same({{index = 3}}, run {start = "the_root", validate = true})
    assert.are.same({{index = 2}}, run {start = "the_array", kind = "xarray", validate = true})
    assert(k:write(item(3) + 8, ("<I8"):pack(item(1) + 8)))
    assert.are.same({"format"}, indices {start = "the_root", validate = true})
    assert.are.equal("format", indices({start = "the_root"})[3])
  end)

  it("says what it needs", function()
    for _, opts in ipairs {{start = "the_root", kind = "bush"}, {start = "the_root", show = {"id"}}} do
      local ok, err = pcall(tree.run, k, opts)
      assert.is_false(ok)
      assert.is_string(err.usage)
    end
    local ok, err = pcall(tree.run(k, {start = "the_root", type = "struct item"}))
    assert.are.same({false, "--type needs --member, its struct rb_node"}, {ok, err.usage})
  end)
end)
