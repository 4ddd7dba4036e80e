-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local swap = require "kvm.cmd.swap"

describe("kvm.cmd.swap", function()
  local function kernel(list, failure)
    return {
      page_size = function() return 4096 end,
      swaps = function()
        local i = 0
        return function()
          i = i + 1
          if not list[i] and failure then error(failure) end
          return list[i]
        end
      end,
    }
  end

  it("tells of swap in bytes", function()
    local list = {{name = "/dev/x", total_pages = 10, used_pages = 3, flags = 0x43}}
    assert.are.same({{name = "/dev/x", size_bytes = 40960, used_bytes = 12288, flags = 0x43}}, fake.collect(swap.run(kernel(list))))
    assert.are.same({}, fake.collect(swap.run(kernel {})))
  end)

  it("says where it stopped", function()
    local failure = require "kvm.error".new {code = "fault", message = "gone", addr = 5}
    assert.are.same({{stopped = "gone", code = "fault", addr = 5}}, fake.collect(swap.run(kernel({}, failure))))
  end)
end)
