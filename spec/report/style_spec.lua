-- SPDX-License-Identifier: BSD-2-Clause
local style = require "kvm.report.style"

describe("kvm.report.style", function()
  it("knows dark and light, paper and phones, and loads nothing", function()
    for _, text in ipairs {"prefers-color-scheme: dark", "@media print", "max-width"} do
      assert.is_truthy(style:find(text, 1, true), text)
    end
    for _, text in ipairs {"url(", "@import", "</"} do assert.is_nil(style:find(text, 1, true)) end
  end)
end)
