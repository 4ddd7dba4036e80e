-- SPDX-License-Identifier: BSD-2-Clause
-- What ps and vm tell of processes is what /proc/PID/{status,cgroup,smaps,ns} said of them.
local matrix = require "spec.kernels.matrix"

-- Lines of status, by the field of ps that has the same; those of vm --summary are in kB.
local CREDENTIALS = {
  CapInh = "cap_inheritable", CapPrm = "cap_permitted", CapEff = "cap_effective", CapBnd = "cap_bounding", CapAmb = "cap_ambient",
}
local USAGE = {
  VmPeak = "peak_bytes", VmSize = "size_bytes", VmLck = "locked_bytes", VmPin = "pinned_bytes", VmHWM = "rss_peak_bytes",
  VmRSS = "rss_bytes", RssAnon = "anon_bytes", RssFile = "file_bytes", RssShmem = "shmem_bytes", VmData = "data_bytes",
  VmStk = "stack_bytes", VmExe = "exe_bytes", VmLib = "lib_bytes", VmPTE = "pagetables_bytes", VmSwap = "swap_bytes",
  HugetlbPages = "hugetlb_bytes",
}

-- {[pid] = {[key] = text}} of the section that has /proc/PID/FILE of the processes looked at closely.
local function lines_of(text, file)
  local out = {}
  for pid, key, value in text:gmatch("(%d+)/" .. file .. ":([%w_]+):[ \t]*([^\n]*)") do
    pid = tonumber(pid)
    out[pid] = out[pid] or {}
    out[pid][key] = value:gsub("%s+$", "")
  end
  return out
end

local function by_pid(...)
  local out = {}
  for _, r in ipairs(matrix.records(matrix.luakvm(...))) do
    assert.is_nil(r.stopped)
    if r.pid then out[r.pid] = r end
  end
  return out
end

-- The shell that prints, and what it starts, change meanwhile.
local function is_steady(dump, pid)
  local t = dump:truth().tasks[tostring(pid)]
  return t and pid ~= 1 and t.comm ~= "init" and t.comm ~= "sh" and not (dump.is_busy and t.comm == "tail")
end

matrix.each(function(dump)
  if dump.is_torn then return end
  local tasks, status
  setup(function()
    tasks = by_pid("ps", dump.path, "-C", "-n", "-G", "-P", "--no-args", "--json")
    status = lines_of(dump:truth().raw.pid_status, "status")
  end)

  -- Calls fn with the pid, the lines and our record of each process that both have.
  local function each(fn)
    local compared = 0
    for pid, lines in pairs(status) do
      if tasks[pid] and is_steady(dump, pid) then
        compared = compared + 1
        fn(pid, lines, tasks[pid])
      end
    end
    assert.is_true(compared >= 20, compared)
  end

  it("has umask, groups, capabilities, seccomp and ids of namespaces", function()
    local report = matrix.report()
    each(function(pid, lines, p)
      local function same(name, ours)
        if lines[name] and lines[name] ~= ours then report.add("%d: %s is %s, was %s", pid, name, ours, lines[name]) end
      end
      assert.is_nil(p.partial)
      same("Umask", ("%04o"):format(p.umask))
      same("Groups", table.concat(p.groups, " "))
      for name, key in pairs(CREDENTIALS) do same(name, ("%016x"):format(tonumber(p[key]))) end
      same("NoNewPrivs", p.no_new_privs and "1" or "0")
      same("Seccomp", tostring(p.seccomp))
      same("NSpid", table.concat(p.ns_pids, "\t"))
      same("Uid", ("%d\t%d\t%d\t%d"):format(p.ruid, p.uid, p.svuid, p.fsuid))
      same("Gid", ("%d\t%d\t%d\t%d"):format(p.rgid, p.gid, p.svgid, p.fsgid))
    end)
    report.check()
  end)

  it("has what confined.c has set", function()
    local own = matrix.decode(dump:truth().raw.confined)
    local p = tasks[own.pid]
    assert.are.same({1011, 1012, 1013, {4, 20, 100}, {"net_raw"}, 2, true}, {p.ruid, p.uid, p.svuid, p.groups, p.capabilities, p.seccomp,
      p.no_new_privs})
    assert.are.same({"/tmp/jail", "/tmp/jail/inside", "/lab/confined"}, {p.root, p.cwd, p.exe})
  end)

  it("has the namespaces of all", function()
    local report, compared = matrix.report(), 0
    for pid, was in pairs(dump:truth().namespaces) do
      local p, own = tasks[tonumber(pid)], {}
      if p and dump:truth().tasks[pid] then
        for _, ns in ipairs(p.namespaces) do own[ns.kind] = ns.inum end
        for kind, text in pairs(was) do
          compared = compared + 1
          if text ~= ("%s:[%d]"):format(kind:gsub("_for_children$", ""), own[kind] or -1) then
            report.add("%s: %s is %s, was %s", pid, kind, own[kind], text)
          end
        end
      end
    end
    report.check()
    assert.is_true(compared > 2000, compared)
  end)

  it("has the control groups", function()
    local report, compared = matrix.report(), 0
    for pid, hierarchy, path in dump:truth().raw.pid_cgroup:gmatch "(%d+)/cgroup:(%d+):[^:\n]*:([^\n]*)" do
      local p, found = tasks[tonumber(pid)], nil
      for _, group in ipairs(p and p.cgroups or {}) do
        if group.hierarchy == tonumber(hierarchy) then found = group.path end
      end
      compared = compared + (p and 1 or 0)
      if p and found ~= path then report.add("%s: %s is %s, was %s", pid, hierarchy, found, path) end
    end
    report.check()
    assert.is_true(compared >= 20, compared)
  end)

  it("has what address spaces use", function()
    local report, usage = matrix.report(), by_pid("vm", dump.path, "--summary", "--json")
    each(function(pid, lines, p)
      for name, key in pairs(USAGE) do
        local was = lines[name] and tonumber(lines[name]:match "%d+") * 1024
        -- before 6.2 each thread keeps up to 64 page faults to itself for a while
        local slack = name:find "Rss" and 64 * 4096 or name == "VmRSS" and 3 * 64 * 4096 or name == "VmHWM" and 3 * 64 * 4096 or 0
        local own = was and usage[pid][key]
        if was and math.abs(own - was) > slack then report.add("%d: %s is %d, was %d", pid, name, own, was) end
      end
      local rss = lines.VmRSS and tonumber(lines.VmRSS:match "%d+") * 1024 or 0
      if math.abs(p.rss_bytes - rss) > 3 * 64 * 4096 then report.add("%d: ps has %d resident, was %d", pid, p.rss_bytes, rss) end
    end)
    report.check()
  end)

  it("has the pages of areas, in memory and in swap, and their flags", function()
    local report, compared, areas = matrix.report(), 0, {}
    local confined = matrix.decode(dump:truth().raw.confined)
    for _, r in ipairs(matrix.records(matrix.luakvm("vm", dump.path, "--pages", "--json", tostring(confined.pid)))) do
      areas[("%08x-%08x"):format(tonumber(r.start), tonumber(r["end"]))] = r
    end
    for range, rest in dump:truth().raw.pid_smaps:gmatch(("\n%d/smaps:(%%x+%%-%%x+) [^\n]*(.-)VmFlags"):format(confined.pid)) do
      compared = compared + 1
      local r = areas[range]
      local function was(name) return tonumber(rest:match("smaps:" .. name .. ": +(%d+) kB")) * 1024 end
      if r.swapped_bytes ~= was "Swap" or r.present_bytes ~= was "Rss" then
        report.add("%s: %d in memory, %d in swap, were %d, %d", range, r.present_bytes, r.swapped_bytes, was "Rss", was "Swap")
      end
    end
    assert.is_true(compared > 5, compared)
    local letters = 0
    for range, flags in dump:truth().raw.pid_smaps:gmatch(("\n%d/smaps:(%%x+%%-%%x+) .-VmFlags: ([%%l ]*)\n"):format(confined.pid)) do
      local ours, left = areas[range].flag_names, (flags:gsub("dw ?", "")) -- VM_DENYWRITE until 5.14, whose bit others have since
      for _, name in ipairs(ours) do
        letters = letters + 1
        left = left:gsub(name .. " ?", "", 1)
        if not flags:find(name, 1, true) then report.add("%s: has %s, had %s", range, name, flags) end
      end
      if left:find "%f[%l][rwem][dwxrsm]%f[%L]" then report.add("%s: lacks %s", range, left) end
    end
    report.check()
    assert.is_true(letters > 30, letters)
    assert.is_true(areas[("%08x-%08x"):format(confined.swapped, confined.swapped + (1 << 20))].swapped_bytes > 0)
  end)
end)
