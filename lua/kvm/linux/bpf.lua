-- SPDX-License-Identifier: BSD-2-Clause
-- linux/bpf.h: BPF programs, maps and links by their ids (kernel/bpf/syscall.c: prog_idr, map_idr, link_idr). Checked against Linux 5.10,
-- 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local idr = require "kvm.linux.idr"
local kallsyms = require "kvm.linux.kallsyms"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local TABLES <const> = {
  prog = {symbol = "prog_idr", type = "struct bpf_prog"}, map = {symbol = "map_idr", type = "struct bpf_map"},
  link = {symbol = "link_idr", type = "struct bpf_link"},
}

local function each(k, which)
  local t = TABLES[which]
  local addr = kallsyms.need(k, {t.symbol}, "BPF system call", "CONFIG_BPF_SYSCALL")
  return idr.for_each_entry(t.type, kvm_error.check(k:object(addr, "struct idr")))
end

--- The BPF programs.
-- @param k an open handle
-- @treturn function an iterator of id and `struct bpf_prog`
-- @raise kvm.Error `notfound`: this kernel has no BPF system call (CONFIG_BPF_SYSCALL); `format` where it is damaged
-- @usage for id, prog in kvm.linux.bpf.for_each_prog(k) do assert(prog.aux.id == id) end
function M.for_each_prog(k) return each(k, "prog") end

--- The BPF maps.
-- @param k an open handle
-- @treturn function an iterator of id and `struct bpf_map`
-- @raise kvm.Error as for_each_prog
-- @usage for id, map in kvm.linux.bpf.for_each_map(k) do assert(map.id == id) end
function M.for_each_map(k) return each(k, "map") end

--- The BPF links (since 5.8).
-- @param k an open handle
-- @treturn function an iterator of id and `struct bpf_link`
-- @raise kvm.Error as for_each_prog
-- @usage for id, link in kvm.linux.bpf.for_each_link(k) do assert(link.id == id) end
function M.for_each_link(k) return each(k, "link") end

-- "BPF_PROG_TYPE_SOCKET_FILTER" -> "socket_filter"
local function enumerator(o, member, prefix)
  local name, value = object.enum(o, member)
  return name and name:gsub("^" .. prefix, ""):lower() or tostring(value)
end

--- What kind a program, map or link is.
-- @param o `struct bpf_prog`, `struct bpf_map` or `struct bpf_link`
-- @treturn string "socket_filter", "array", "tracing" ...
-- @raise kvm.Error
-- @usage for _, map in kvm.linux.bpf.for_each_map(k) do assert(#kvm.linux.bpf.kind(map) > 0) end
function M.kind(o)
  local name = object.typeof(o):name()
  if name == "bpf_map" then return enumerator(o, "map_type", "BPF_MAP_TYPE_") end
  return enumerator(o, "type", name == "bpf_prog" and "BPF_PROG_TYPE_" or "BPF_LINK_TYPE_")
end

--- The tag of a program: the beginning of its digest.
-- @param prog `struct bpf_prog`
-- @treturn string 16 hexadecimal digits
-- @raise kvm.Error
-- @usage for _, prog in kvm.linux.bpf.for_each_prog(k) do assert(#kvm.linux.bpf.tag(prog) == 16) end
function M.tag(prog)
  local k = object.handle(prog)
  local bytes = kvm_error.check(k:read(object.addr(prog) + types.offsetof(k, "struct bpf_prog", "tag"), 8))
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local MOST_MAPS <const> = 1024 -- more than the verifier's MAX_USED_MAPS

--- The maps that a program uses.
-- @param prog `struct bpf_prog`
-- @treturn {integer,...} their ids
-- @raise kvm.Error `format` for a number of them that can't be
-- @usage for _, prog in kvm.linux.bpf.for_each_prog(k) do assert(#kvm.linux.bpf.map_ids(prog) == prog.aux.used_map_cnt) end
function M.map_ids(prog)
  local k, aux, out = object.handle(prog), prog.aux, {}
  local count = aux.used_map_cnt
  if count > MOST_MAPS then kvm_error.fail("format", "a program of %d maps at 0x%x", count, object.addr(prog)) end
  local at = count > 0 and object.addr(aux.used_maps)
  for i = 1, count do out[i] = kvm_error.check(k:object(k:ptr(at + 8 * (i - 1)), "struct bpf_map")).id end
  return out
end

return M
