-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with the tables of /proc/sys: kernel/a_number, kernel/a_text, a link, and others, for the specs of what walks them.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local TICK <const>, DATA <const>, TEXTS <const>, TABLE <const>, NODES <const> = S, S + 0x100, S + 0x300, S + 0x800, S + 0x1000
local SET <const>, HEADER <const>, DIR <const>, DIR_TABLE <const>, DIR_NODE <const> = S + 0x1800, S + 0x1900, S + 0x1a00, S + 0x1b00,
  S + 0x1b80
M.at = {SET = SET, HEADER = HEADER, DIR = DIR, TABLE = TABLE, NODES = NODES, DATA = DATA, TICK = TICK}

-- Functions that print, at addresses of their own.
local HANDLERS <const> = {"proc_dointvec", "proc_dostring", "proc_dointvec_jiffies", "proc_dointvec_ms_jiffies", "proc_doulongvec_minmax",
  "proc_dou8vec_minmax", "proc_do_static_key", "proc_do_large_bitmap", "proc_do_uuid", "a_function_of_its_own", "proc_do_cad_pid",
  "proc_cap_handler", "ndisc_ifinfo_sysctl_change", "set_default_qdisc", "proc_taint", "proc_dobool",
  "proc_fib_multipath_hash_policy", "proc_dointvec_userhz_jiffies"}
local function handler(name)
  for i, known in ipairs(HANDLERS) do
    if known == name then return S + 0x1c00 + i * 8 end
  end
end

--- An open handle whose directory "kernel" has the ENTRIES, a list of {name, printed by, bytes, [maxlen], [mode]}; a function that sets
--- members; memory.forget behind the test. COUNTED: tables have a length (since 6.6).
function M.open(entries, counted)
  local k = memory.open(([[
    struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };
    struct rb_root { struct rb_node *rb_node; };
    struct ctl_table { const char *procname; void *data; int maxlen; unsigned short mode; int (*proc_handler)(void); };
    struct ctl_node { struct rb_node node; struct ctl_table_header *header; };
    struct ctl_table_header { struct ctl_table *ctl_table; %s int used; struct ctl_node *node; };
    struct ctl_dir { struct ctl_table_header header; struct rb_root root; };
    struct ctl_table_set { int (*is_seen)(void); struct ctl_dir dir; };
    struct ctl_table_root { struct ctl_table_set default_set; };
    struct timekeeper { unsigned long ntp_tick; };
    struct upid { int nr; };
    struct pid { struct upid numbers[1]; };
    struct Qdisc_ops { void *next; char id[16]; };
  ]]):format(counted and "int ctl_table_size;" or ""))
  local function set(t, at, members) memory.set(k, "struct " .. t, at, members) end
  local symbols = {sysctl_table_root = SET, shadow_timekeeper = TICK, cad_pid = DATA, usermodehelper_bset = DATA,
    default_qdisc_ops = DATA + 0x40, tainted_mask = DATA + 8}
  for _, name in ipairs(HANDLERS) do symbols[name] = handler(name) end
  memory.symbols(symbols)
  assert(k:write(S, ("\0"):rep(0x1c00)))
  set("timekeeper", TICK, {ntp_tick = 4000000 << 32})
  local entry, node = k:type("struct ctl_table"):size(), k:type("struct ctl_node"):size()
  local text, data = TEXTS, DATA + 0x80
  for i, e in ipairs(entries) do
    assert(k:write(text, e[1] .. "\0"))
    if e[3] then assert(k:write(data, e[3])) end
    set("ctl_table", TABLE + (i - 1) * entry, {procname = text, data = e[3] and data or 0, maxlen = e[4] or #(e[3] or ""),
      mode = e[5] or 0x81a4, proc_handler = handler(e[2]) or 0})
    -- a chain to the right: in order, and each node's parent is the one before
    set("ctl_node", NODES + (i - 1) * node, {header = HEADER, ["node.rb_right"] = entries[i + 1] and NODES + i * node or 0,
      ["node.__rb_parent_color"] = (i == 1 and 0 or NODES + (i - 2) * node) | 1})
    text, data = text + #e[1] + 1, data + (#(e[3] or "") + 7) // 8 * 8
  end
  assert(text <= TABLE and TABLE + #entries * entry <= NODES and data <= TEXTS)
  set("ctl_table_header", HEADER, {ctl_table = TABLE, node = NODES})
  if counted then set("ctl_table_header", HEADER, {ctl_table_size = #entries}) end
  -- the directory itself is an entry of the root's tree, of a table of its own
  assert(k:write(DIR_TABLE + 0x40, "kernel\0"))
  set("ctl_table", DIR_TABLE, {procname = DIR_TABLE + 0x40, mode = 0x4000 | 0x16d})
  set("ctl_dir", DIR, {["header.ctl_table"] = DIR_TABLE, ["header.node"] = DIR_NODE, ["root.rb_node"] = entries[1] and NODES or 0})
  if counted then set("ctl_table_header", DIR, {ctl_table_size = 1}) end
  set("ctl_node", DIR_NODE, {header = DIR, ["node.__rb_parent_color"] = 1})
  set("ctl_table_set", SET, {["dir.root.rb_node"] = DIR_NODE})
  return k, set
end

return M
