-- SPDX-License-Identifier: BSD-2-Clause
-- A handle with writable memory in which specs build the kernel's structures: words by name of the member, and errors as values.
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kvm = require "kvm"

local M = {}

local CORE = image.build()

--- An open handle; DECLARATIONS are C.
function M.open(declarations)
  local k = harness.open {core = harness.temp(CORE), write = true}
  if declarations then kvm.cdef(k, declarations) end
  return k
end

--- Where memory is that can be written: 8 KB.
M.START, M.SIZE, M.UNMAPPED = image.LARGE, 8192, image.UNMAPPED

--- Writes members of a struct: {["rb.left"] = 0x10, ...}.
function M.set(k, t, addr, members)
  for path, value in pairs(members) do
    local field = assert(k:type(t):strip():field(path))
    assert(k:write(addr + field.offset, ("<i8"):pack(value):sub(1, field.type:strip():size())))
  end
end

--- What an iterator gives, and the error that ended it (nil when none did). PICK makes a value of what it gives at each step.
function M.collect(step, pick)
  local out, err = {}, nil
  while true do
    local values = table.pack(pcall(step))
    if not values[1] then
      err = values[2]
      break
    end
    if values[2] == nil then break end
    out[#out + 1] = (pick or function(v) return v end)(table.unpack(values, 2, values.n))
  end
  return out, err
end

return M
