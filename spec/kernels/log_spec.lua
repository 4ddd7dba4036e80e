-- SPDX-License-Identifier: BSD-2-Clause
-- The log of a dump has the lines that dmesg printed in the guest, with their times.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

matrix.each(function(dump)
  it("has the last lines of dmesg", function()
    local lines, report, compared = {}, matrix.report(), 0
    for r in kvm.linux.printk.records(dump:open()) do
      if r.text then
        for text in (r.text .. "\n"):gmatch "([^\n]*)\n" do
          lines[("[%5d.%06d] %s"):format(r.time_ns // 1000000000, r.time_ns // 1000 % 1000000, text)] = true
        end
      end
    end
    for line in dump:truth().raw.dmesg_tail:gmatch "[^\n]+" do
      compared = compared + 1
      if not lines[line] then report.add("%s", line) end
    end
    report.check()
    assert.is_true(compared >= 30, compared)
  end)
end)
