-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm bpf: BPF programs, maps and links, as bpftool(8) lists them.
local bpf = require "kvm.linux.bpf"
local object = require "kvm.object"
local walk = require "kvm.cmd.walk"

local M = {
  name = "bpf",
  summary = "BPF programs, maps and links",
  operands = {},
  options = {
    {flags = "-p --programs", help = "only programs"},
    {flags = "-m --maps", help = "only maps"},
    {flags = "-l --links", help = "only links"},
  },
  columns = {
    {name = "kind", kind = "string", title = "KIND", width = 5, left = true},
    {name = "id", kind = "integer", title = "ID", width = 6},
    {name = "type", kind = "string", title = "TYPE", width = 20, left = true},
    {name = "name", kind = "string", title = "NAME", width = 16, left = true},
    {name = "tag", kind = "string", title = "TAG", width = 16, left = true},
    {name = "instructions", kind = "integer"},
    {name = "jited", kind = "boolean"},
    {name = "loaded_ns", kind = "integer"},
    {name = "uid", kind = "integer"},
    {name = "memory_bytes", kind = "size", title = "MEMORY", width = 8},
    {name = "map_ids", kind = "numbers"},
    {name = "key_bytes", kind = "integer"},
    {name = "value_bytes", kind = "integer"},
    {name = "entries", kind = "integer"},
    {name = "flags", kind = "hex"},
    {name = "program", kind = "integer"},
    {name = "addr", kind = "hex", title = "ADDRESS", left = true, width = 18},
    {name = "partial", kind = "strings"},
  },
  no_match = "there is no BPF program, map or link",
}

-- What is told of each kind: key, and how it is found.
local PROG <const> = {
  {"type", bpf.kind}, {"name", function(o) return o.aux.name end}, {"tag", bpf.tag}, {"instructions", function(o) return o.len end},
  {"jited", function(o) return o.jited ~= 0 end}, {"loaded_ns", function(o) return o.aux.load_time end},
  {"uid", function(o) return o.aux.user.uid.val end},
  {"memory_bytes", function(o) return o.pages * object.handle(o):page_size() end}, {"map_ids", bpf.map_ids},
}
local MAP <const> = {
  {"type", bpf.kind}, {"name", function(o) return o.name end}, {"key_bytes", function(o) return o.key_size end},
  {"value_bytes", function(o) return o.value_size end}, {"entries", function(o) return o.max_entries end},
  {"flags", function(o) return o.map_flags end},
}
local LINK <const> = {{"type", bpf.kind}, {"program", function(o) return o.prog and o.prog.aux.id end}}

local KINDS <const> = {{"prog", "programs", bpf.for_each_prog, PROG}, {"map", "maps", bpf.for_each_map, MAP},
  {"link", "links", bpf.for_each_link, LINK}}

local function record(kind, id, o, parts)
  local rec = {kind = kind, id = id, addr = object.addr(o)}
  walk.fields(rec, parts, o)
  return rec
end

--- BPF programs, maps and links.
-- @param k an open handle
-- @tparam[opt] table opts programs, maps, links (only these)
-- @treturn function an iterator of records: kind ("prog", "map", "link"), id, type, name; of programs tag, instructions, jited, loaded_ns
--  (since the boot), uid, memory_bytes (of the program itself), map_ids ({integer,...}: the maps that it uses); of maps key_bytes,
--  value_bytes, entries, flags (BPF_F_*); of links program (id); addr (of the kernel's structure), partial (keys that could not be read);
--  what is damaged, or not in this kernel, as kvm.cmd.walk tells it
-- @raise kvm.Error
-- @usage for r in require "kvm.cmd.bpf".run(k) do assert(r.stopped or r.id > 0) end
function M.run(k, opts)
  opts = opts or {}
  local all = not (opts.programs or opts.maps or opts.links)
  return walk.records(function(emit)
    for _, kind in ipairs(KINDS) do
      if all or opts[kind[2]] then
        walk.part(emit, function()
          for id, o in kind[3](k) do emit(record(kind[1], id, o, kind[4])) end
        end)
      end
    end
  end)
end

return M
