-- SPDX-License-Identifier: BSD-2-Clause
-- The small dump that luakvm slim writes for a few commands gives their answers, byte for byte, but for the memory of
-- processes.
local matrix = require "spec.kernels.matrix"

local LUAKVM = (os.getenv "KVM_BUILD" or "build") .. "/bin/luakvm"
local COMMANDS = {{"ps", "--threads", "--no-args", "--json"}, {"log", "--json"}}

local function size_of(path)
  local f <close> = assert(io.open(path))
  return f:seek "end"
end

matrix.each(function(dump)
  it("answers the same in a small dump", function()
    local small = os.tmpname()
    os.remove(small)
    finally(function() os.remove(small) end)
    local words = {LUAKVM, "slim", dump.path, small}
    for _, command in ipairs(COMMANDS) do
      words[#words + 1] = "--"
      table.move(command, 1, #command, #words + 1, words)
    end
    local _, err, status = matrix.run(table.unpack(words))
    assert.are.equal(0, status, err)
    for _, command in ipairs(COMMANDS) do
      local want = matrix.luakvm(command[1], dump.path, table.unpack(command, 2))
      assert.is_true(#want > 10000)
      assert.is_true(want == matrix.luakvm(command[1], small, table.unpack(command, 2)), command[1] .. " differs")
    end
    assert.is_true(size_of(small) < 16 << 20)
  end)
end)
