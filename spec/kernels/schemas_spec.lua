-- SPDX-License-Identifier: BSD-2-Clause
-- What every command prints with --json of real dumps, against the schemas of spec/schemas.
local command = require "spec.support.command"
local lines = require "spec.support.json_lines"
local matrix = require "spec.kernels.matrix"
local registry = require "kvm.cmd"
local schemas = require "spec.support.schemas"

-- The two dumps of diff are one here, which does not differ from itself.
local NO_ANSWER <const> = {diff = true}

if not schemas.can_validate() then
  describe("the schemas of JSON", function() pending "no python3-jsonschema" end)
  return
end

for _, at in ipairs {{"k510", "vmcore"}, {"k61", "vmcore"}, {"k612", "vmcore"}, {"k72", "vmcore"}, {"busy61", "elf"}, {"busy72", "elf"}} do
  matrix.describe(at[1], at[2], function(dump)
    it("is told by JSON as the schemas have it", function()
      local collected = schemas.new()
      for _, name in ipairs(registry.names) do
        if lines[name] then assert.is_true(collected:ask(name, dump.path) > 0 or NO_ANSWER[name] == true, name .. " has no answer") end
      end
      assert.are.equal("", collected:wrong())
    end)
  end)
end

matrix.describe("busy61", "elf", function(other)
  matrix.describe("k61", "vmcore", function(dump)
    it("is told by JSON, where it differs, as the schema has it", function()
      local collected = schemas.new()
      collected:add("diff", (command.run("diff", "--json", dump.path, other.path)))
      assert.is_true(collected.count > 10)
      assert.are.equal("", collected:wrong())
    end)
  end)
end)
