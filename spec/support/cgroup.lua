-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a tree of control groups (/, /lab) of version 2 and a task in the lower one, a hierarchy of version 1 of which it is in the
-- root, and two controllers, for the specs of what walks them.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local ROOTS, ONE, LINK, SUBSYS, KEYS, MEMORY_SUBSYS, PIDS_SUBSYS, NAMES = S + 0x800, S + 0x900, S + 0xa00, S + 0xb00, S + 0xb20, S + 0xb40,
  S + 0xb60, S + 0xb80
local ROOT, LAB, KN_ROOT, KN_LAB, NAME, TASK, SET, MEMORY = S, S + 0x100, S + 0x200, S + 0x240, S + 0x280, S + 0x2c0,
  S + 0x300, S + 0x340
M.at = {MEMORY = MEMORY, ROOT = ROOT, LAB = LAB, KN_LAB = KN_LAB, TASK = TASK, SET = SET, ONE = ONE, LINK = LINK, ROOTS = ROOTS}

--- An open handle, a function that sets members; memory.forget behind the test.
function M.open()
  local k = memory.open [[
    enum cgroup_subsys_id { memory_cgrp_id, pids_cgrp_id };
    struct kernfs_node { struct kernfs_node *__parent; const char *name; };
    struct cgroup_subsys_state { struct cgroup *cgroup; struct list_head sibling, children; };
    struct cgroup { struct cgroup_subsys_state self; int level; struct kernfs_node *kn; struct cgroup_subsys_state *subsys[2];
      struct cgroup_root *root; };
    typedef struct { int counter; } atomic_t;
    struct cgroup_root { struct cgroup cgrp; int hierarchy_id; struct list_head root_list; atomic_t nr_cgrps; };
    struct cgroup_subsys { const char *legacy_name; struct cgroup_root *root; };
    struct cgrp_cset_link { struct cgroup *cgrp; struct list_head cset_link, cgrp_link; };
    struct css_set { struct cgroup *dfl_cgrp; struct list_head cgrp_links; };
    enum memcg_memory_event { MEMCG_LOW, MEMCG_OOM_KILL, MEMCG_NR_MEMORY_EVENTS };
    struct mem_cgroup { struct cgroup_subsys_state css; struct { struct { long counter; } usage; unsigned long max; } memory;
      struct { long counter; } memory_events_local[2]; };
    struct pids_cgroup { struct cgroup_subsys_state css; struct { long counter; } counter; };
    struct grouped { struct css_set *cgroups; };
  ]]
  memory.symbols {cgrp_dfl_root = ROOT, cgroup_roots = ROOTS, cgroup_subsys = SUBSYS, cgroup_subsys_enabled_key = KEYS}
  local function set(t, at, members) memory.set(k, "struct " .. t, at, members) end
  local css = k:type("struct cgroup_subsys_state"):strip()
  local sibling, children = css:field("sibling").offset, css:field("children").offset
  local function ring(head, node)
    assert(k:write(head, ("<I8I8"):pack(node, node)))
    assert(k:write(node, ("<I8I8"):pack(head, head)))
  end
  ring(ROOT + children, LAB + sibling)
  ring(LAB + children, LAB + children)
  set("cgroup", ROOT, {["self.cgroup"] = ROOT, kn = KN_ROOT})
  set("cgroup", LAB, {["self.cgroup"] = LAB, level = 1, kn = KN_LAB})
  assert(k:write(LAB + k:type("struct cgroup"):strip():field("subsys").offset, ("<I8"):pack(MEMORY)))
  set("mem_cgroup", MEMORY, {["memory.usage.counter"] = 3})
  set("kernfs_node", KN_LAB, {__parent = KN_ROOT, name = NAME})
  assert(k:write(NAME, "lab\0"))
  set("css_set", SET, {dfl_cgrp = LAB})
  set("grouped", TASK, {cgroups = SET})
  local root_list = k:type("struct cgroup_root"):strip():field("root_list").offset
  ring(ROOTS, ONE + root_list)
  ring(ONE + children, ONE + children)
  set("cgroup_root", ONE, {hierarchy_id = 3, ["cgrp.self.cgroup"] = ONE, ["cgrp.kn"] = KN_ROOT, ["cgrp.root"] = ONE,
    ["nr_cgrps.counter"] = 1})
  set("cgroup_root", ROOT, {["nr_cgrps.counter"] = 2, ["cgrp.root"] = ROOT, hierarchy_id = 0})
  ring(SET + k:type("struct css_set"):strip():field("cgrp_links").offset,
    LINK + k:type("struct cgrp_cset_link"):strip():field("cgrp_link").offset)
  set("cgrp_cset_link", LINK, {cgrp = ONE})
  assert(k:write(SUBSYS, ("<I8I8"):pack(MEMORY_SUBSYS, PIDS_SUBSYS)))
  assert(k:write(KEYS, ("<I8I8"):pack(NAMES + 0x40, NAMES + 0x44)))
  assert(k:write(NAMES, "memory\0pids\0"))
  assert(k:write(NAMES + 0x40, ("<i4i4"):pack(1, 0)))
  set("cgroup_subsys", MEMORY_SUBSYS, {legacy_name = NAMES, root = ROOT})
  set("cgroup_subsys", PIDS_SUBSYS, {legacy_name = NAMES + 7, root = ONE})
  return k, set
end

return M
