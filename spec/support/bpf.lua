-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a BPF program, a map and a link, for the specs of what walks them.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
M.at = {PROGS = S, MAPS = S + 0x20, LINKS = S + 0x40, PROG = S + 0x80, AUX = S + 0x200,
  MAP = S + 0x100, LINK = S + 0x180, USED = S + 0x300}

--- An open handle, a function that sets members; memory.forget behind the test.
function M.open()
  local k = memory.open [[
    struct xarray { unsigned int xa_lock, xa_flags; void *xa_head; };
    struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent; struct xarray *array; void *slots[64];
      unsigned long marks[3][1]; };
    struct idr { struct xarray idr_rt; unsigned int idr_base, idr_next; };
    enum bpf_prog_type { BPF_PROG_TYPE_UNSPEC, BPF_PROG_TYPE_SOCKET_FILTER };
    enum bpf_map_type { BPF_MAP_TYPE_UNSPEC, BPF_MAP_TYPE_HASH };
    enum bpf_link_type { BPF_LINK_TYPE_UNSPEC, BPF_LINK_TYPE_TRACING };
    struct user_struct { struct { unsigned int val; } uid; };
    struct bpf_prog_aux { unsigned int id; char name[16]; unsigned long load_time; unsigned int used_map_cnt; struct bpf_map **used_maps;
      struct user_struct *user; };
    struct bpf_prog { unsigned short pages; unsigned int jited:1; enum bpf_prog_type type; unsigned int len; unsigned char tag[8];
      struct bpf_prog_aux *aux; };
    struct bpf_map { enum bpf_map_type map_type; unsigned int key_size, value_size, max_entries, map_flags, id; char name[16]; };
    struct bpf_link { unsigned int id; enum bpf_link_type type; struct bpf_prog *prog; };
  ]]
  local at = M.at
  memory.symbols {prog_idr = at.PROGS, map_idr = at.MAPS, link_idr = at.LINKS}
  local function set(t, where, members) memory.set(k, "struct " .. t, where, members) end
  for list, entry in pairs {[at.PROGS] = at.PROG, [at.MAPS] = at.MAP, [at.LINKS] = at.LINK} do
    set("idr", list, {["idr_rt.xa_head"] = entry, idr_base = 1})
  end
  set("bpf_prog", at.PROG, {type = 1, len = 2, aux = at.AUX})
  assert(k:write(at.PROG, "\3\0\1")) -- pages, jited
  assert(k:write(at.PROG + k:type("struct bpf_prog"):strip():field("tag").offset, "\xa0\x4f\0\1\2\3\4\5"))
  set("bpf_prog_aux", at.AUX, {id = 1, load_time = 99, used_map_cnt = 1, used_maps = at.USED, user = at.USED + 16})
  assert(k:write(at.USED, ("<I8I8I4"):pack(at.MAP, 0, 1000)))
  assert(k:write(at.AUX + 4, "a-prog\0"))
  set("bpf_map", at.MAP, {map_type = 1, key_size = 4, value_size = 8, max_entries = 16, id = 1})
  set("bpf_link", at.LINK, {id = 1, type = 1, prog = at.PROG})
  return k, set
end

return M
