-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local softnet = require "kvm.linux.softnet"

local S = memory.START
local DROPS = {
  {name = "of 7.2", declarations = "struct numa_drop_counters { struct atomic drops0, drops1; };",
    member = "struct numa_drop_counters drop_counters;",
    set = {["drop_counters.drops0.counter"] = 4, ["drop_counters.drops1.counter"] = 5}},
  {name = "of 6.12", declarations = "", member = "struct atomic dropped;", set = {["dropped.counter"] = 9}},
  {name = "of 5.10", declarations = "", member = "unsigned int dropped;", set = {dropped = 9}},
}

for _, layout in ipairs(DROPS) do
  describe("kvm.linux.softnet " .. layout.name, function()
    harness.guard()
    after_each(memory.forget)

    it("tells what CPUs did", function()
      local k = memory.open(([[
        struct cpumask { unsigned long bits[1]; };
        struct atomic { int counter; };
        struct sk_buff_head { unsigned int qlen; };
        %s
        struct softnet_data { unsigned int processed, time_squeeze, received_rps; struct sk_buff_head process_queue, input_pkt_queue; %s };
      ]]):format(layout.declarations, layout.member))
      local symbols = memory.one_cpu(k, S, S + 0x100)
      symbols.softnet_data = 16
      memory.symbols(symbols)
      local at = S + 0x110
      memory.set(k, "struct softnet_data", at, {processed = 100, time_squeeze = 2, received_rps = 3, ["process_queue.qlen"] = 6,
        ["input_pkt_queue.qlen"] = 7})
      memory.set(k, "struct softnet_data", at, layout.set)
      assert.are.same({{cpu = 0, processed = 100, dropped = 9, time_squeeze = 2, received_rps = 3, input_qlen = 7, process_qlen = 6,
        addr = at}}, (memory.collect(softnet.for_each_cpu(k))))
      memory.forget()
      assert.matches("CONFIG_NET", select(2, kvm.try(softnet.for_each_cpu, k)).message)
    end)
  end)
end
