-- SPDX-License-Identifier: BSD-2-Clause
-- The schemas of what commands print with --json: they have the columns of the registry, and what is printed of the sample is so.
local cjson = require "cjson"
local lines = require "spec.support.json_lines"
local registry = require "kvm.cmd"
local schemas = require "spec.support.schemas"

local function schema_of(name)
  local f = assert(io.open(("spec/schemas/%s.json"):format(name), "rb"))
  local schema = cjson.decode(f:read "a")
  f:close()
  return schema
end

-- The type in a schema for each kind of column.
local TYPES <const> = {
  string = "string", integer = "integer", number = "number", boolean = "boolean", time = "integer", duration = "integer", size = "integer",
  hex = "string", signed_hex = "string", hexes = "array", strings = "array", numbers = "array", counts = "object",
  hexes_by_name = "object", texts = "object", record = "object", records = "array",
}

-- What differs between columns and the schema of an object, as lines of text.
local function compare(columns, schema, path, out)
  local left, required = {}, {}
  for name in pairs(schema.properties or {}) do left[name] = true end
  for _, name in ipairs(schema.required or {}) do required[name] = true end
  if schema.additionalProperties ~= false then out[#out + 1] = path .. ": keys that are not named are allowed" end
  for _, c in ipairs(columns) do
    local property, own = c.json ~= false and (schema.properties or {})[c.name], path .. "." .. c.name
    left[c.name] = nil
    if c.json == false then
      if (schema.properties or {})[c.name] then out[#out + 1] = own .. ": in text alone" end
    elseif not property then
      out[#out + 1] = own .. ": not in the schema"
    else
      local kind = type(property.type) == "table" and property.type[1] or property.type
      if kind ~= TYPES[c.kind] then out[#out + 1] = ("%s: %s, and the column is %s"):format(own, tostring(kind), c.kind) end
      if not required[c.name] then out[#out + 1] = own .. ": not required" end
      if c.kind == "record" then compare(c.columns, property, own, out) end
      if c.kind == "records" then compare(c.columns, property.items or {}, own, out) end
    end
  end
  for name in pairs(left) do out[#out + 1] = path .. "." .. name .. ": no column" end
  return out
end

describe("the schemas of JSON", function()
  for _, name in ipairs(registry.names) do
    local columns = registry.get(name).columns
    if columns[1] then
      it("have the columns of " .. name, function() assert.are.same({}, compare(columns, schema_of(name), name, {})) end)
    end
  end

  it("are found wrong where a column is missing, or another kind, or one too many", function()
    local columns = {{name = "a", kind = "integer"}, {name = "b", kind = "records", columns = {{name = "c", kind = "hex"}}}}
    local function schema()
      return {additionalProperties = false, required = {"a", "b"}, properties = {a = {type = "integer"}, b = {type = {"array", "null"},
        items = {additionalProperties = false, required = {"c"}, properties = {c = {type = "string"}}}}}}
    end
    assert.are.same({}, compare(columns, schema(), "x", {}))
    for message, change in pairs {
      ["x.a: not in the schema"] = function(s) s.properties.a = nil end,
      ["x.d: no column"] = function(s) s.properties.d = {type = "string"} end,
      ["x.a: string, and the column is integer"] = function(s) s.properties.a.type = "string" end,
      ["x.b.c: not in the schema"] = function(s) s.properties.b.items.properties.c = nil end,
      ["x.a: not required"] = function(s) s.required = {"b"} end,
      ["x: keys that are not named are allowed"] = function(s) s.additionalProperties = nil end,
    } do
      local s = schema()
      change(s)
      assert.are.equal(message, compare(columns, s, "x", {})[1])
    end
  end)

  if not schemas.can_validate() then
    pending "the rest: no python3-jsonschema"
    return
  end

  it("refuse what is not so", function()
    for _, line in ipairs {'{"virtual":"0x1"}', '{"stopped":"x","code":"y","addr":null}'} do
      local collected = schemas.new()
      collected:add("vtop", line)
      assert.are_not.equal("", collected:wrong())
    end
  end)

  it("hold for what is printed of the sample", function()
    local collected = schemas.new()
    for _, name in ipairs(registry.names) do
      if lines[name] then assert.is_true(collected:ask(name, "examples/panic.kdump") > 0, name .. " has no answer") end
    end
    assert.is_true(collected.count > 5000)
    assert.are.equal("", collected:wrong())
  end)

  it("are asked of every command that has records", function()
    for _, name in ipairs(registry.names) do
      assert.are.equal(registry.get(name).columns[1] ~= nil and not registry.get(name).takes_commands, lines[name] ~= nil, name)
    end
  end)
end)
