-- SPDX-License-Identifier: BSD-2-Clause
-- A handle with writable memory in which specs build the kernel's structures: words by name of the member, and errors as values.
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kallsyms = require "kvm.linux.kallsyms"
local kvm = require "kvm"

local M = {}

local Handle = require "kvm.core".Handle
local kept_address = kallsyms.address
local of_handles, modules_of_handles = Handle.symbol, Handle.modules

--- Gives all handles symbols by name, besides their own; M.forget takes them back. SIZES: by name, of those that have one; OWNERS: by name,
--- the module of those that are a module's.
function M.symbols(addresses, sizes, owners)
  local function symbol(name, at)
    return {name = name, value = addresses[name], size = sizes and sizes[name] or 0, module = owners and owners[name]}, at
  end
  function Handle.symbol(k, name)
    if addresses[name] then return symbol(name, 0) end
    if math.type(name) == "integer" then
      for own, addr in pairs(addresses) do
        if addr == name or math.ult(name - addr, sizes and sizes[own] or 0) then return symbol(own, name - addr) end
      end
    end
    return of_handles(k, name)
  end
  -- Symbols of real kernels stay where they are, so that their addresses are kept; these may change at any time.
  function kallsyms.address(k, name) return kvm.check(k:symbol(name)).value end
end

--- Gives all handles modules: {{name=, addr=},...}.
function M.modules(list)
  function Handle.modules()
    local i = 0
    return function()
      i = i + 1
      return list[i]
    end
  end
end

function M.forget()
  Handle.symbol, Handle.modules = of_handles, modules_of_handles
  kallsyms.address = kept_address
end

--- Symbols of a kernel of one CPU, whose own copy of per-CPU variables lies at their address plus OFFSET; AT: 32 bytes for it.
function M.one_cpu(k, at, offset)
  assert(k:write(at, ("<I8I8I8"):pack(offset, 1, 1)))
  return {__per_cpu_offset = at, nr_cpu_ids = at + 8, __cpu_online_mask = at + 16, __cpu_possible_mask = at + 16}
end

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
