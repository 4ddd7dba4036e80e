-- SPDX-License-Identifier: BSD-2-Clause
-- Every ModRM byte of FF /2 with every SIB byte, beside the lengths that the tables of the Intel SDM list by hand.
local call = require "kvm.unwind.call"

describe("kvm.unwind.call", function()
  local function ends_at(bytes)
    local lengths = {}
    for length = 1, #bytes do
      if call.ends(bytes:sub(1, length)) then lengths[#lengths + 1] = length end
    end
    return lengths
  end

  it("knows each form by its length alone", function()
    -- First and last ModRM byte (hexadecimal), first and last low bits of the SIB byte (nil: there is none), length.
    local forms = {
      {0x10, 0x13, nil, 2}, {0x16, 0x17, nil, 2}, {0x15, 0x15, nil, 6}, {0x14, 0x14, {0, 1, 2, 3, 4, 6, 7}, 3}, {0x14, 0x14, {5}, 7},
      {0x50, 0x53, nil, 3}, {0x55, 0x57, nil, 3}, {0x54, 0x54, {0, 1, 2, 3, 4, 5, 6, 7}, 4},
      {0x90, 0x93, nil, 6}, {0x95, 0x97, nil, 6}, {0x94, 0x94, {0, 1, 2, 3, 4, 5, 6, 7}, 7}, {0xd0, 0xd7, nil, 2},
    }
    for _, form in ipairs(forms) do
      for modrm = form[1], form[2] do
        for _, low in ipairs(form[3] or {0}) do
          for high = 0, 31 do
            local sib = high << 3 | low
            local bytes = "\xff" .. string.char(modrm, sib) .. "\0\0\0\0\0"
            -- The byte E8 begins a call of its own.
            if sib ~= 0xe8 then assert.are.same({form[4]}, ends_at(bytes), ("ff %02x %02x"):format(modrm, sib)) end
          end
        end
      end
    end
  end)

  it("knows the relative one, and no others of the same opcode", function()
    assert.are.same({5}, ends_at "\xe8\1\2\3\4\5")
    for _, modrm in ipairs {0x08, 0x18, 0x20, 0x30, 0xc8, 0xd8, 0xe0} do -- dec, call far, jmp, push
      assert.are.same({}, ends_at("\xff" .. string.char(modrm) .. "\0\0\0\0\0\0"))
    end
    assert.is_false(call.ends "")
    assert.is_false(call.ends "\xff")
  end)
end)
