-- SPDX-License-Identifier: BSD-2-Clause
-- One crash in the three files that makedumpfile --split wrote: the answers are those of the one file.
local matrix = require "spec.kernels.matrix"

local KEY = "formats61"
local function path(name) return ("%s/%s/%s"):format(matrix.dir, KEY, name) end

-- The parts of a set, in any order.
for _, order in ipairs {{1, 2, 3}, {3, 1, 2}} do
  matrix.describe(KEY, "split3.1", function()
    it("answers as the zlib dump does, with the other parts: " .. table.concat(order, " "), function()
      for _, command in ipairs {"ps", "log"} do
        local want = matrix.luakvm(command, path "zlib", "--json")
        local got = matrix.luakvm(command, "--json", "-M", path("split3." .. order[1]), "-M",
          path("split3." .. order[2]), "-M", path("split3." .. order[3]))
        assert.is_true(want == got, command)
      end
    end)
  end)
end

matrix.describe(KEY, "split3.1", function()
  it("is incomplete alone, and says what is missing", function()
    local out = matrix.luakvm("info", path "split3.1")
    assert.matches("1 part; page frames 0x%x+%-0x%x+ missing", out)
    assert.matches("incomplete +yes", out)
  end)

  it("is refused twice, and with a dump of its own", function()
    assert.matches("both have the page frames", matrix.luakvm_fails("info", "-M", path "split3.1", "-M", path "split3.1"), 1, true)
    assert.matches("not a part", matrix.luakvm_fails("info", "-M", path "split3.1", "-M", path "zlib"), 1, true)
  end)
end)
