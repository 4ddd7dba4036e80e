-- SPDX-License-Identifier: BSD-2-Clause
-- Collects what commands print with --json, and holds it against the schemas of spec/schemas.
local command = require "spec.support.command"
local harness = require "spec.support.harness"
local json = require "kvm.cli.json"
local lines = require "spec.support.json_lines"
local registry = require "kvm.cmd"

local M = {}

local Collected = {}
Collected.__index = Collected

--- A new collection.
function M.new()
  local path = harness.temp()
  return setmetatable({path = path, file = assert(io.open(path, "wb")), count = 0}, Collected)
end

--- Whether python3 has jsonschema.
function M.can_validate()
  return (os.execute "env -u LD_PRELOAD python3 -c 'import jsonschema' 2>/dev/null") == true
end

--- Adds the lines of a command's output.
function Collected:add(name, text)
  for line in text:gmatch "[^\n]+" do
    self.count = self.count + 1
    self.file:write(name, "\t", line, "\n")
  end
end

--- Adds a record, as --json prints it; one that says what stopped a walk is left out.
function Collected:add_record(name, rec)
  if rec.stopped then return end
  json.render(registry.get(name), function(_, last)
    if last == nil and rec then
      local given = rec
      rec = nil
      return given
    end
  end, {}, function(text) self:add(name, text) end)
end

--- Adds what a command prints of a dump, by all its lines of spec/support/json_lines.lua; how many have an answer.
function Collected:ask(name, dump)
  local answered = 0
  for _, line in ipairs(lines[name]) do
    local words = {name, "--json"}
    for _, word in ipairs(line) do words[#words + 1] = word == "DUMP" and dump or word == "OUT" and harness.temp(false) or word end
    local out = command.run(table.unpack(words))
    if out ~= "" then answered = answered + 1 end
    self:add(name, out)
  end
  return answered
end

--- What is wrong with it, as text; "" for nothing.
function Collected:wrong()
  self.file:close()
  local out = command.shell(("env -u LD_PRELOAD python3 spec/schemas/validate.py <%s"):format(self.path))
  local wrong, count = out:match "^(.-)(%d+)\n$"
  return wrong ~= "" and wrong or tonumber(count) == self.count and "" or out
end

return M
