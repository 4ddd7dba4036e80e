-- SPDX-License-Identifier: BSD-2-Clause
-- The areas of the kernel's virtual memory are those of /proc/vmallocinfo, whose addresses are hidden: size, who made it, pages, physical
-- address, kind. Those of containers/lab_slab.c are found by their addresses.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

local vmalloc = kvm.linux.vmalloc

-- A line of an area that is in use; nil of one that was given back.
local function line_of(area)
  local parts = {("%d"):format(area.bytes), area.caller}
  if area.pages then parts[#parts + 1] = ("pages=%d"):format(area.pages) end
  if area.phys then parts[#parts + 1] = ("phys=0x%016x"):format(area.phys) end
  for _, kind in ipairs(area.kinds) do parts[#parts + 1] = kind end
  return area.kinds[1] and not area.unready and table.concat(parts, " ") or nil
end

local function count(lines)
  local out, n = {}, 0
  for line in lines do
    out[line] = (out[line] or 0) + 1
    n = n + 1
  end
  return out, n
end

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua

  it("has /proc/vmallocinfo", function()
    local k, report = dump:open(), matrix.report()
    local was, lines = count(coroutine.wrap(function()
      for line in dump:truth().raw.vmallocinfo:gmatch "[^\n]+" do
        local rest = line:gsub("^%S+ +", ""):gsub(" N%d+=%d+", "")
        if not rest:find "unpurged" then coroutine.yield(rest) end
      end
    end))
    local now = count(coroutine.wrap(function()
      for area in vmalloc.for_each_vmap_area(k) do
        local line = line_of(vmalloc.describe(area))
        if line then coroutine.yield(line) end
      end
    end))
    -- What came and went: tasks' stacks, and what the crash needed.
    local room = dump.is_busy and 200 or 8
    for line, n in pairs(was) do
      if math.abs((now[line] or 0) - n) > room * (line:find "kernel_clone" and 8 or 1) // 8 then
        report.add("%s: %d, were %d", line, now[line] or 0, n)
      end
    end
    report.check()
    assert.is_true(lines > 200)
  end)

  it("finds areas by address", function()
    local k = dump:open()
    local checked = 0
    for area in vmalloc.for_each_vmap_area(k) do
      assert.are.equal(area, vmalloc.find_vmap_area(k, area.va_end - 1))
      checked = checked + 1
    end
    assert.is_true(checked > 200)
    local five = k:ptr(k:symbol "lab_vmalloc".value)
    local area = vmalloc.describe(vmalloc.find_vmap_area(k, five + 4096))
    assert.are.same({five, 6 * 4096, 5, {"vmalloc"}}, {area.addr, area.bytes, area.pages, area.kinds})
    local mapped = k:ptr(k:symbol "lab_vmap".value)
    assert.are.same({"vmap"}, vmalloc.describe(vmalloc.find_vmap_area(k, mapped)).kinds)
    assert.is_nil(vmalloc.find_vmap_area(k, k:symbol("linux_banner").value))
  end)

  it("has areas that were given back", function()
    if dump.is_crash then return end -- most have been taken care of
    local k, bytes = dump:open(), 0
    for area in vmalloc.for_each_lazy_area(k) do
      assert.are.equal(0, (area.va_end - area.va_start) % 4096)
      bytes = bytes + area.va_end - area.va_start
    end
    assert.is_true(bytes > 0)
  end)
end)
