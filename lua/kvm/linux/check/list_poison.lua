-- SPDX-License-Identifier: BSD-2-Clause
-- The kernel's most important lists and trees, each node with its links forward and back: poison of deleted entries (LIST_POISON1 and 2)
-- or of freed memory, cleared words, and neighbours that do not know each other. Which lists is a table; those that a release lacks are
-- passed over. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local attempt = require "kvm.linux.check.attempt"
local blame = require "kvm.linux.check.slab_blame"
local cpumask = require "kvm.linux.cpumask"
local in_flight = require "kvm.linux.check.in_flight"
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"
local rbtree = require "kvm.linux.rbtree"
local ring = require "kvm.linux.check.ring"
local slub = require "kvm.linux.slub"
local types = require "kvm.type"

local M = {name = "list_poison", title = "broken lists and trees of the kernel"}

local MOST_NODES <const> = 100000 -- of all lists
local MOST_OF_ONE <const> = 20000

-- What the list is of, the variable that is its head or has it, the type of its entries and where the node lies in them, the member that
-- names an entry; and the lists that each entry is the head of.
local LISTS <const> = {
  {of = "tasks", head = "init_task", within = {"struct task_struct", "tasks"}, entry = "struct task_struct", node = "tasks", name = "comm",
    own = {{of = "children", head = "children", entry = "struct task_struct", node = "sibling", name = "comm"}}},
  {of = "modules", head = "modules", entry = "struct module", node = "list", name = "name"},
  {of = "super blocks", head = "super_blocks", entry = "struct super_block", node = "s_list", name = "s_id", own = {
    {of = "mounts", head = "s_mounts", entry = "struct mount", node = "mnt_instance"},
    {of = "inodes", head = "s_inodes", entry = "struct inode", node = "i_sb_list"}}},
  {of = "work queues", head = "workqueues", entry = "struct workqueue_struct", node = "list", name = "name", own = {
    {of = "pools of a work queue", head = "pwqs", entry = "struct pool_workqueue", node = "pwqs_node"}}},
  {of = "slab caches", head = "slab_caches", entry = "struct kmem_cache", node = "list"},
  {of = "network namespaces", head = "net_namespace_list", entry = "struct net", node = "list", own = {
    {of = "network devices", head = "dev_base_head", entry = "struct net_device", node = "dev_list", name = "name"}}},
  {of = "vmap areas", head = "vmap_area_list", entry = "struct vmap_area", node = "list"}, -- until 6.8
  {of = "backing devices", head = "bdi_list", entry = "struct backing_dev_info", node = "bdi_list"},
  {of = "shrinkers", head = "shrinker_list", entry = "struct shrinker", node = "list"},
  {of = "ciphers", head = "crypto_alg_list", entry = "struct crypto_alg", node = "cra_list", name = "cra_name"},
  {of = "miscellaneous devices", head = "misc_list", entry = "struct miscdevice", node = "list", name = "name"},
  {of = "input devices", head = "input_dev_list", entry = "struct input_dev", node = "node"},
  {of = "devices of power management", head = "dpm_list", entry = "struct device", node = "power.entry"},
  {of = "clock sources", head = "clocksource_list", entry = "struct clocksource", node = "list"},
  {of = "clock event devices", head = "clockevent_devices", entry = "struct clock_event_device", node = "list"},
  {of = "roots of control groups", head = "cgroup_roots", entry = "struct cgroup_root", node = "root_list", name = "name"},
  {of = "PCI buses", head = "pci_root_buses", entry = "struct pci_bus", node = "node", name = "name"},
  {of = "congestion controls", head = "tcp_cong_list", entry = "struct tcp_congestion_ops", node = "list", name = "name"},
}

-- Trees of all CPUs or of the kernel, as paths from a variable to struct rb_root.
local TREES <const> = {
  {of = "vmap areas", variable = "vmap_area_root", t = "struct rb_root"}, -- until 6.8
  {of = "free vmap areas", variable = "free_vmap_area_root", t = "struct rb_root"},
  {of = "runnable tasks", variable = "runqueues", each_cpu = true, path = "cfs.tasks_timeline.rb_root"},
  {of = "timers of high resolution", variable = "hrtimer_bases", each_cpu = true, array = "clock_base", path = "active.rb_root.rb_root"},
}

-- Functions that are caught with a list or a tree half changed.
local CHANGERS <const> = {"list_", "^rb_", "^__rb_", "^insert_vmap", "^merge_or_add_vmap", "^alloc_vmap", "^copy_process", "^release_task",
  "^evict", "^new_inode", "^inode_sb_list", "hrtimer", "timerqueue", "^enqueue_", "^dequeue_", "^put_prev_", "^set_next_", "^pick_next_",
  "^register_net", "^unregister_net", "^load_module", "^mount", "^clone_mnt", "^vfs_create_mount", "timer"}

local function is_head(k, t, path)
  local field = types.of(k, t):strip():field(path)
  return field and field.type:strip():name() == "list_head" and field.offset or nil
end

local function node_offset(k, list)
  local t = k:type(list.entry)
  return t and is_head(k, list.entry, list.node)
end

local function name_of(k, list, entry)
  if not list.name then return nil end
  local o = kvm_error.try(k.object, k, entry, list.entry)
  local name = o and kvm_error.try(function()
    local v = o[list.name]
    return type(v) == "string" and v or object.string(v)
  end)
  return name and name:match "^[^\0]+"
end

-- What a damaged node is: its entry by name, the slab that it lies in and who allocated that.
local function describe(context, list, offset, fault, who)
  local k, lines = context.k, who.lines
  lines[#lines + 1] = ("%s%s"):format(fault.text, fault.is_unfinished and "; a change that is not finished looks so" or "")
  if fault.node ~= who.head then
    local entry = fault.node - offset
    local name = name_of(k, list, entry)
    lines[#lines + 1] = ("that is in %s 0x%x%s"):format(list.entry, entry, name and (" (%s)"):format(name) or "")
    who.name = who.name or name
    local symbol = k:symbol(fault.node)
    if symbol and symbol.module then
      lines[#lines + 1] = ("it lies in %s"):format(context:symbol_text(fault.node))
      who.modules[1] = who.modules[1] or symbol.module
    end
    if list.head == "modules" and name then who.modules[1] = who.modules[1] or name end
  end
  local info = kvm_error.try(slub.object_info, k, fault.node)
  if not info or not info.object then return end
  lines[#lines + 1] = ("0x%x is byte %d of the object 0x%x of %s, %s"):format(fault.node, info.offset, info.object, info.name,
    info.state or "its state can't be read")
  local own = slub.has_tracks(info.cache) and kvm_error.try(blame.of_object, context, info.cache, info.object, info.state == "free")
  if not own then return end
  table.move(own.evidence, 1, #own.evidence, #lines + 1, lines)
  who.functions, who.pids = own.functions, own.pids
  if not who.modules[1] then who.modules = own.modules end
end

local function busy_with(context, faults)
  if context:is_panic() then return nil end
  for _, fault in ipairs(faults) do
    if not fault.is_unfinished then return nil end
  end
  local inside = in_flight.inside(context, CHANGERS)
  return inside[#faults]
end

local function tell(context, list, head, offset, faults, report)
  local who = {lines = {}, functions = {}, modules = {}, pids = {}, head = head}
  who.lines[1] = ("list of %s, head at 0x%x (%s)"):format(list.of, head, context:symbol_text(head))
  local poisoned
  for _, fault in ipairs(faults) do
    describe(context, list, offset, fault, who)
    poisoned = poisoned or fault.meaning
  end
  local busy = busy_with(context, faults)
  if busy then who.lines[#who.lines + 1] = ("%s is in %s"):format(context:task_text(busy.task), busy.name) end
  report {
    severity = busy and "info" or "critical", confidence = poisoned and "certain" or busy and "possible" or "likely",
    title = ("list corruption: the list of %s is broken%s%s"):format(list.of, who.name and (" at %s"):format(who.name) or "",
      poisoned and (": %s"):format(poisoned) or ""),
    evidence = who.lines, functions = who.functions, modules = who.modules, pids = who.pids,
  }
end

local function walk(context, list, head, budget, report, attempts)
  local k = context.k
  local offset = node_offset(k, list)
  if not offset then return end
  local entries, most = {}, math.min(budget.nodes, MOST_OF_ONE)
  local own = list.own
  local count, faults, more = ring.walk(k, head, most, own and function(node) entries[#entries + 1] = node - offset end)
  budget.nodes = budget.nodes - count
  if more and count >= most then budget.cut[#budget.cut + 1] = list.of end
  if faults[1] then tell(context, list, head, offset, faults, report) end
  for _, nested in ipairs(own or {}) do
    local at = is_head(k, list.entry, nested.head)
    for _, entry in ipairs(at and entries or {}) do
      attempts:call(walk, context, nested, entry + at, budget, report, attempts)
    end
  end
end

local function head_of(k, list)
  local symbol = k:symbol(list.head)
  if not symbol then return nil end
  return symbol.value + (list.within and types.offsetof(k, table.unpack(list.within)) or 0)
end

-- --- trees

local function each_root(k, tree, visit)
  if not k:symbol(tree.variable) then return end
  if not tree.each_cpu then return visit(kvm_error.check(k:object(k:symbol(tree.variable).value, tree.t)), tree.of) end
  local function follow(o)
    for part in tree.path:gmatch "[^.]+" do o = o[part] end
    return o
  end
  for _, cpu in ipairs(cpumask.of(k, "possible")) do
    local own, name = percpu.per_cpu(k, tree.variable, cpu), ("%s of CPU %d"):format(tree.of, cpu)
    if tree.array then
      for i = 0, #own[tree.array] - 1 do visit(follow(own[tree.array][i]), name) end
    else
      visit(follow(own), name)
    end
  end
end

local function check_tree(context, root, of, report)
  local n, err = rbtree.validate(root)
  if n then return end
  if err.code ~= "format" and err.code ~= "fault" then error(err, 0) end
  local inside = not context:is_panic() and in_flight.inside(context, CHANGERS)[1]
  local lines = {tostring(err)}
  if inside then lines[2] = ("%s is in %s"):format(context:task_text(inside.task), inside.name) end
  report {severity = inside and "info" or "critical", confidence = inside and "possible" or "certain", evidence = lines,
    title = ("list corruption: the tree of %s is broken"):format(of)}
end

--- Tells of each broken list and tree.
-- @tparam Context context
-- @tparam function report
-- @raise kvm.Error
-- @usage require "kvm.linux.check.list_poison".run(require "kvm.linux.check.context".new(k), function(f) assert(f.title) end)
function M.run(context, report)
  local k, attempts, budget = context.k, attempt.new(), {nodes = MOST_NODES, cut = {}}
  for _, list in ipairs(LISTS) do
    local head = attempts:call(head_of, k, list)
    if head then attempts:call(walk, context, list, head, budget, report, attempts) end
  end
  for _, tree in ipairs(TREES) do
    attempts:call(each_root, k, tree, function(root, of) attempts:call(check_tree, context, root, of, report) end)
  end
  if budget.cut[1] then
    report {severity = "info", confidence = "certain", evidence = {},
      title = ("of some lists only a part was looked at: %s"):format(table.concat(budget.cut, ", ", 1, math.min(5, #budget.cut)))}
  end
  attempts:finish()
end

return M
