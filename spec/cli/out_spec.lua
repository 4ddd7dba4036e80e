-- SPDX-License-Identifier: BSD-2-Clause
local out = require "kvm.cli.out"

-- io.stdout replaced by something that fails as told.
local function with_stdout(result, f)
  local real = io.stdout
  local fake = {}
  function fake.write() return table.unpack(result, 1, 3) end
  fake.flush = fake.write
  rawset(io, "stdout", fake)
  local ok, err = pcall(f)
  rawset(io, "stdout", real)
  return ok, err
end

describe("kvm.cli.out", function()
  it("raises what went wrong", function()
    for _, f in ipairs {function() out.write "x" end, out.flush} do
      local ok, err = with_stdout({nil, "No space left on device", 28}, f)
      assert.is_false(ok)
      assert.are.same({output = true, quiet = false, message = "No space left on device"}, err)
    end
  end)

  it("is quiet when nobody reads any more", function()
    local _, err = with_stdout({nil, "Broken pipe", 32}, out.flush)
    assert.is_true(err.quiet)
    assert.is_true((with_stdout({true}, out.flush)))
  end)
end)
