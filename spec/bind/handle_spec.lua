-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local badargs = require "spec.support.badargs"
local image = require "spec.support.image"
local core = require "kvm.core"

local CORE = image.build()

describe("kvm.open", function()
  harness.guard()

  it("takes a path, or a table with it", function()
    local path = harness.temp(CORE)
    for _, what in ipairs{path, {core = path}} do
      local k <close> = assert(core.open(what))
      assert.are.equal(path, k:info().path)
    end
  end)

  it("returns nil, message and code for what does not open", function()
    local k, message, code = core.open("/nonexistent/core")
    assert.is_nil(k)
    assert.matches("/nonexistent/core: No such file or directory", message, 1, true)
    assert.are.equal("io", code)
    k, message, code = core.open(harness.temp("no dump, just text\n"))
    assert.is_nil(k)
    assert.matches("not a dump", message, 1, true)
    assert.are.equal("format", code)
  end)

  it("never opens something else in the place of a core", function()
    local k, message, code = core.open()
    assert.is_nil(k)
    assert.matches("live kernel", message, 1, true)
    assert.are.equal("unsupported", code)
    assert.are.same({nil, message, code}, {core.open{}})
  end)

  it("raises for options that it does not know, and for values of a wrong type", function()
    local path = harness.temp(CORE)
    assert.has_error(function() core.open{core = path, wirte = true} end, "unknown option 'wirte'")
    assert.has_error(function() core.open{path} end, "unknown option (a number as its name)")
    assert.has_error(function() core.open{core = 1} end, "bad option 'core' (string expected, got number)")
    assert.has_error(function() core.open{core = "a\0b"} end, "bad option 'core' (a path with a zero byte)")
    assert.has_error(function() core.open{namelist = true} end, "bad option 'namelist' (string expected, got boolean)")
    for _, name in ipairs{"write", "overlay", "trace"} do
      assert.has_error(function() core.open{[name] = 1} end, ("bad option '%s' (boolean expected, got number)"):format(name))
    end
    for _, bytes in ipairs{0, -1, 1.5, "4096"} do
      assert.has_error(function() core.open{cache = bytes} end, "bad option 'cache' (a number of bytes above 0 expected)")
    end
    assert.are.equal(8, badargs.check(core.open, "open", {path}, {"?string|table"}) + 3)
  end)

  it("leaves nothing open behind where opening fails", function()
    for len = 0, 400, 7 do
      local k, message, code = core.open(harness.temp(CORE:sub(1, len)))
      assert.is_nil(k, "opened " .. len .. " bytes")
      assert.is_string(message)
      assert.is_string(code)
    end
  end)
end)

describe("a handle", function()
  harness.guard()
  local path
  before_each(function() path = harness.temp(CORE) end)

  it("closes once, however often it is asked to", function()
    local k = assert(core.open(path))
    k:close()
    k:close()
    assert.are.equal("kvm.Handle (closed)", tostring(k))
  end)

  it("closes at the end of its scope", function()
    local kept
    do
      local k <close> = assert(core.open(path))
      kept = k
      assert.are.equal(("kvm.Handle (%s)"):format(path), tostring(k))
    end
    assert.are.equal("kvm.Handle (closed)", tostring(kept))
  end)

  it("is collected", function()
    assert(core.open(path))
    assert(core.open(path)):symbols()
    -- the guard finds a descriptor that stays
  end)

  it("raises code closed from every method after close", function()
    local k = assert(core.open(path))
    k:close()
    local methods, called = getmetatable(k).__index, 0
    for name, method in pairs(methods) do
      if name ~= "close" then
        local ok, err = pcall(method, k, 1, 1)
        assert.is_false(ok, name)
        assert.are.equal("closed", type(err) == "table" and err.code, name)
        assert.are.equal("the handle is closed", tostring(err))
        called = called + 1
      end
    end
    assert.is_true(called >= 36, called .. " methods") -- and those of kvm.object, when it is loaded
  end)

  it("fails its children with closed", function()
    local k = assert(core.open(path))
    local t = assert(k:type("struct thing"))
    local field = t:field("list").type
    local iterators = {k:symbols(), k:symbols("thing"), k:regions(), k:regions("physical"), k:search("needle"), k:swaps(), k:modules(),
      k:procs()}
    k:close()
    for i, step in ipairs(iterators) do
      local ok, err = pcall(step)
      assert.is_false(ok, "iterator " .. i)
      assert.are.equal("closed", err.code, "iterator " .. i)
    end
    for name, method in pairs(getmetatable(t).__index) do
      local ok, err = pcall(method, t, "list")
      assert.is_false(ok, name)
      assert.are.equal("closed", err.code, name)
    end
    assert.are.equal("kvm.Type (closed)", tostring(field))
  end)

  it("is kept alive by its children", function()
    local function make()
      local k = assert(core.open(path))
      return k:symbols("^linux_banner$"), k:type("struct thing"), k:search("lone needle")
    end
    local step, t, search = make()
    collectgarbage()
    collectgarbage()
    assert.are.equal(image.TEXT + 0x2000, step().value)
    assert.are.equal(48, t:size())
    assert.are.equal(image.LONE + 100, search())
  end)

  it("checks that it is a handle", function()
    local k <close> = assert(core.open(path))
    for name, method in pairs(getmetatable(k).__index) do
      for _, what in ipairs{1, "s", {}, io.stdout, print, setmetatable({}, getmetatable(k))} do
        local ok, err = pcall(method, what, 1, 1)
        assert.is_false(ok, name)
        assert.matches("bad argument #1 to .*kvm.Handle expected", err)
      end
    end
  end)

  it("ignores arguments that are too many", function()
    local k <close> = assert(core.open(path))
    assert.are.equal(254, k:u8(image.TEXT + 0x2100 + 15, nil, "more", {}))
  end)

  it("has its methods in a table of their own", function()
    local k <close> = assert(core.open(path))
    local mt = getmetatable(k)
    assert.are.equal("kvm.Handle", mt.__name)
    assert.are_not.equal(mt, mt.__index)
    assert.is_nil(k.no_such_method)
  end)
end)

describe("geterr", function()
  harness.guard()

  it("is empty until a call fails, then tells the last failure", function()
    local k <close> = assert(core.open(harness.temp(CORE)))
    assert.are.equal("", k:geterr())
    local _, message = k:read(image.UNMAPPED, 1)
    assert.are.equal(message, k:geterr())
    local _, err = pcall(k.u64, k, image.UNMAPPED + 0x1000)
    assert.are.equal(err.message, k:geterr())
    assert.are_not.equal(message, err.message)
    k:u8(image.TEXT)
    assert.are.equal(err.message, k:geterr())
  end)
end)
