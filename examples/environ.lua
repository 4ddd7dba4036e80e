-- SPDX-License-Identifier: BSD-2-Clause
-- The environment of a process. It is in the process's own memory: small dumps have none of it, and say so.
--   luakvm run examples/environ.lua CORE PID
--
--   $ luakvm run examples/environ.lua examples/panic.kdump 1
--   init (pid 1)
--     environment of process 1: 0x7ffdb4b2bfbf: physical address 0x6a8afbf is not in the dump (filtered out)
local pid = assert(math.tointeger(tonumber((...))), "a process id is missing")
for p in k:procs() do
  if p.pid == pid then
    local list, why = k:environ(p)
    print(("%s (pid %d)"):format(p.comm, pid))
    for _, line in ipairs(list or {why}) do print("  " .. line) end
  end
end
