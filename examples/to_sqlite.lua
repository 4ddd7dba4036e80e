-- SPDX-License-Identifier: BSD-2-Clause
-- Tasks and modules as SQL, for a question that takes a join:
--   luakvm run examples/to_sqlite.lua CORE | sqlite3 crash.db
--   sqlite3 crash.db "select state, count(*) from tasks group by state"
--
--   $ luakvm run examples/to_sqlite.lua examples/panic.kdump
--   begin;
--   create table tasks (pid, ppid, comm, state, cpu, rss_bytes);
--   insert into tasks values (1, 0, 'init', 'S', 1, 1789952);
--   insert into tasks values (2, 0, 'kthreadd', 'S', 0, 0);
--   insert into tasks values (3, 2, 'pool_workqueue_', 'S', 0, 0);
--   insert into tasks values (4, 2, 'kworker/R-kvfre', 'I', 0, 0);
--   ...
--   commit;
local function quoted(v)
  if v == nil then return "null" end
  if type(v) == "number" then return ("%d"):format(v) end
  return "'" .. tostring(v):gsub("'", "''"):gsub("%z", "") .. "'"
end

local function insert(name, columns, rows)
  print(("create table %s (%s);"):format(name, table.concat(columns, ", ")))
  for row in rows do
    local values = {}
    for i, column in ipairs(columns) do values[i] = quoted(row[column]) end
    print(("insert into %s values (%s);"):format(name, table.concat(values, ", ")))
  end
end

print "begin;"
insert("tasks", {"pid", "ppid", "comm", "state", "cpu", "rss_bytes"}, require "kvm.cmd.ps".run(k, {}))
insert("modules", {"name", "size", "refs"}, require "kvm.cmd.mod".run(k, {}))
print "commit;"
