-- SPDX-License-Identifier: BSD-2-Clause
-- struct softnet_data of linux/netdevice.h: what each CPU did with packets that came, and how many wait, as /proc/net/softnet_stat has it.
-- Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local cpumask = require "kvm.linux.cpumask"
local kallsyms = require "kvm.linux.kallsyms"
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"

local M = {}

-- Newest first: a struct numa_drop_counters since 6.18, an atomic counter since 6.10, a number before.
local function dropped(data)
  if object.typeof(data):strip():field "drop_counters" then
    return data.drop_counters.drops0.counter + data.drop_counters.drops1.counter
  end
  local n = data.dropped
  return math.type(n) == "integer" and n or n.counter
end

--- What each CPU did.
-- @param k an open handle
-- @treturn function an iterator of tables: cpu, processed, dropped (the backlog was full), time_squeeze (times that it had to stop before
--  it was done), received_rps (times that others woke it), input_qlen and process_qlen (packets that wait), addr (`struct softnet_data *`)
-- @raise kvm.Error `notfound`: this kernel has no network (CONFIG_NET)
-- @usage for s in kvm.linux.softnet.for_each_cpu(k) do assert(s.processed >= 0 and s.input_qlen >= 0) end
function M.for_each_cpu(k)
  kallsyms.need(k, {"softnet_data"}, "network", "CONFIG_NET")
  local cpus, i = cpumask.of(k, "online"), 0
  return function()
    i = i + 1
    if not cpus[i] then return nil end
    local data = percpu.per_cpu(k, "softnet_data", cpus[i], "struct softnet_data")
    return {cpu = cpus[i], processed = data.processed, dropped = dropped(data), time_squeeze = data.time_squeeze,
      received_rps = object.typeof(data):strip():field "received_rps" and data.received_rps or nil, -- CONFIG_RPS
      input_qlen = data.input_pkt_queue.qlen, process_qlen = data.process_queue.qlen, addr = object.addr(data)}
  end
end

return M
