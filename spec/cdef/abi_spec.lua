-- SPDX-License-Identifier: BSD-2-Clause
-- The sizes and alignments themselves are compared with compilers in spec/cdef_structs_spec.lua.
local abi = require "kvm.cdef.abi"

describe("kvm.cdef.abi", function()
  it("knows machines by name", function()
    local names = abi.names()
    for _, name in ipairs(names) do
      local a = assert(abi.of{arch = name})
      assert.are.equal(a.long, a.pointer)
      assert.are.equal(8, a.long_long[1])
    end
    assert.are.same({"aarch64", "aarch64_be", "arm", "armeb", "i386", "ppc64", "ppc64le", "s390x", "x86_64"}, names)
  end)

  it("tells what differs", function()
    local x86, i386, s390x = abi.of{arch = "x86_64", pointer_size = 8}, abi.of{arch = "i386", pointer_size = 4}, abi.of{arch = "s390x"}
    assert.are.same({8, 16, 16, true}, {x86.long, x86.long_double[1], x86.biggest, x86.char_signed})
    assert.are.same({4, 12, 4, 4, 16}, {i386.long, i386.long_double[1], i386.long_double[2], i386.long_long[2], i386.biggest})
    assert.is_nil(i386.int128)
    assert.are.same({16, 8, 8}, {s390x.int128[1], s390x.int128[2], s390x.biggest})
    assert.is_nil(s390x.char_signed)
    assert.is_true(abi.of{arch = "arm"}.anon_aligns)
  end)

  it("refuses other machines, and pointers of another size", function()
    assert.are.same({nil, "the layout of C on m68k is not known"}, {abi.of{arch = "m68k"}})
    assert.are.same({nil, "the layout of C on an unknown machine is not known"}, {abi.of{}})
    assert.are.same({nil, "pointers of 4 bytes on x86_64"}, {abi.of{arch = "x86_64", pointer_size = 4}})
  end)
end)
