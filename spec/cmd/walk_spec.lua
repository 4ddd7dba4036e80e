-- SPDX-License-Identifier: BSD-2-Clause
local command = require "spec.support.command"
local harness = require "spec.support.harness"
local kvm_error = require "kvm.error"
local walk = require "kvm.cmd.walk"

local function all(fn)
  local out = {}
  for rec in walk.records(fn) do out[#out + 1] = rec end
  return out
end

describe("kvm.cmd.walk", function()
  it("gives what was walked, then where and why it stopped", function()
    assert.are.same({{n = 1}, {n = 2}}, all(function(emit) emit {n = 1} emit {n = 2} end))
    assert.are.same({{n = 1}, {stopped = "no 2", code = "fault", addr = 0x10}}, all(function(emit)
      emit {n = 1}
      error(kvm_error.new {code = "fault", message = "no 2", addr = 0x10})
    end))
    assert.are.same({}, all(function() end))
  end)

  it("goes on behind a damaged part", function()
    local whole = {}
    assert.are.same({{n = 1}, {stopped = "x", code = "format"}, {n = 3}}, all(function(emit)
      for part = 1, 3 do
        whole[part] = walk.part(emit, function(n)
          if n == 2 then kvm_error.fail("format", "x") end
          emit {n = n}
        end, part)
      end
    end))
    assert.are.same({true, false, true}, whole)
  end)

  it("takes a NULL where the kernel has none for damage", function()
    local nothing = {}
    local rec = {}
    assert.is_nil(walk.field(rec, "a", function() return nothing.pointer.member end))
    assert.are.same({partial = {"a"}}, rec)
    assert.are.same({{stopped = "a NULL pointer where the kernel has none (walk_spec, pointer)", code = "format"}},
      all(function() return nothing.pointer.member end))
    assert.are.same({{stopped = "a NULL pointer where the kernel has none (walk_spec)", code = "format"}, {n = 1}}, all(function(emit)
      walk.part(emit, function() require "kvm.object".addr(nothing.pointer) end)
      emit {n = 1}
    end))
    assert.has_error(function() all(function() return nothing.pointer() end) end)
  end)

  it("lets errors through that are no damage", function()
    assert.has_error(function() all(function() error("bug", 0) end) end, "bug")
    assert.has_error(function() all(function(emit) walk.part(emit, error, "bug", 0) end) end, "bug")
  end)

  it("names the fields of a record that can't be read", function()
    local rec = {}
    local function fails() kvm_error.fail("fault", "gone") end
    assert.are.same({1, 2}, {walk.field(rec, "a", function(...) return ... end, 1, 2)})
    assert.is_nil(walk.field(rec, "b", fails))
    walk.fields(rec, {{"c", fails}, {"d", function(x, y) return x + y end}, {"e", function() return nil end}}, 3, 4)
    assert.are.same({partial = {"b", "c"}, d = 7}, rec)
    assert.has_error(function() walk.field(rec, "f", error, "bug", 0) end, "bug")
  end)

  it("is told by luakvm, and by its status", function()
    local script = harness.temp [[
      local walk, kvm_error = require "kvm.cmd.walk", require "kvm.error"
      require "kvm.cmd".get = function()
        return {name = "info", summary = "", operands = {}, options = {}, columns = {{name = "n", kind = "integer", title = "N",
          width = 3}},
          run = function()
            local records = walk.records(function(emit)
              emit {n = 1}
              walk.part(emit, function() error(kvm_error.new {code = "format", message = "loop", addr = 16}) end)
              emit {n = 3}
            end)
            return function() return records() or kvm_error.fail("fault", "gone") end
          end}
      end
      os.exit(require "kvm.cli".main(arg))
    ]]
    local line = ("LUA_PATH=%s LUA_CPATH=%s %s %s info examples/panic.kdump "):format(
      command.quote(package.path), command.quote(package.cpath), os.getenv "KVM_LUA" or "lua5.4", script)
    assert.are.same({'{"n":1}\n{"stopped":"loop","code":"format","addr":"0x10"}\n{"n":3}\n{"stopped":"gone","code":"fault","addr":null}\n',
      "luakvm: loop\nluakvm: gone\n", 1}, {command.shell(line .. "--json")})
    assert.are.same({'{"n":3}\n{"n":1}\n{"stopped":"loop","code":"format","addr":"0x10"}\n{"stopped":"gone","code":"fault","addr":null}\n',
      "luakvm: loop\nluakvm: gone\n", 1}, {command.shell(line .. "--json --sort -n")})
    assert.are.same({"N\n1\n3\n", "luakvm: loop\nluakvm: gone\n", 1}, {command.shell(line)})
  end)
end)
