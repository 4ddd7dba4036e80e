-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kvm = require "kvm"
local struct = require "kvm.cmd.struct"

describe("kvm.cmd.struct", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  local function records(opts) return fake.collect(struct.run(k, opts)) end

  local function text(opts)
    local out = {}
    for rec in struct.run(k, opts) do out[#out + 1] = struct.text(rec, opts) end
    return table.concat(out)
  end

  local function raised(opts)
    local ok, e = pcall(records, opts)
    assert.is_false(ok)
    return e
  end

  it("gives a layout as a record", function()
    local r = records {type = "list_head"}
    assert.are.equal(1, #r)
    assert.are.same({"list_head", "struct", 16}, {r[1].name, r[1].kind, r[1].size})
    assert.is_nil(r[1].addr)
    local m = r[1].members[2]
    assert.are.same({"prev", "struct list_head *", 8, 64, 0, 8, 0}, {m.name, m.type, m.offset, m.bit_offset, m.bit_size, m.size, m.depth})
    assert.is_nil(m.value)
  end)

  it("prints layouts", function()
    local head = "struct list_head {\n"
    local first = "    struct list_head *next;                      /*      0      8 */\n"
    assert.matches(head .. first, text {type = "struct list_head"}, 1, true)
    assert.are.equal(head .. "    [0] struct list_head *next;\n    [8] struct list_head *prev;\n}; /* size: 16, members: 2 */\n",
      text {type = "list_head", offsets = true})
    assert.are.equal("struct thing {\n    [36:3] unsigned int high:5;\n};\n", text {type = "thing.high", offsets = true})
    kvm.cdef(k, "union either { int a; char b; };")
    assert.matches("^union either {\n    int a; ", text {type = "either"})
    assert.are.equal("typedef int pid_t; /* size: 4 */\n", text {type = "pid_t"})
    assert.matches("^enum color {\n    RED = 1,\n", text {type = "enum color"})
  end)

  it("prints what lies in memory", function()
    local at = image.TEXT + 0x2800
    assert.are.equal(("(struct list_head){\n  .next = 0x%x <modules>,\n  .prev = 0x%x <modules>,\n}\n"):format(at, at),
      text {type = "list_head", addr = "modules"})
    assert.are.equal(("(struct list_head){\n  .prev = 0x%x <modules>,\n}\n"):format(at),
      text {type = "list_head.prev", addr = "modules"})
    local declared = "struct list_head {\n    [%x] struct list_head *next;\n    [%x] struct list_head *prev;\n}; "
    assert.are.equal(declared:format(at, at + 8) .. "/* size: 16, members: 2 */\n",
      text {type = "list_head", addr = "modules", offsets = true})
    assert.are.equal("-2\n", text {type = "int", addr = image.TEXT + 0x2100})
  end)

  it("gives values in records", function()
    local r = records {type = "thing", addr = image.DATA + 0x100}[1]
    assert.are.equal(image.DATA + 0x100, r.addr)
    local values = {}
    for _, m in ipairs(r.members) do values[m.name or "-"] = m.value or "-" end
    local pid = ("<i4"):unpack(image.PAGE_A, 0x100 + 40 + 1)
    local bits = image.PAGE_A:byte(0x100 + 36 + 1)
    assert.are.same({"-", tostring(pid), tostring(bits & 7), tostring(bits >> 3)}, {values["-"], values.pid, values.low, values.high})
  end)

  it("shows several, and the struct around a member", function()
    local at = image.TEXT + 0x2800
    local r = records {type = "list_head", addr = at, count = 3}
    assert.are.same({at, at + 16, at + 32}, {r[1].addr, r[2].addr, r[3].addr})
    for _, member in ipairs {"prev", "list_head.prev"} do
      assert.are.equal(at, records({type = "list_head", addr = at + 8, member = member})[1].addr)
    end
  end)

  it("passes options on", function()
    local opts = {type = "thing.low,pid", addr = image.DATA + 0x100, hex = true, types = true}
    assert.matches("^%(struct thing%){\n  unsigned int low:3 = 0x%x+,\n  pid_t pid = 0x%x+,\n}\n$", text(opts))
    assert.are.equal("(struct list_head){}\n", text {type = "list_head", addr = image.LONE + 1024, nonzero = true})
    assert.matches(".list = {...}", text {type = "thing", addr = image.LONE, depth = 0}, 1, true)
  end)

  it("shows what can be read, and raises where nothing can", function()
    local out = text {type = "thing", addr = image.HOLED + 0x1000 - 20}
    assert.matches(".name = ", out, 1, true)
    assert.matches(("<fault 0x%x>"):format(image.HOLED + 0x1000), out, 1, true)
    local e = raised {type = "list_head", addr = image.UNMAPPED}
    assert.are.same({"fault", image.UNMAPPED}, {e.code, e.addr})
  end)

  it("takes types without a name", function()
    local at = image.TEXT + 0x2800
    assert.are.equal(('"Linux version 6."\n'), text {type = "char [16]", addr = "linux_banner"})
    assert.are.equal("struct list_head *[2]; /* size: 16 */\n", text {type = "struct list_head *[2]"})
    assert.matches("^%(struct list_head%){\n  .next = ", text {type = "struct list_head *", addr = at})
    assert.are.same({"inval", "notfound"}, {raised({type = "struct ("}).code, raised({type = "struct no_such *"}).code})
  end)

  it("names types and members that are near", function()
    assert.matches('no type "list_haed" in BTF: nearest is list_head$', raised({type = "list_haed"}).message)
    assert.matches('no type "union thingy" in BTF: nearest is thing$', raised({type = "union thingy"}).message)
    assert.matches('no type "xxxxxxxxxxxx" in BTF$', raised({type = "xxxxxxxxxxxx"}).message)
    assert.are.equal("struct list_head has no member nxt: nearest is next", raised({type = "thing.list.nxt"}).message)
    assert.are.equal("struct list_head has no member nxt: nearest is next",
      raised({type = "thing.list.nxt", addr = image.LONE}).message)
  end)

  it("refuses what makes no sense", function()
    assert.are.equal("notfound", raised({type = "struct no_such"}).code)
    assert.are.equal("notfound", raised({type = "list_head.nosuch"}).code)
    assert.are.equal("inval", raised({type = "int.x"}).code)
    assert.are.equal("notfound", raised({type = "list_head", addr = "no_such_symbol"}).code)
    for _, opts in ipairs {{count = 0, addr = 0}, {count = 2}, {member = "prev"}, {type = "list_head.next,"}} do
      opts.type = opts.type or "list_head"
      assert.is_string(raised(opts).usage)
    end
  end)
end)
