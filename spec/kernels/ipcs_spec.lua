-- SPDX-License-Identifier: BSD-2-Clause
-- System V IPC of a dump is what the guest printed of it, and what its program put into it (objects.c).
local matrix = require "spec.kernels.matrix"

-- The columns of /proc/sysvipc by name, each line a table.
local function rows(text)
  local names, out = nil, {}
  for line in text:gmatch "[^\n]+" do
    local values = {}
    for word in line:gmatch "%S+" do values[#values + 1] = word end
    if not names then
      names = values
    elseif values[1] then
      local row = {}
      for i, name in ipairs(names) do row[name] = tonumber(values[i], name == "perms" and 8 or 10) end
      out[#out + 1] = row
    end
  end
  return out
end

-- Our key of /proc's column.
local COMMON = {key = "key", perms = "mode", uid = "uid", gid = "gid", cuid = "cuid", cgid = "cgid", ctime = "created"}
local KINDS = {
  shm = {id = "shmid", size = "bytes", cpid = "pid", lpid = "last_pid", nattch = "count", atime = "first", dtime = "second"},
  sem = {id = "semid", nsems = "count"},
  msg = {id = "msqid", cbytes = "bytes", qnum = "count", lspid = "pid", lrpid = "last_pid", stime = "first", rtime = "second"},
}

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua

  it("has the guest's System V IPC", function()
    local all = matrix.records(matrix.luakvm("ipcs", dump.path, "--json", "--contents"))
    local report, count = matrix.report(), 0
    for kind, columns in pairs(KINDS) do
      for _, row in ipairs(rows(dump:truth().raw["sysvipc_" .. kind])) do
        local found
        for _, r in ipairs(all) do
          if r.kind == kind and r.id == row[columns.id] then found = r end
        end
        assert.is_truthy(found, kind)
        count = count + 1
        for _, names in ipairs {COMMON, columns} do
          for was, ours in pairs(names) do
            if was ~= "id" then
              local value = found[ours]
              if ours == "key" then value = tonumber(value) end
              if ours == "mode" then value = value & 0x1ff end
              if value ~= row[was] and not (ours == "mode" and row[was] & 0x1ff == value) then
                report.add("%s %d: %s is %s, was %s %s", kind, found.id, ours, value, was, row[was])
              end
            end
          end
        end
      end
    end
    report.check()
    assert.are.same({4, 5}, {count, #all}) -- and a POSIX queue, below
  end)

  it("has the contents of messages and semaphores", function()
    local o = dump:truth().objects
    for _, r in ipairs(matrix.records(matrix.luakvm("ipcs", dump.path, "--json", "--contents"))) do
      if r.kind == "sem" and r.id == o.sem then assert.are.same({5, 6, 7}, r.values) end
      if r.kind == "msg" then
        assert.are.same({7, "first message", 8, "second"}, {r.messages[1].type, r.messages[1].text, r.messages[2].type, r.messages[2].text})
        assert.are.equal(2, #r.messages)
      end
    end
  end)

  it("has the POSIX message queue with its message", function()
    local list = matrix.records(matrix.luakvm("ipcs", dump.path, "--posix", "--contents", "--json"))
    local q = list[1]
    assert.are.same({1, "posix", "lab-queue", "600", 1, 13}, {#list, q.kind, q.name, q.perms, q.count, q.bytes})
    assert.are.same({{3, "posix message"}}, {{q.messages[1].priority, q.messages[1].text}})
  end)
end)
