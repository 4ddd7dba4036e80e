-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a tree of control groups (/, /lab) and a task in the lower one, for the specs of what walks it.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local ROOT, LAB, KN_ROOT, KN_LAB, NAME, TASK, SET, MEMORY = S, S + 0x100, S + 0x200, S + 0x240, S + 0x280, S + 0x2c0, S + 0x300, S + 0x340
M.at = {ROOT = ROOT, LAB = LAB, KN_LAB = KN_LAB, TASK = TASK, SET = SET}

--- An open handle, a function that sets members; memory.forget behind the test.
function M.open()
  local k = memory.open [[
    enum cgroup_subsys_id { memory_cgrp_id, pids_cgrp_id };
    struct kernfs_node { struct kernfs_node *__parent; const char *name; };
    struct cgroup_subsys_state { struct cgroup *cgroup; struct list_head sibling, children; };
    struct cgroup { struct cgroup_subsys_state self; int level; struct kernfs_node *kn; struct cgroup_subsys_state *subsys[2]; };
    struct cgroup_root { struct cgroup cgrp; };
    struct css_set { struct cgroup *dfl_cgrp; };
    struct mem_cgroup { struct cgroup_subsys_state css; struct { struct { long counter; } usage; } memory; };
    struct pids_cgroup { struct cgroup_subsys_state css; struct { long counter; } counter; };
    struct grouped { struct css_set *cgroups; };
  ]]
  memory.symbols {cgrp_dfl_root = ROOT}
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
  return k, set
end

return M
