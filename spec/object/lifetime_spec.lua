-- SPDX-License-Identifier: BSD-2-Clause
-- Objects, their paths and readers against what ends their handle, collects what they were made from, or mixes two handles.
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kvm = require "kvm"

local TEXT = [[
struct inner { int a; };
struct node { struct node *a, *b, *c, *d; struct inner in, many[3]; char text[4000]; int n; };
]]
local NAMES <const> = {"a", "b", "c", "d"}

describe("objects", function()
  harness.guard()
  local CORE = image.build()
  local k, t, o

  local function poke(path, form, v)
    assert(k:write(image.LARGE + t:field(path).offset, form:pack(v)))
  end

  before_each(function()
    k = harness.open {core = harness.temp(CORE), write = true}
    t = kvm.cdef(k, TEXT)["struct node"]
    assert(k:write(image.LARGE, ("\0"):rep(t:size())))
    o = k:object(image.LARGE, t)
  end)

  local function raised(code, f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    assert.are.equal(code, err.code, tostring(err))
    return err
  end

  it("keep the way they were reached, also from a variable that is a pointer", function()
    poke("a", "<I8", image.UNMAPPED)
    local p = k:object(image.LARGE, "struct node *")
    for _ = 1, 3 do collectgarbage() end
    local used = {} -- memory that was given back has other contents now
    for i = 1, 1000 do used[#used + 1] = ("x"):rep(80 + i % 100) end
    assert.are.equal(1000, #used)
    assert.matches("^struct node %*%.b: 0x", raised("fault", function() return p.b end).message)
    assert(k:write(k:symbol "numbers".value, ("<I8"):pack(image.UNMAPPED)))
    local q = k:object("numbers", "struct node *")
    assert.matches("^numbers%.in%.a: 0x", raised("fault", function() return q["in"].a end).message)
  end)

  it("need no more memory the more often they are reached", function()
    for _, name in ipairs(NAMES) do poke(name, "<I8", image.LARGE) end
    local walk, x = o, 12345
    local function steps(n)
      for _ = 1, n do
        x = (x * 1664525 + 1013904223) & 0xffffffff
        walk = walk[NAMES[(x >> 8) % 4 + 1]]
      end
      for _ = 1, n // 20 do k:object("numbers", t) end
      for _ = 1, 2 do collectgarbage() end
      return collectgarbage "count"
    end
    local before = steps(200000)
    assert.is_true(steps(200000) - before < 500)
    assert.are.equal(o, walk)
  end)

  describe("whose handle a finalizer closes", function()
    -- Calls F with garbage whose finalizer closes the handle, until it was closed while F ran.
    local function closing(f)
      local inside
      for _ = 1, 60 do
        local h = harness.open {core = harness.temp(CORE), write = true}
        local ht = kvm.cdef(h, TEXT)["struct node"]
        assert(h:write(image.LARGE, ("\0"):rep(ht:field "text".offset) .. ("t"):rep(4000) .. "\0"))
        local run = f(h, ht)
        collectgarbage()
        inside = nil
        local entered = true
        setmetatable({}, {__gc = function()
          inside = entered
          h:close()
        end})
        collectgarbage("setpause", 1)
        local ok, e = pcall(run)
        entered = false
        if inside then return ok, e end
        h:close()
      end
      return nil
    end

    local function fails_closed(f)
      collectgarbage("incremental", 1, 1000, 1)
      local ok, e = closing(f)
      collectgarbage("incremental", 200, 100, 13)
      if ok == nil then return pending "no collection fell into the call" end
      assert.is_false(ok, tostring(e))
      assert.are.equal("closed", e.code, tostring(e))
    end

    it("end readers", function()
      fails_closed(function(_, ht)
        local members = {}
        for i = 0, 199 do members[i + 1] = ("many[%d]"):format(i % 3) end
        members[200] = "text"
        local read = kvm.reader(ht, members)
        return function() for i = 0, 63 do read(image.LARGE + i) end end
      end)
    end)

    it("end long strings", function()
      fails_closed(function(h, ht)
        local node = h:object(image.LARGE, ht)
        return function() for _ = 1, 1000 do local _ = node.text end end
      end)
    end)

    it("end copies", function()
      fails_closed(function(h, ht)
        local node = h:object(image.LARGE, ht)
        return function() for _ = 1, 1000 do kvm.fetch(node) end end
      end)
    end)

    it("end reads of memory and lists of members", function()
      fails_closed(function(h) return function() for _ = 1, 1000 do h:read(image.LARGE, 8192) end end end)
      fails_closed(function(_, ht) return function() for _ = 1, 1000 do ht:members() end end end)
      fails_closed(function(h) return function() for _ = 1, 1000 do h:cstring(image.LARGE + 64) end end end)
    end)
  end)

  describe("of two handles", function()
    local k2, t2, o2
    before_each(function()
      k2 = harness.open {core = harness.temp(CORE), write = true}
      local text = "struct other { int x; }; struct inner { long b; }; struct node { struct inner *q; struct node *a; };"
      t2 = kvm.cdef(k2, text)["struct node"]
      o2 = k2:object(image.LARGE, t2)
    end)

    it("are not made with types of the other one", function()
      assert.are.equal("inval", select(3, k:object(image.LARGE, t2)))
      assert.are.equal("inval", select(3, k:object(image.LARGE, o2)))
      raised("inval", kvm.cast, o, t2)
      raised("inval", kvm.container_of, o["in"], t2, "a")
      raised("inval", kvm.linux.list.for_each_entry, t2, k:object(image.LARGE, "struct list_head"), "a")
      assert.are.equal("struct node", kvm.typeof(k:object(image.LARGE, t)):spell())
      assert.is_nil(o.a)
    end)

    it("are no arguments for readers of the other one, nor objects of another type", function()
      local read = kvm.reader(t, {"n", "a"})
      assert.are.same({0}, {read(o)})
      assert.has_error(function() read(o2) end)
      assert.has_error(function() read(o["in"]) end)
      assert.has_error(function() kvm.reader(t2, {"a"})(o) end)
    end)

    it("are different, and neither assigned nor subtracted", function()
      local same = kvm.cdef(k2, "struct same { int a; };")["struct same"]
      local there = k2:object(image.LARGE, same)
      local here = k:object(image.LARGE, kvm.cdef(k, "struct same { int a; };")["struct same"])
      assert.are_not.equal(here, there)
      raised("inval", function() return here - there end)
      raised("inval", function() o.a = o2 end)
    end)
  end)
end)
