-- SPDX-License-Identifier: BSD-2-Clause
-- linux/device.h and linux/device/class.h: the devices of a class, by the driver core's private lists (drivers/base/base.h), and the
-- numbers that drivers of devices took, as /proc/devices has them (fs/char_dev.c, block/genhd.c). Checked against Linux 5.10, 6.1, 6.12
-- and 7.2.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local klist = require "kvm.linux.klist"
local list = require "kvm.linux.list"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local MOST <const> = 1 << 20
local MINOR_BITS <const> = 20 -- include/linux/kdev_t.h

--- What the driver core keeps of a class.
-- @param class `struct class`
-- @return `struct subsys_private`
-- @raise kvm.Error `notfound`: the class is not registered; `format`, `fault`, `excluded`
-- @usage assert(kvm.linux.device.subsystem(k:object "block_class").klist_devices)
function M.subsystem(class)
  local k = object.handle(class)
  if types.of(k, "struct class"):strip():field "p" then -- 5.10, 6.1
    if class.p then return class.p end
  else -- 6.12, 7.2: classes are const, and looked for in their set
    for kobj in list.for_each_entry("struct kobject", kvm_error.check(k:object "class_kset").list, "entry", MOST) do
      local own = object.container_of(kobj, "struct subsys_private", "subsys.kobj")
      if own.class == class then return own end
    end
  end
  return kvm_error.fail("notfound", "the class at 0x%x is not registered", object.addr(class))
end

--- The devices of a class, in the order in which they came.
-- @param class `struct class`
-- @treturn function an iterator of objects `struct device`
-- @raise kvm.Error as subsystem; `format` where the list is damaged
-- @usage for dev in kvm.linux.device.for_each_device(k:object "block_class") do assert(#kvm.linux.device.name(dev) > 0) end
function M.for_each_device(class)
  local step = klist.for_each_entry("struct device_private", M.subsystem(class).klist_devices, "knode_class", MOST)
  return function()
    local own = step()
    return own and own.device
  end
end

--- The name of a device.
-- @param dev `struct device`
-- @treturn string as in /sys
-- @raise kvm.Error
-- @usage for dev in kvm.linux.device.for_each_device(k:object "block_class") do assert(kvm.linux.device.name(dev) ~= "") end
function M.name(dev)
  return object.string(dev.kobj.name)
end

--- A device's number.
-- @tparam integer dev `dev_t`
-- @treturn integer major
-- @treturn integer minor
-- @usage local major, minor = require "kvm.linux.device".numbers(254 << 20 | 17) assert(major == 254 and minor == 17)
function M.numbers(dev)
  return dev >> MINOR_BITS, dev & (1 << MINOR_BITS) - 1
end

-- The two tables of numbers that were taken: hash tables by the major number (CHRDEV_MAJOR_HASH_SIZE, BLKDEV_MAJOR_HASH_SIZE).
local KINDS <const> = {
  char = {symbol = "chrdevs", read = function(entry)
    return {major = entry.major, name = entry.name, minor = entry.baseminor, minors = entry.minorct, addr = object.addr(entry)}
  end},
  block = {symbol = "major_names", option = "block devices", config = "CONFIG_BLOCK", read = function(entry)
    return {major = entry.major, name = entry.name, addr = object.addr(entry)}
  end},
}
local MOST_OF_A_BUCKET <const> = 1 << 20 -- minors of one major

-- The entries of a bucket, which has no way back: a list that does not end is one with too many entries.
local function bucket(entry, at, read, out)
  local n = 0
  while entry do
    n = n + 1
    if n > MOST_OF_A_BUCKET then
      error(kvm_error.new {code = "format", addr = object.addr(entry), message = ("device numbers: bucket %d does not end"):format(at)}, 0)
    end
    out[#out + 1] = read(entry)
    entry = entry.next
  end
end

--- The device numbers that drivers have taken.
-- @param k an open handle
-- @tparam string kind "char" or "block"
-- @treturn {table,...} in the order of /proc/devices: major, name, addr (`struct char_device_struct *`, `struct blk_major_name *`); of
--  "char" also minor (the first one) and minors (how many)
-- @raise kvm.Error `format` where a bucket is damaged; `notfound`: this kernel has none; `fault`, `excluded`
-- @usage for _, m in ipairs(kvm.linux.device.majors(k, "char")) do assert(m.major >= 0 and m.name) end
function M.majors(k, kind)
  local own = KINDS[kind] or error("bad argument to 'majors' (char or block expected)", 2)
  if own.config then kallsyms.need(k, {own.symbol}, own.option, own.config) end
  local table_, out = kvm_error.check(k:object(own.symbol)), {}
  for i = 0, #table_ - 1 do bucket(table_[i], i, own.read, out) end
  for i, entry in ipairs(out) do entry.order = i end
  table.sort(out, function(a, b)
    if a.major ~= b.major then return a.major < b.major end
    return a.order < b.order
  end)
  for _, entry in ipairs(out) do entry.order = nil end
  return out
end

return M
