-- SPDX-License-Identifier: BSD-2-Clause
-- The same pages in every format that is read: each gives the same answers, those of the kernel that was built.
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local whole = require "spec.synthetic.whole"

local kernel = linux.build()
local function is_user(pfn) return kernel:is_user_page(pfn) end

local FORMATS = {
  {"ELF", kernel:elf()},
  {"ELF of QEMU", kernel:elf {qemu = true}},
  {"ELF with its count of segments in section 0", kernel:elf {xnum = true}},
  {"kdump, filtered", kernel:kdump {without = is_user}, {without = is_user}},
  {"kdump in blocks that are not compressed", kernel:kdump {codec = "none"}},
}
for _, codec in ipairs {"zlib", "lzo", "snappy", "zstd"} do
  FORMATS[#FORMATS + 1] = {"kdump, " .. codec, kernel:kdump {codec = codec}}
end
for version = 3, 6 do
  FORMATS[#FORMATS + 1] = {"kdump, header version " .. version, kernel:kdump {version = version, codec = "zlib"},
    {no_notes = version < 4}}
end

describe("the same kernel", function()
  harness.guard()

  for _, f in ipairs(FORMATS) do
    it("is read from " .. f[1], function()
      whole.check(kernel, harness.open(harness.temp(f[2])), f[3])
    end)
  end

  it("is read from ELF where excluded pages are cut from their segments", function()
    local loads = {}
    for _, run in ipairs(kernel.memory:runs()) do
      local first, n = run.pa // 4096, #run.bytes // 4096
      local kept = 0
      while kept < n and not is_user(first + kept) do kept = kept + 1 end
      loads[#loads + 1] = {pa = run.pa, va = run.pa + kernel.page_offset, bytes = run.bytes:sub(1, kept * 4096), memsz = #run.bytes}
      for i = kept, n - 1 do
        if not is_user(first + i) then
          loads[#loads + 1] = {pa = run.pa + i * 4096, va = run.pa + i * 4096 + kernel.page_offset,
            bytes = run.bytes:sub(i * 4096 + 1, (i + 1) * 4096)}
        end
      end
    end
    local notes = {table.unpack(kernel.notes)}
    local elfcore = require "spec.support.build.elfcore"
    notes[#notes + 1] = elfcore.vmcoreinfo_note(kernel.vmcoreinfo)
    local k = harness.open(harness.temp(elfcore.build {notes = notes, loads = loads}))
    whole.tasks(kernel, k)
    whole.strings(kernel, k, true)
  end)
end)
