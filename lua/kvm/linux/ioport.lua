-- SPDX-License-Identifier: BSD-2-Clause
-- linux/ioport.h: the trees of resources (struct resource), physical memory and I/O ports, as /proc/iomem and /proc/ioports
-- print them (kernel/resource.c, r_show). Each child must name its parent, lie within it and behind its sibling. Checked against Linux
-- 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local kallsyms = require "kvm.linux.kallsyms"

local M = {}

local TYPE <const> = "struct resource"
local MAX_DEPTH <const> = 64

local ROOTS <const> = {memory = "iomem_resource", ports = "ioport_resource"}

local function fail(addr, form, ...)
  error(kvm_error.new {code = "format", addr = addr, message = ("resource at 0x%x: "):format(addr) .. form:format(...)}, 0)
end

local function check(o, parent, before)
  local addr = object.addr(o)
  if not o.parent or object.addr(o.parent) ~= object.addr(parent) then fail(addr, "its parent does not lead back") end
  if math.ult(o.start, parent.start) or math.ult(parent["end"], o["end"]) then fail(addr, "it lies outside of its parent") end
  if before and not math.ult(before["end"], o.start) then fail(addr, "it does not lie behind the one before") end
end

local function name_of(o)
  local text = kvm_error.try(object.string, o.name)
  return text
end

local function children(parent, depth)
  if depth > MAX_DEPTH then fail(object.addr(parent), "there are more than %d levels", MAX_DEPTH) end
  local o, before = parent.child, nil
  while o do
    check(o, parent, before)
    coroutine.yield {start = o.start, last = o["end"], name = name_of(o), flags = o.flags, depth = depth, addr = object.addr(o)}
    children(o, depth + 1)
    o, before = o.sibling, o
  end
end

--- The resources of a tree, each before what lies within it.
-- @param k an open handle
-- @tparam string which "memory" or "ports"
-- @treturn function an iterator of tables: start and last (integers: the first and last address or port), name (nil when it can't
--  be read), flags (IORESOURCE_*), depth (0: nothing is around it), addr (`struct resource *`)
-- @raise kvm.Error `format` where the tree is damaged; `fault`, `excluded`
-- @usage for r in kvm.linux.ioport.for_each_resource(k, "memory") do assert(not math.ult(r.last, r.start)) break end
function M.for_each_resource(k, which)
  local root = kvm_error.check(k:object(kallsyms.address(k, ROOTS[which] or which), TYPE))
  return coroutine.wrap(function() children(root, 0) end)
end

return M
