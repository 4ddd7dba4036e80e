-- SPDX-License-Identifier: BSD-2-Clause
-- linux/cgroup.h: control groups: the hierarchies (version 2's, and those of version 1), their trees, which group of each a task is in,
-- which hierarchy each controller is on, what the memory and pids controllers count. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local kernfs = require "kvm.linux.kernfs"
local list = require "kvm.linux.list"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local MOST <const>, MAX_DEPTH <const> = 1 << 20, 512

--- The root group of version 2.
-- @param k an open handle
-- @return `struct cgroup`
-- @raise kvm.Error `notfound`: this kernel has no control groups (CONFIG_CGROUPS)
-- @usage assert(kvm.linux.cgroup.root(k).level == 0)
function M.root(k)
  return kvm_error.check(k:object((kallsyms.need(k, {"cgrp_dfl_root"}, "control groups", "CONFIG_CGROUPS")), "struct cgroup_root")).cgrp
end

--- The path of a group in its hierarchy.
-- @param cgroup `struct cgroup`
-- @treturn string "/" for a root
-- @raise kvm.Error
-- @usage assert(kvm.linux.cgroup.path(kvm.linux.cgroup.root(k)) == "/")
function M.path(cgroup)
  return kernfs.path(cgroup.kn)
end

--- A group and those below it, each before those below it.
-- @param cgroup `struct cgroup`
-- @return iterator of objects `struct cgroup`
-- @raise kvm.Error `format` where the tree is damaged; `fault`, `excluded`
-- @usage for g in kvm.linux.cgroup.for_each_descendant(kvm.linux.cgroup.root(k)) do assert(g.level >= 0) end
function M.for_each_descendant(cgroup)
  local function descend(group, depth)
    if depth > MAX_DEPTH then kvm_error.fail("format", "control groups are nested deeper than %d at 0x%x", MAX_DEPTH,
      object.addr(group)) end
    coroutine.yield(group)
    for css in list.for_each_entry("struct cgroup_subsys_state", group.self.children, "sibling", MOST) do descend(css.cgroup, depth + 1) end
  end
  return coroutine.wrap(function() descend(cgroup, 1) end)
end

--- The hierarchies: that of version 2, then those of version 1.
-- @param k an open handle
-- @treturn function an iterator of `struct cgroup_root`; hierarchy_id of version 2's is 0
-- @raise kvm.Error as root; `format` where the list is damaged
-- @usage for root in kvm.linux.cgroup.for_each_root(k) do assert(root.hierarchy_id >= 0) end
function M.for_each_root(k)
  local default = (kallsyms.need(k, {"cgrp_dfl_root"}, "control groups", "CONFIG_CGROUPS"))
  local step
  return function()
    if not step then
      local head = kvm_error.check(k:object(kallsyms.address(k, "cgroup_roots"), "struct list_head"))
      step = list.for_each_entry("struct cgroup_root", head, "root_list", MOST)
      return k:object(default, "struct cgroup_root")
    end
    local root = step()
    if root and object.addr(root) == default then root = step() end -- there only while it is mounted
    return root
  end
end

--- The group that a task is in.
-- @param task `struct task_struct`
-- @param[opt] root `struct cgroup_root`: of which hierarchy; version 2's when there is none
-- @return `struct cgroup`; nil where the task is in none of that hierarchy
-- @raise kvm.Error
-- @usage assert(kvm.linux.cgroup.path(kvm.linux.cgroup.of_task(k:object("init_task"))) == "/")
function M.of_task(task, root)
  local set = task.cgroups
  if not root or root.hierarchy_id == 0 then return set.dfl_cgrp end
  for link in list.for_each_entry("struct cgrp_cset_link", set.cgrp_links, "cgrp_link", MOST) do
    local group = link.cgrp
    if group and group.root == root then return group end
  end
  return nil
end

local function controllers(k)
  local out = {}
  for _, e in ipairs(types.of(k, "enum cgroup_subsys_id"):strip():enumerators()) do
    if e.name:find "_cgrp_id$" then out[#out + 1] = e end
  end
  table.sort(out, function(a, b) return a.value < b.value end)
  return out
end

--- The controllers.
-- @param k an open handle
-- @treturn {table,...} name (as version 1 calls it), hierarchy (0: version 2's), groups (of that hierarchy), enabled
-- @raise kvm.Error as root
-- @usage assert(#kvm.linux.cgroup.subsystems(k) > 0)
function M.subsystems(k)
  kallsyms.need(k, {"cgrp_dfl_root"}, "control groups", "CONFIG_CGROUPS")
  local table_, keys, out = kallsyms.address(k, "cgroup_subsys"), kallsyms.address(k, "cgroup_subsys_enabled_key"), {}
  for i, e in ipairs(controllers(k)) do
    local s = kvm_error.check(k:object(k:ptr(table_ + 8 * e.value), "struct cgroup_subsys"))
    out[i] = {
      name = object.string(s.legacy_name, 64), hierarchy = s.root.hierarchy_id, groups = s.root.nr_cgrps.counter,
      enabled = k:i32(k:ptr(keys + 8 * e.value)) > 0,
    }
  end
  return out
end

-- What a controller keeps of a group: the struct around its css; nil where it does not control it.
local function state_of(cgroup, id, t)
  local k = object.handle(cgroup)
  for _, e in ipairs(types.of(k, "enum cgroup_subsys_id"):strip():enumerators()) do
    if e.name == id then
      local css = cgroup.subsys[e.value]
      return css and object.container_of(css, t, "css")
    end
  end
  return nil
end

--- What the controllers count in a group. Of a root they count a part only, which the kernel does not tell either.
-- @param cgroup `struct cgroup`
-- @treturn ?integer bytes of memory (memory.current); nil of a root, and where the memory controller is off
-- @treturn ?integer tasks (pids.current); likewise
-- @raise kvm.Error
-- @usage for g in kvm.linux.cgroup.for_each_descendant(kvm.linux.cgroup.root(k)) do kvm.linux.cgroup.usage(g) end
function M.usage(cgroup)
  if cgroup.level == 0 then return nil end
  local memory = state_of(cgroup, "memory_cgrp_id", "struct mem_cgroup")
  local pids = state_of(cgroup, "pids_cgrp_id", "struct pids_cgroup")
  return memory and memory.memory.usage.counter * object.handle(cgroup):page_size(), pids and pids.counter.counter
end

--- How often a group came to the limits of its memory, as memory.events.local has it.
-- @param cgroup `struct cgroup`
-- @treturn {string=integer,...} by the name of enum memcg_memory_event: "MEMCG_OOM_KILL"; nil where the memory controller is off
-- @treturn integer bytes that it may have at most (memory.max)
-- @raise kvm.Error
-- @usage local events = kvm.linux.cgroup.memory_events(kvm.linux.cgroup.root(k)) assert(not events or events.MEMCG_OOM_KILL >= 0)
function M.memory_events(cgroup)
  local memory = state_of(cgroup, "memory_cgrp_id", "struct mem_cgroup")
  if not memory then return nil end
  local k, out = object.handle(cgroup), {}
  for name, i in pairs(types.enumerators(k, "enum memcg_memory_event")) do
    if name ~= "MEMCG_NR_MEMORY_EVENTS" then out[name] = memory.memory_events_local[i].counter end
  end
  return out, memory.memory.max * k:page_size()
end

return M
