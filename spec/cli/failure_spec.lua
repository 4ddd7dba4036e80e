-- SPDX-License-Identifier: BSD-2-Clause
local failure = require "kvm.cli.failure"

describe("kvm.cli.failure", function()
  it("gives a status and a line", function()
    for _, case in ipairs {
      {{usage = "a"}, 2, "a"}, {{nothing = "b"}, 1, "b"}, {{complained = true}, 1}, {"file:1: interrupted!", 130}, {"c", 1, "c"},
      {{output = true, quiet = true}, 0}, {{output = true, message = "full"}, 1, "standard output: full"},
      {require "kvm.error".new {code = "fault", message = "d"}, 1, "d"},
    } do
      assert.are.same({case[2], case[3]}, {failure.status(case[1])})
    end
  end)
end)
