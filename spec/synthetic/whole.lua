-- SPDX-License-Identifier: BSD-2-Clause
-- Compares an open handle with the built kernel (spec.support.build.linux) whose dump it reads: all that the builder
-- knows.
local assert = require "luassert"
local linux_tasks = require "spec.support.build.linux_tasks"

local M = {}

-- Differences as text: tables of hundreds of records would fill the screen.
local function same(want, got)
  assert.are.equal(table.concat(want, "\n"), table.concat(got, "\n"))
end

local FIELDS = {"pid", "tid", "ppid", "comm", "state", "pgid", "sid", "uid", "gid", "nice", "threads", "start_ns"}

local function task_lines(step)
  local out = {}
  for p in step do
    local words = {}
    for i, f in ipairs(FIELDS) do words[i] = ("%s=%s"):format(f, p[f]) end
    words[#words + 1] = "partial=" .. (p.partial and table.concat(p.partial, ",") or "none")
    out[#out + 1] = table.concat(words, " ")
  end
  return out
end

--- Processes and threads, in the kernel's order.
function M.tasks(kernel, k)
  for _, threads in ipairs {false, true} do
    local expected = linux_tasks.expected(kernel.tasks, threads)
    local i = 0
    local want = task_lines(function()
      i = i + 1
      return expected[i]
    end)
    same(want, task_lines(k:procs("all", nil, threads)))
  end
end

--- Sizes, times and places of processes.
function M.sizes(kernel, k)
  local of = {}
  for p in k:procs() do of[p.pid] = p end
  for _, t in ipairs(kernel.tasks) do
    local p = of[t.pid]
    local has_mm = t.args and t.state ~= "Z"
    assert.are.equal(has_mm and (t.total_vm or 100) * 4096 or 0, p.vsz_bytes, t.comm)
    assert.are.equal(has_mm and (t.rss or 10) * 4096 or 0, p.rss_bytes, t.comm)
    assert.are.equal(kernel.task_addr[t.pid], p.addr)
    assert.are.equal(t.tty and "ttyS1" or nil, p.tty)
  end
end

--- Arguments and environments; `excluded`: the user pages are not in the dump.
function M.strings(kernel, k, excluded)
  for _, t in ipairs(kernel.tasks) do
    for _, what in ipairs {"args", "environ"} do
      local list, message, code = k[what == "args" and "argv" or "environ"](k, t.pid)
      local want = t[what]
      if not t.args or t.state == "Z" then
        assert.are.equal("notfound", code, message)
      elseif excluded and want[1] then
        assert.are.equal("excluded", code, message)
      else
        assert.are.same(want, list, message)
      end
    end
  end
end

--- Every symbol, with its address; the names of a few.
function M.symbols(kernel, k)
  local want, got = {}, {}
  for i, s in ipairs(kernel.symbol_list) do want[i] = ("%x %s %s"):format(s.addr, s.type, s.name) end
  for s in k:symbols() do got[#got + 1] = ("%x %s %s"):format(s.value, s.type, s.name) end
  table.sort(want)
  table.sort(got)
  same(want, got)
  for _, name in ipairs {"init_task", "schedule", "built_function_300_X"} do
    if kernel.symbols[name] then
      local sym, offset = assert(k:symbol(kernel.symbols[name] + 1))
      assert.are.same({name, 1}, {sym.name, offset})
    end
  end
end

--- Layouts of types: size, and the offset and size of every member, against those that the builder laid out.
function M.types(kernel, k)
  local types = require "kvm.type"
  local n = 0
  for tag, l in pairs(kernel.types.layouts) do
    if not tag:find "^%." and tag ~= "pcpu_hot" then
      local name = l.kind .. " " .. tag
      assert.are.equal(l.size, types.sizeof(k, name), name)
      for _, m in ipairs(l.members) do
        if m.name ~= "" then
          n = n + 1
          assert.are.equal(m.offset, types.offsetof(k, name, m.name), name .. "." .. m.name)
        end
      end
    end
  end
  assert.is_true(n > 100, n .. " members")
end

--- The kernel's log.
function M.log(kernel, k)
  local got, want = {}, {}
  for r in require "kvm.linux.printk".records(k) do
    got[#got + 1] = ("%d %d %d %s"):format(r.seq, r.time_ns, r.level, r.text)
  end
  for i, r in ipairs(kernel.log) do want[i] = ("%d %d %d %s"):format(i - 1, r.time_ns, r.level, r.text) end
  same(want, got)
end

--- What info, loadavg, modules and registers say. no_notes: the format has no registers.
function M.system(kernel, k, no_notes)
  local info = k:info()
  assert.are.same({"linux", "x86_64", kernel.name, 4096, kernel.kaslr, kernel.phys_base, false},
    {info.os, info.arch, info.release, info.page_size, info.kaslr_offset, info.phys_base, info.incomplete})
  if no_notes then assert.is_nil(info.cpus) else assert.are.equal(2, info.cpus) end
  local opts = kernel.opts
  assert.are.same(opts.loadavg, {k:loadavg()})
  assert.is_nil((k:modules()()))
  for cpu = 0, no_notes and -1 or 1 do
    local r, pid = assert(k:registers(cpu))
    assert.are.same({kernel.symbols.schedule + cpu + 1, opts.running[cpu + 1]}, {r.rip, pid})
  end
end

--- Every page that the kernel has, through the physical address space; `without(pfn)`: pages that were left out.
function M.memory(kernel, k, without)
  for _, pfn in ipairs(kernel.memory:pfns()) do
    local bytes, message, code, addr = k:read(pfn * 4096, 4096, "physical")
    if without and without(pfn) then
      assert.is_nil(bytes)
      assert.are.same({"excluded", pfn * 4096}, {code, addr})
    else
      assert.is_true(bytes == kernel.memory.pages[pfn], message or ("page %d differs"):format(pfn))
    end
  end
end

--- All of it. t: without(pfn), no_notes, as above; no_memory: the pages are not compared one by one
function M.check(kernel, k, t)
  t = t or {}
  M.system(kernel, k, t.no_notes)
  M.tasks(kernel, k)
  M.sizes(kernel, k)
  M.strings(kernel, k, t.without ~= nil)
  M.symbols(kernel, k)
  M.types(kernel, k)
  M.log(kernel, k)
  if not t.no_memory then M.memory(kernel, k, t.without) end
end

return M
