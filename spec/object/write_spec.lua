-- SPDX-License-Identifier: BSD-2-Clause
-- Bits and bytes of assignments, of both byte orders; what objects do with them is in spec/object_spec.lua.
local fake = require "spec.support.fake_kernel"
local write = require "kvm.object.write"

-- A handle that keeps what is written, and a type.
local function memory(order, bytes)
  local k = fake.new {facts = {byte_order = order}}
  k.bytes = bytes
  function k:read(addr, len) return self.bytes:sub(addr + 1, addr + len) end
  function k:write(addr, new)
    self.bytes = self.bytes:sub(1, addr) .. new .. self.bytes:sub(addr + #new + 1)
    return true
  end
  return k
end

local function int(size, signed)
  local t = {}
  function t.strip() return t end
  function t.kind() return "int" end
  function t.size() return size end
  function t.signed() return signed or false end
  function t.spell() return "int" end
  return t
end

describe("kvm.object.write", function()
  it("writes in the target's byte order", function()
    for order, want in pairs {little = "\xaa\x04\x03\x02\x01\xaa", big = "\xaa\x01\x02\x03\x04\xaa"} do
      local k = memory(order, ("\xaa"):rep(6))
      write.place(k, 0, {type = int(4), bit_offset = 8, bit_size = 0}, 0x01020304)
      assert.are.equal(want, k.bytes)
    end
  end)

  it("writes bits, and leaves their neighbours", function()
    -- 5 bits behind the first 6: little-endian from bit 6 up, big-endian from the highest down
    for order, want in pairs {little = {0x40, 0x04}, big = {0x02, 0x20}} do
      local k = memory(order, "\0\0\0")
      write.place(k, 0, {type = int(4), bit_offset = 6, bit_size = 5}, 0x11)
      assert.are.same({want[1], want[2], 0}, {k.bytes:byte(1, 3)}, order)
      k.bytes = "\xff\xff\xff"
      write.place(k, 0, {type = int(4), bit_offset = 6, bit_size = 5}, 0)
      write.place(k, 0, {type = int(4), bit_offset = 6, bit_size = 5}, 0x1f)
      assert.are.equal("\xff\xff\xff", k.bytes)
    end
    local k = memory("little", ("\0"):rep(9))
    write.place(k, 0, {type = int(8), bit_offset = 3, bit_size = 64}, -1)
    assert.are.equal("\xf8\xff\xff\xff\xff\xff\xff\xff\x07", k.bytes)
  end)

  it("checks the range", function()
    local k = memory("little", ("\0"):rep(8))
    for _, case in ipairs {
      {int(1), 256}, {int(1), -1}, {int(1, true), 128}, {int(1, true), -129}, {int(4), 1 << 32}, {int(1), 0.5}, {int(1), "1"},
    } do
      local ok, err = pcall(write.place, k, 0, {type = case[1], bit_offset = 0, bit_size = 0}, case[2])
      assert.are.same({false, "inval"}, {ok, err.code})
    end
    assert.are.equal(("\0"):rep(8), k.bytes)
  end)

  it("does not cut addresses down to pointers of 4 bytes", function()
    local k, pointer = memory("big", ("\0"):rep(4)), int(4)
    function pointer.kind() return "pointer" end
    write.place(k, 0, {type = pointer, bit_offset = 0, bit_size = 0}, 0xc0100200)
    assert.are.equal("\xc0\x10\x02\x00", k.bytes)
    for _, v in ipairs {1 << 32, -1, 0xffff888000000000} do
      local ok, err = pcall(write.place, k, 0, {type = pointer, bit_offset = 0, bit_size = 0}, v)
      assert.are.same({false, "inval"}, {ok, err.code})
    end
  end)
end)
