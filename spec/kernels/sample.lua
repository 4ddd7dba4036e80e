-- SPDX-License-Identifier: BSD-2-Clause
-- Reads what a sample dump should hold beyond the pages that commands touch: whole task structures, kernel stacks, the
-- structures that tasks point to, per-CPU run queues, modules, what triage reads. Run by make_sample.sh under `luakvm slim`;
-- user memory is left out by slim itself. What can't be read is passed over.
local k = _G.k

local function size(name)
  local t = k:type(name)
  return t and t:size() or 0
end

local function offset(name, member)
  local t = k:type(name)
  local f = t and t:field(member)
  return f and f.offset
end

local function touch(addr, len)
  if addr and addr ~= 0 then
    local at = addr
    while at < addr + len do
      local n = math.min(4096 - at % 4096, addr + len - at)
      k:read(at, n)
      at = at + n
    end
  end
end

local function pointer(addr, name, member)
  local at = offset(name, member)
  local bytes = at and addr and addr ~= 0 and k:read(addr + at, 8)
  return bytes and ("<I8"):unpack(bytes)
end

local POINTS_TO = {
  {"signal", "struct signal_struct"}, {"mm", "struct mm_struct"}, {"files", "struct files_struct"}, {"fs", "struct fs_struct"},
  {"nsproxy", "struct nsproxy"}, {"cred", "struct cred"}, {"sighand", "struct sighand_struct"},
}

local function task(addr)
  touch(addr, size "struct task_struct")
  touch(pointer(addr, "struct task_struct", "stack"), 16384) -- THREAD_SIZE of x86-64 without KASAN
  for _, p in ipairs(POINTS_TO) do
    touch(pointer(addr, "struct task_struct", p[1]), size(p[2]))
  end
end

local function range(first, last)
  local s = k:nlist {first, last}
  if s[first] and s[last] then touch(s[first].value, s[last].value - s[first].value) end
end

for p in k:procs("all", nil, true) do task(p.addr) end
task(k:symbol "init_task".value)
range("_sdata", "_edata")
local s = k:nlist {"__per_cpu_offset", "runqueues", "nr_cpu_ids"}
for cpu = 0, k:u32(s.nr_cpu_ids.value) - 1 do
  touch(k:u64(s.__per_cpu_offset.value + 8 * cpu) + s.runqueues.value, size "struct rq")
end
for m in k:modules() do
  touch(m.addr, size "struct module")
end
for _ in k:swaps() do end -- what kvm_getswapinfo(3) reads
k:loadavg()

-- The checks that look at all of memory would add ten megabytes: of the sample they say that they could not be done.
local LARGE = {slab_corruption = true, list_poison = true, refcount = true, page_sanity = true}
local names = {}
for _, name in ipairs(require("kvm.linux.check").names) do names[#names + 1] = not LARGE[name] and name or nil end
for _ in require("kvm.cmd.triage").run(k, {check = names}) do end
