-- SPDX-License-Identifier: BSD-2-Clause
-- What gzip(1) packs comes out again, with stored, fixed and dynamic blocks; what is damaged is told, and ends.
local harness = require "spec.support.harness"
local inflate = require "kvm.inflate"
local kvm = require "kvm"

local function gzip(text, options)
  local pipe = assert(io.popen(("gzip %s <'%s'"):format(options, harness.temp(text))))
  local bytes = pipe:read "a"
  assert(pipe:close())
  return bytes
end

-- Text of words, and noise that can't be packed.
local function sample(words, noise)
  math.randomseed(7)
  local out = {}
  for i = 1, words do out[#out + 1] = "CONFIG_" .. i % 97 .. "=y\n" end
  for _ = 1, noise do out[#out + 1] = string.char(math.random(0, 255)) end
  return table.concat(out)
end

describe("kvm.inflate", function()
  harness.guard()

  it("unpacks what gzip packs", function()
    for _, text in ipairs {"", "a", "aaaaaaaaaaaaaaaaaaaaaaaa", sample(20000, 0), sample(0, 70000), sample(3000, 3000)} do
      for _, options in ipairs {"-1", "-9", "-n -6"} do assert.is_true(inflate.gzip(gzip(text, options), 1 << 20) == text) end
    end
  end)

  it("leaves alone what is behind a member, and skips a header's parts", function()
    local packed = gzip("text", "-n")
    assert.are.equal("text", inflate.gzip(packed .. "more", 10))
    local head, body = packed:sub(1, 3), packed:sub(11)
    assert.are.equal("text", inflate.gzip(head .. "\x1e" .. packed:sub(5, 10) .. "\2\0xyname\0comment\0cc" .. body, 10))
  end)

  it("is bounded", function()
    local packed = gzip(("x"):rep(100000), "-9")
    local _, err = kvm.try(inflate.gzip, packed, 99999)
    assert.are.same({"format", "gzip: more than 99999 bytes"}, {err.code, err.message})
    assert.are.equal(100000, #inflate.gzip(packed, 100000))
  end)

  it("tells every kind of damage", function()
    local packed = gzip(sample(300, 20), "-n")
    for _, case in ipairs {
      {"no header", "no header at all, but long"}, {"no header", packed:sub(1, 10)}, {"the data ends early", packed:sub(1, 60)},
      {"the checksum is another", packed:sub(1, -9) .. "\0" .. packed:sub(-7)},
      {"a block of a kind", packed:sub(1, 10) .. "\7" .. ("\0"):rep(20)},
      {"a stored block", packed:sub(1, 10) .. "\1\5\0\0\0" .. ("\0"):rep(20)},
      {"a distance beyond", packed:sub(1, 10) .. "\3\2" .. ("\0"):rep(20)},
      {"the header ends early", packed:sub(1, 3) .. "\8" .. ("x"):rep(30)},
    } do
      local ok, err = pcall(inflate.gzip, case[2], 1 << 20)
      assert.is_true(not ok and kvm.error.is(err, "format") and err.message:find(case[1], 1, true) ~= nil, case[1] .. ": " .. tostring(err))
    end
    math.randomseed(11)
    for _ = 1, 400 do -- wrong bytes anywhere never give what was packed
      local at = math.random(11, #packed - 8)
      local bad = packed:sub(1, at - 1) .. string.char(packed:byte(at) ~ 1 << math.random(0, 7)) .. packed:sub(at + 1)
      local ok, err = pcall(inflate.gzip, bad, 1 << 16)
      assert.is_true(not ok and kvm.error.is(err, "format"), tostring(err))
    end
  end)
end)
