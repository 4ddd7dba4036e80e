-- SPDX-License-Identifier: BSD-2-Clause
-- Reference counts of objects that are in use: a refcount_t that is saturated (half of the lowest number, lib/refcount.c) or 0 though the
-- object is still in a list or pointed to, a plain counter that is 0 or below. Which counts of which objects is a table; whether one is a
-- refcount_t or an atomic_t differs between releases and is told by the type. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local attempt = require "kvm.linux.check.attempt"
local frames_of = require "kvm.linux.check.frames"
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local ring = require "kvm.linux.check.ring"
local types = require "kvm.type"

local M = {name = "refcount", title = "reference counts that overflowed, or are 0 of what is in use"}

local MOST_TOLD <const> = 5
local MOST_FILES <const> = 100000
local MOST_SLOTS <const> = 1 << 20 -- of a table: sysctl_nr_open (fs/file.c), unless it was raised
local MODULE_LIVE <const> = 0 -- MODULE_STATE_LIVE
local MOST_ENTRIES <const> = 100000 -- of a list
local MOST_NAME <const> = 64

-- The counts of a type. What a task that has exited still has of them may be 0: only those of one that has not are looked at.
local COUNTS <const> = {
  ["struct task_struct"] = {"usage", "stack_refcount"},
  ["struct cred"] = {"usage"},
  ["struct mm_struct"] = {"mm_users", "mm_count"},
  ["struct files_struct"] = {"count"},
  ["struct signal_struct"] = {"sigcnt"},
  ["struct sighand_struct"] = {"count"},
  ["struct nsproxy"] = {"count"},
  ["struct pid"] = {"count"},
  ["struct user_struct"] = {"__count"},
  ["struct module"] = {"refcnt"},
  ["struct super_block"] = {"s_active"},
  ["struct net"] = {"passive"},
  ["struct file"] = {"f_count"}, -- until 6.12; a file_ref_t since counts from another number
}

-- The members of a task that lead to others.
local OF_TASK <const> = {
  {"real_cred", "struct cred"}, {"cred", "struct cred"}, {"mm", "struct mm_struct"}, {"files", "struct files_struct"},
  {"signal", "struct signal_struct"}, {"sighand", "struct sighand_struct"}, {"nsproxy", "struct nsproxy"}, {"thread_pid", "struct pid"},
}

-- A count's place, how many bytes it has, and whether it is a refcount_t: it is a refcount_t where there is a member refs on the way.
local function count_of(k, t, member)
  local field = k:type(t) and types.of(k, t):strip():field(member)
  if not field then return nil end
  local inner, offset, is_refcount = field.type:strip(), field.offset, false
  for _, path in ipairs {"refcount", "refs", "counter"} do
    local next = inner:field(path)
    if next then
      is_refcount = is_refcount or path == "refs"
      inner, offset = next.type:strip(), offset + next.offset
    end
  end
  if inner:kind() ~= "int" then return nil end
  return {name = member, offset = offset, bytes = inner:size(), is_refcount = is_refcount, t = t}
end

local function counts_of(k)
  local out = {}
  for t, members in pairs(COUNTS) do
    out[t] = {}
    for _, member in ipairs(members) do out[t][#out[t] + 1] = count_of(k, t, member) end
  end
  return out
end

-- --- what is looked at

local function check_count(look, addr, t, owner)
  if look.seen[addr] then return end
  look.seen[addr] = true
  for _, count in ipairs(look.counts[t]) do
    local value = count.bytes == 8 and look.k:i64(addr + count.offset) or look.k:i32(addr + count.offset)
    if value <= 0 then
      local key = ("%s of %s"):format(count.name, t)
      local bad = look.bad[key] or {count = count}
      look.bad[key], bad[#bad + 1] = bad, {addr = addr, value = value, owner = owner}
      if #bad == 1 then look.keys[#look.keys + 1] = key end
    end
  end
end

local function has_exited(t) return t.state == "Z" or t.state == "X" end

local function look_at_tasks(context, look)
  local k, members = context.k, {}
  for _, member in ipairs(OF_TASK) do
    local field = types.of(k, "struct task_struct"):strip():field(member[1])
    if field then members[#members + 1] = {field.offset, member[2]} end
  end
  local user = types.offsetof(k, "struct cred", "user")
  for _, t in ipairs(context:tasks()) do
    local owner = {text = context:task_text(t), pid = t.pid}
    if not has_exited(t) then look.attempts:call(check_count, look, t.addr, "struct task_struct", owner) end
    for _, member in ipairs(has_exited(t) and {} or members) do
      local addr = look.attempts:call(k.ptr, k, t.addr + member[1])
      -- That of the idle tasks (init_signals) is never counted.
      if addr and addr ~= 0 and not (t.pid == 0 and member[2] == "struct signal_struct") then
        look.attempts:call(check_count, look, addr, member[2], owner)
        if member[2] == "struct cred" then
          local of = look.attempts:call(k.ptr, k, addr + user)
          if of and of ~= 0 then look.attempts:call(check_count, look, of, "struct user_struct", owner) end
        end
      end
    end
  end
end

-- The files of the table at PLACE (struct fdtable).
local function look_at_table(look, place, who)
  local k = look.k
  local max = k:u32(place + types.offsetof(k, "struct fdtable", "max_fds"))
  if max > MOST_SLOTS then kvm_error.fail("format", "the struct fdtable at 0x%x has %d places", place, max) end
  local slots = max > 0 and kvm_error.check(k:read(k:ptr(place + types.offsetof(k, "struct fdtable", "fd")), 8 * max)) or ""
  local set = slots:find "[^\0]" -- most places are empty
  while set do
    local at = (set - 1) // 8 * 8 + 1
    look.files = look.files + 1
    if look.files <= MOST_FILES then look.attempts:call(check_count, look, ("<i8"):unpack(slots, at), "struct file", who) end
    set = slots:find("[^\0]", at + 8)
  end
end

local function look_at_files(context, look)
  local k, seen = context.k, {}
  if not look.counts["struct file"][1] then return end
  local files, fdt = types.offsetof(k, "struct task_struct", "files"), types.offsetof(k, "struct files_struct", "fdt")
  for _, t in ipairs(context:tasks()) do
    local own = k:ptr(t.addr + files)
    if own ~= 0 and not seen[own] then
      seen[own] = true
      look.attempts:call(look_at_table, look, k:ptr(own + fdt), {text = context:task_text(t), pid = t.pid})
    end
  end
end

local function is_live(k, addr) return k:u32(addr + types.offsetof(k, "struct module", "state")) == MODULE_LIVE end

-- The entries of a list, also of one that is damaged, as far as its links lead.
local function look_at_list(of)
  return function(context, look)
    local k = context.k
    local offset = types.offsetof(k, of.t, of.node)
    local name = of.name and types.offsetof(k, of.t, of.name)
    ring.walk(k, kallsyms.address(k, of.head), MOST_ENTRIES, function(node)
      local addr = node - offset
      if of.is_used and not look.attempts:call(of.is_used, k, addr) then return end
      local text = name and k:cstring(addr + name, MOST_NAME)
      look.attempts:call(check_count, look, addr, of.t, {text = text, module = of.t == "struct module" and text or nil})
    end)
  end
end

local LOOKS <const> = {
  look_at_tasks, look_at_files,
  look_at_list {head = "modules", t = "struct module", node = "list", name = "name", is_used = is_live},
  look_at_list {head = "super_blocks", t = "struct super_block", node = "s_list", name = "s_id"},
  look_at_list {head = "net_namespace_list", t = "struct net", node = "list"},
}

-- --- words

local function state_of(count, value)
  if value == 0 then return "0, of what is in use" end
  return count.is_refcount and "saturated" or "below 0"
end

-- What the log says of who counted wrongly: a warning of refcount_warn_saturate, with the stack that led there.
local function add_log(context, finding)
  for _, r in ipairs(kvm_error.try(context.reports, context) or {}) do
    if r.reason and r.reason:find "^refcount_t" then
      finding.evidence[#finding.evidence + 1] = "the log: " .. r.reason
      local functions, modules = frames_of.names(r.frames)
      table.move(functions, 1, #functions, #finding.functions + 1, finding.functions)
      table.move(modules, 1, #modules, #finding.modules + 1, finding.modules)
      return
    end
  end
end

local function tell(context, key, bad, report)
  local first, count = bad[1], bad.count
  local finding = {severity = "critical", confidence = "certain", evidence = {}, pids = {}, functions = {}, modules = {}}
  finding.title = ("reference count %s: %s of %s%s"):format(state_of(count, first.value), count.name, first.owner.text or count.t,
    #bad > 1 and (" and %d more"):format(#bad - 1) or "")
  for i, o in ipairs(bad) do
    if i > MOST_TOLD then break end
    finding.evidence[i] = ("%s at 0x%x is %d (0x%x)%s"):format(key, o.addr, o.value, o.value & -1 >> 64 - 8 * count.bytes,
      o.owner.text and ", " .. o.owner.text or "")
    finding.pids[#finding.pids + 1] = o.owner.pid
    if o.owner.module then finding.modules[#finding.modules + 1] = o.owner.module end
  end
  if count.is_refcount then add_log(context, finding) end
  report(finding)
end

--- Tells of each count that is wrong.
-- @tparam Context context
-- @tparam function report
-- @raise kvm.Error
-- @usage require "kvm.linux.check.refcount".run(require "kvm.linux.check.context".new(k), function(f) assert(f.title) end)
function M.run(context, report)
  local look = {k = context.k, counts = counts_of(context.k), seen = {}, bad = {}, keys = {}, files = 0,
    attempts = attempt.new()}
  for _, f in ipairs(LOOKS) do look.attempts:call(f, context, look) end
  for _, key in ipairs(look.keys) do tell(context, key, look.bad[key], report) end
  if look.files > MOST_FILES then
    report {severity = "info", confidence = "certain", evidence = {},
      title = ("%d open files were not looked at: %d of them are the most"):format(look.files - MOST_FILES, MOST_FILES)}
  end
  look.attempts:finish()
end

return M
