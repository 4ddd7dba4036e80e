-- SPDX-License-Identifier: BSD-2-Clause
local poison = require "kvm.linux.poison"

describe("kvm.linux.poison", function()
  it("knows what the kernel leaves where nothing should be read", function()
    for _, case in ipairs {
      {0xdead000000000100, "LIST_POISON1"}, {0xdead000000000108, "LIST_POISON"}, {0xdead000000000122, "LIST_POISON2"},
      {0xdead000000000400, "TIMER_ENTRY"}, {0x6b6b6b6b6b6b6b6b, "POISON_FREE"}, {0x6b6b6b6b6b6b6c83, "POISON_FREE"},
      {0x5a5a5a5a5a5a5a5a, "POISON_INUSE"}, {0xaaaaaaaaaaaaaaaa, "PAGE_POISON"},
    } do
      assert.matches(case[2], poison.meaning(case[1]), 1, true)
    end
  end)

  it("takes nothing else for it", function()
    for _, value in ipairs {0, -1, 0x6b, 0xffffffff81000000, 0xdead000000002000, 0x6b6b6b6b00000000, 0x7f00000000000100} do
      assert.is_nil(poison.meaning(value))
    end
  end)
end)
