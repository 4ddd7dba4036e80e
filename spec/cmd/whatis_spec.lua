-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kvm = require "kvm"
local whatis = require "kvm.cmd.whatis"

describe("kvm.cmd.whatis", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  local function records(opts) return fake.collect(whatis.run(k, opts)) end

  local function text(opts)
    local out = {}
    for rec in whatis.run(k, opts) do out[#out + 1] = whatis.text(rec, opts) end
    return table.concat(out)
  end

  it("tells types", function()
    assert.are.equal("struct list_head {\n    struct list_head *next;\n    struct list_head *prev;\n}; /* size: 16, members: 2 */\n",
      text {name = "list_head"})
    assert.are.equal("typedef int pid_t; /* size: 4 */\n", text {name = "pid_t"})
    assert.are.equal("enum color {\n    RED = 1,\n    GREEN = -2,\n}; /* size: 4 */\n", text {name = "enum color"})
    kvm.cdef(k, "typedef struct { int counter; } atom;")
    assert.are.equal("typedef struct {\n    int counter;\n} atom; /* size: 4, members: 1 */\n", text {name = "atom"})
    local r = records {name = "struct thing"}[1]
    assert.are.same({"thing", "struct", "struct thing", 48}, {r.name, r.kind, r.type, r.size})
  end)

  it("tells variables", function()
    local at = image.TEXT + 0x2800
    assert.are.equal(("struct list_head modules; /* size: 16, at 0x%x */\n"):format(at), text {name = "modules"})
    assert.are.equal(("numbers: a variable of a type that is not known /* at 0x%x */\n"):format(image.TEXT + 0x2100),
      text {name = "numbers"})
    kvm.cdef(k, "extern int numbers[4];")
    assert.are.equal(("int numbers[4]; /* size: 16, at 0x%x */\n"):format(image.TEXT + 0x2100), text {name = "numbers"})
    local r = records {name = "modules"}[1]
    assert.are.same({"modules", "variable", "struct list_head", 16, at}, {r.name, r.kind, r.type, r.size, r.addr})
    assert.is_false((pcall(records, {name = "super_blocks"}))) -- well known, but this kernel has none
  end)

  it("tells of variables that each CPU has, of which none lies at the symbol", function()
    local symbol = k.symbol
    local names = {__per_cpu_start = 0, __per_cpu_end = 0x200, counter = 0x40}
    local handle = setmetatable({}, {__index = function(_, key)
      if key == "symbol" then
        return function(_, name) return names[name] and {name = name, value = names[name], type = "D"} or symbol(k, name) end
      elseif key == "info" then
        return function() return {os = "linux"} end
      end
      return function(_, ...) return k[key](k, ...) end
    end})
    local r = fake.collect(whatis.run(handle, {name = "counter"}))[1]
    assert.are.equal(0x40, r.addr)
    assert.are.equal("counter: a variable of a type that is not known /* one for each CPU: counter:0 is CPU 0's */\n", whatis.text(r))
    r.type, r.size = "unsigned long", 8
    assert.are.equal("unsigned long counter; /* size: 8, one for each CPU: counter:0 is CPU 0's */\n", whatis.text(r))
  end)

  it("tells values of enums", function()
    assert.are.equal("enum color { GREEN = -2 };\n", text {name = "GREEN"})
    local r = records {name = "RED"}[1]
    assert.are.same({"RED", "enumerator", "enum color", 1}, {r.name, r.kind, r.type, r.value})
  end)

  it("refuses other names, with types that are near", function()
    for name, near in pairs {no_such_name = "", ["struct no_such"] = "", thingg = ": nearest is thing", clor = ": nearest is color"} do
      local ok, e = pcall(records, {name = name})
      assert.are.same({false, "notfound", ("nothing is known of %q"):format(name) .. near}, {ok, e.code, e.message})
    end
  end)

  it("finds structs by size", function()
    assert.are.equal("      48  struct thing\n", text {size = "48"})
    assert.are.equal("      16  struct list_head\n      48  struct thing\n", text {size = "0x10-48"})
    assert.are.same({}, records {size = 47})
  end)

  it("finds structs by the type of a member, behind pointers too", function()
    assert.are.equal("      16  struct list_head: next, prev\n      48  struct thing: list\n", text {member = "list_head"})
    assert.are.equal("      48  struct thing: pid\n", text {member = "pid_t"})
    assert.are.equal("      48  struct thing: name\n", text {member = "char"})
    assert.are.same({"half"}, records({member = "int"})[1].members) -- in an anonymous union
    assert.are.equal("      16  struct list_head: next, prev\n", text {member = "list_head", size = "8-32"})
  end)

  it("wants one thing to look for", function()
    for _, opts in ipairs {{}, {name = "x", size = "1"}, {name = "x", member = "int"}, {size = "x"}, {size = "9-1"}, {size = "-1"}} do
      local ok, e = pcall(records, opts)
      assert.is_false(ok)
      assert.is_string(e.usage)
    end
    local ok, e = pcall(records, {member = "struct no_such"})
    assert.are.same({false, "notfound"}, {ok, e.code})
  end)
end)
