-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm vtop: the physical memory behind virtual addresses of the kernel or of a process, with the page table entry that says so.
local kvm_error = require "kvm.error"
local pgtable_types = require "kvm.linux.pgtable_types"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"
local words = require "kvm.cmd.words"

local M = {
  name = "vtop",
  summary = "physical addresses of virtual ones",
  operands = {{key = "addrs", name = "ADDR|SYMBOL", many = true}},
  options = {{flags = "-c --process", value = "PID", type = "integer", help = "the addresses are of this process's user space"}},
  columns = {
    {name = "virtual", kind = "hex", title = "VIRTUAL", width = 18, left = true},
    {name = "physical", kind = "hex", title = "PHYSICAL", width = 16, left = true},
    {name = "page_bytes", kind = "size", title = "PAGE", width = 7},
    {name = "entry", kind = "hex", title = "ENTRY", width = 18, left = true},
    {name = "flags", kind = "strings"},
    {name = "pfn", kind = "integer"},
    {name = "what", kind = "string", title = "FLAGS", left = true, width = 0, json = false},
  },
}

local function flags_of(k, entry, bytes)
  if entry == 0 or k:info().arch ~= "x86_64" then return nil end
  return pgtable_types.flags(k, entry, bytes)
end

--- Physical addresses of virtual ones.
-- @param k an open handle
-- @tparam table opts addrs ({integer|string,...}: as a person types them), process (id)
-- @treturn function an iterator of records: virtual, physical (addresses), page_bytes (of the page that maps it), entry (of the page
--  table; 0: there is none), flags ({string,...}; of x86-64), pfn; an address that is not mapped as kvm.cmd.walk tells what stopped
-- @raise kvm.Error `notfound`: no such symbol or process
-- @usage for r in require "kvm.cmd.vtop".run(k, {addrs = {"linux_banner"}}) do assert(r.physical) end
function M.run(k, opts)
  local list, space = {}, nil
  for i, addr in ipairs(opts.addrs) do list[i] = math.type(addr) == "integer" and addr or words.address(k, addr) end
  if opts.process then
    space = tasks.each(k, {opts.process})()
    if not space then kvm_error.fail("notfound", "there is no process %d", opts.process) end
  end
  return walk.records(function(emit)
    for _, addr in ipairs(list) do
      walk.part(emit, function()
        local pa, bytes, entry = kvm_error.check(k:translate(addr, space))
        local flags = flags_of(k, entry, bytes)
        emit {virtual = addr, physical = pa, page_bytes = bytes, entry = entry, flags = flags, pfn = pa // k:page_size(),
          what = flags and table.concat(flags, " ") or ""}
      end)
    end
  end)
end

return M
