-- SPDX-License-Identifier: BSD-2-Clause
-- Open files, address spaces and mounts of a dump are those that the guest printed of its processes.
local matrix = require "spec.kernels.matrix"

local function lines_of(raw, file)
  local out = {}
  for pid, line in raw["pid_" .. file]:gmatch("(%d+)/" .. file .. ":([^\n]*)") do
    out[pid] = out[pid] or {}
    table.insert(out[pid], line)
  end
  return out
end

-- /proc escapes blanks in mounts and newlines in maps as octal numbers.
local function unescape(text)
  return (text:gsub("\\(%d%d%d)", function(digits) return string.char(tonumber(digits, 8)) end))
end

local function by_pid(records)
  local out = {}
  for _, rec in ipairs(records) do
    assert.is_nil(rec.stopped)
    out[rec.pid] = out[rec.pid] or {}
    table.insert(out[rec.pid], rec)
  end
  return out
end

-- A process that came and went with the printing, or went on opening files: init, and what makes a guest busy.
local function is_steady(dump, pid)
  local t = dump:truth().tasks[pid]
  return t and pid ~= "1" and not (dump.is_busy and (t.comm == "init" or t.comm == "find" or t.comm == "dd" or t.comm == "ping"))
end

local function lacks_slab(dump) return dump.key == "k72" and dump.is_filtered end -- see tasks_spec.lua

matrix.each(function(dump)
  if lacks_slab(dump) then
    it("names what it can't read", function()
      local out, err, status = matrix.run("build/bin/luakvm", "mount", dump.path, "--json")
      assert.is_true(status <= 1 and (out:find '"stopped"' or out:find '"partial":%[' or err ~= "") ~= nil, out)
    end)
    return
  end

  it("has the open files of processes, with their paths", function()
    local files, report, compared = by_pid(matrix.records(matrix.luakvm("files", dump.path, "--json"))), matrix.report(), 0
    for pid, links in pairs(dump:truth().fds) do
      if is_steady(dump, pid) then
        local seen = {}
        for _, f in ipairs(files[tonumber(pid)] or {}) do
          seen[tostring(f.fd)] = true
          if links[tostring(f.fd)] ~= f.path then report.add("%s: %d is %s, was %s", pid, f.fd, f.path, links[tostring(f.fd)]) end
          compared = compared + 1
        end
        for fd, path in pairs(links) do
          if not seen[fd] then report.add("%s: %s (%s) is missing", pid, fd, path) end
        end
      end
    end
    report.check()
    assert.is_true(compared > 500, compared)
  end)

  it("has their offsets, flags and inodes", function()
    local raw, report, compared = dump:truth().raw, matrix.report(), 0
    local want = {}
    for pid, fd, key, value in raw.pid_fdinfo:gmatch "(%d+)/fdinfo/(%d+):(%a+):\t(%w+)" do
      want[pid] = want[pid] or {}
      want[pid][fd] = want[pid][fd] or {}
      want[pid][fd][key] = value
    end
    for pid, fds in pairs(want) do
      for _, f in ipairs(matrix.records(matrix.luakvm("files", dump.path, pid, "--json"))) do
        local info = fds[tostring(f.fd)]
        local flags = tonumber(f.flags) | (f.close_on_exec and 0x80000 or 0) -- O_CLOEXEC, as seq_show adds it
        if f.offset ~= tonumber(info.pos) then report.add("%s/%d: offset is %d, was %s", pid, f.fd, f.offset, info.pos) end
        if flags ~= tonumber(info.flags, 8) then report.add("%s/%d: flags are 0%o, were %s", pid, f.fd, flags, info.flags) end
        if info.ino and f.inode ~= tonumber(info.ino) then report.add("%s/%d: inode is %d, was %s", pid, f.fd, f.inode, info.ino) end
        compared = compared + 1
      end
    end
    report.check()
    assert.is_true(compared > 30, compared)
  end)

  it("has the address spaces of processes, area by area", function()
    local report, compared = matrix.report(), 0
    local areas = by_pid(matrix.records(matrix.luakvm("vm", dump.path, "--json")))
    for pid, lines in pairs(lines_of(dump:truth().raw, "maps")) do
      if is_steady(dump, pid) then
        local own = areas[tonumber(pid)] or {}
        if #own ~= #lines then report.add("%s: %d areas, were %d", pid, #own, #lines) end
        for i, v in ipairs(own) do
          local major, minor = v.dev:match "(%d+):(%d+)"
          local line = ("%08x-%08x %s %08x %02x:%02x %d "):format(tonumber(v.start), tonumber(v["end"]), v.permissions, v.offset, major,
            minor, v.inode)
          if v.name ~= "" then line = ("%-73s%s"):format(line, v.name) end
          local was = lines[i] and unescape(lines[i])
          if line ~= was then report.add("%s: %s\n        was %s", pid, line, was) end
          compared = compared + 1
        end
      end
    end
    report.check()
    assert.is_true(compared > 200, compared)
  end)

  it("has what is mounted, as each process sees it", function()
    local report, compared = matrix.report(), 0
    local seen = {}
    for pid, lines in pairs(lines_of(dump:truth().raw, "mountinfo")) do
      local text = table.concat(lines, "\n")
      if is_steady(dump, pid) and (not seen[text] or pid == "1") then
        seen[text] = true
        local mounts = matrix.records(matrix.luakvm("mount", dump.path, "-n", pid, "--json"))
        if #mounts ~= #lines then report.add("%s: %d mounts, were %d", pid, #mounts, #lines) end
        for i, m in ipairs(mounts) do
          local tags = m.propagation == "" and "" or m.propagation .. " "
          local line = ("%d %d %s %s %s %s %s- %s %s %s"):format(m.id, m.parent, m.device, m.root, m.dir, m.own_options, tags, m.fstype,
            m.dev,
            m.super_options)
          if unescape(lines[i] or ""):sub(1, #line) ~= line then report.add("%s: %s\n        was %s", pid, line, lines[i]) end
          compared = compared + 1
        end
      end
    end
    report.check()
    assert.is_true(compared >= 18, compared)
  end)

  it("has the mounts of /proc/mounts", function()
    local mounts = matrix.records(matrix.luakvm("mount", dump.path, "--json"))
    local report = matrix.report()
    for i, was in ipairs(dump:truth().mounts) do
      local m = mounts[i] or {}
      if m.dev ~= was[1] or m.dir ~= was[2] or m.fstype ~= was[3] or was[4]:sub(1, #m.options) ~= m.options then
        report.add("%s %s %s %s, was %s", m.dev, m.dir, m.fstype, m.options, table.concat(was, " "))
      end
    end
    report.check()
    -- What searches a busy guest's /sys has tracefs mounted when it comes there.
    assert.are.equal(#dump:truth().mounts, dump.is_busy and math.min(#mounts, #dump:truth().mounts) or #mounts)
  end)
end)
