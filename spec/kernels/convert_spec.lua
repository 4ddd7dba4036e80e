-- SPDX-License-Identifier: BSD-2-Clause
-- What `luakvm convert` makes of real dumps: makedumpfile (and drgn and crash, where they are installed) open it; kinds of
-- pages are those that makedumpfile leaves out, page by page; what is redacted is gone.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"
require "kvm.object"

-- The paths of files of the kernels' folder; pending or failing where one is not there.
local function need(...)
  local out = {}
  for i, name in ipairs {...} do
    local why = matrix.absent(name:match "^(.-)/(.*)$")
    if why then
      if os.getenv "CI" == "true" then error(why, 0) end
      return nil, pending(why)
    end
    out[i] = ("%s/%s"):format(matrix.dir, name)
  end
  return table.unpack(out)
end

local function temp()
  local path = os.tmpname()
  os.remove(path)
  finally(function() os.remove(path) end)
  return path
end

local function convert(core, ...)
  local out = temp()
  matrix.luakvm("convert", core, out, ...)
  return out
end

-- The page frames that a dump has all of.
local function frames(core)
  local k <close> = kvm.check(kvm.open(core))
  local out = {}
  for start, stop in k:regions "physical" do
    for pfn = (start + 4095) // 4096, stop // 4096 - 1 do out[#out + 1] = pfn end -- a cut file may end within a page
  end
  return out
end

-- The frames in the CPUs' own lists of free pages, of kernels since 5.14: their keys are true.
local function free_of_cpus(core)
  local k <close> = kvm.check(kvm.open(core))
  local linux, types, out = kvm.linux, require "kvm.type", {}
  local kinds = types.enumerators(k, "enum migratetype").MIGRATE_PCPTYPES
  for zone in linux.mmzone.for_each_populated_zone(k) do
    for _, own in linux.percpu.for_each_copy(zone.per_cpu_pageset) do
      for i = 0, #own.lists - 1 do
        assert(i < 4 * kinds or linux.list.empty(own.lists[i]), "huge pages in a CPU's list")
        for page in linux.list.for_each_entry("struct page", own.lists[i], "lru") do
          local pfn = linux.pagemap.page_to_pfn(k, kvm.addr(page))
          for n = 0, (1 << i // kinds) - 1 do out[pfn + n] = true end
        end
      end
    end
  end
  return out
end

local function installed(program)
  local _, _, status = matrix.run("sh", "-c", "command -v " .. program)
  return status == 0
end

describe("luakvm convert", function()
  for _, case in ipairs {{"free", "zlib.d16"}, {"user,cache,free", "zlib"}} do
    it("leaves out the same " .. case[1] .. " pages as makedumpfile, and those in lists of CPUs", function()
      local vmcore, filtered = need("k61/vmcore", "formats61/" .. case[2])
      if not vmcore then return end
      local of_cpus, rest = free_of_cpus(vmcore), {}
      assert.is_truthy(next(of_cpus))
      for _, pfn in ipairs(frames(filtered)) do rest[#rest + 1] = not of_cpus[pfn] and pfn or nil end
      assert.are.same(rest, frames(convert(vmcore, "-c", "lzo", "-x", case[1])))
    end)
  end

  for _, name in ipairs {"k510/vmcore", "k61/vmcore", "k612/vmcore", "k72/vmcore", "live61/elf", "busy72/elf"} do
    it("leaves out what zones and CPUs count as free in " .. name, function()
      local core = need(name)
      if not core then return end
      local k <close> = kvm.check(kvm.open(core))
      local free = 0
      for zone in kvm.linux.mmzone.for_each_populated_zone(k) do
        free = free + kvm.linux.mmzone.pages_of_cpus(zone)
        for order = 0, #zone.free_area - 1 do free = free + (zone.free_area[order].nr_free << order) end
      end
      assert.are.equal(free, kvm.check(k:save(temp(), {exclude = {"free"}})).excluded)
    end)
  end

  it("can't tell free pages where a CPU's list of them is damaged", function()
    local core = need "live61/elf"
    if not core then return end
    local k <close> = kvm.check(kvm.open{core = core, write = true})
    for zone in kvm.linux.mmzone.for_each_populated_zone(k) do
      local _, own = kvm.linux.percpu.for_each_copy(zone.per_cpu_pageset)()
      kvm.check(k:write(kvm.addr(own.lists[0]), ("<I8"):pack(0x100)))
    end
    local out = temp()
    assert.is_true(kvm.check(k:save(out, {exclude = {"free"}})).untold > 0)
    os.remove(out)
    local done, message = k:save(out, {exclude = {"free"}, strict = true})
    assert.is_nil(done)
    assert.matches("can't tell what %d+ pages hold", message)
  end)

  for _, key in ipairs {"k510", "k612", "k72"} do
    it("tells kinds of pages of " .. key .. " apart", function()
      local vmcore = need(key .. "/vmcore")
      if not vmcore then return end
      local all = #frames(vmcore)
      for _, kind in ipairs {"free", "user", "cache"} do
        local left = all - #frames(convert(vmcore, "-c", "lzo", "-x", kind))
        assert.is_true(left > 1000 and left < all * 3 // 4, ("%d of %d pages are %s"):format(left, all, kind))
      end
      local out = convert(vmcore, "--redact")
      assert.are.equal(matrix.luakvm("log", vmcore), matrix.luakvm("log", out))
      assert.are.equal(matrix.luakvm("mod", "--json", vmcore), matrix.luakvm("mod", "--json", out))
    end)
  end

  it("does not call redacted what it can't tell the pages of", function()
    local cut, incomplete = need("formats61/vmcore.truncated", "formats61/elf.incomplete")
    if not cut then return end
    local out = temp()
    -- Where the kernel lies is random: its page tables or types may be cut off, too.
    local complaint = matrix.luakvm_fails("convert", cut, out, "--redact")
    local kinds_known = complaint:find "can't tell what %d+ pages hold" ~= nil
    assert.is_true(kinds_known or complaint:find "is not in the dump" ~= nil, complaint)
    assert.is_nil(io.open(out))
    if kinds_known then
      local k <close> = kvm.check(kvm.open(cut))
      local done = kvm.check(k:save(out, {exclude = {"user"}}))
      assert.is_true(done.untold > 1000)
      assert.are.equal(#frames(cut), done.pages + done.excluded)
    end
    os.remove(out)
    for _, form in ipairs {"kdump", "elf"} do
      do
        local k <close> = kvm.check(kvm.open(cut))
        kvm.check(k:save(out, {format = form}))
      end
      local k <close> = kvm.check(kvm.open(out))
      assert.is_true(k:info().incomplete)
      os.remove(out)
    end
    local k <close> = kvm.check(kvm.open(incomplete))
    local _, why = k:symbol "vmemmap_base" -- the page tables of the kernel's image are cut off
    local addr = math.tointeger(why:match "(0x%x+): page table")
    local done, message, code = k:save(out, {erase = {{addr = addr, len = 8}}})
    assert.is_true(done == nil and (code == "excluded" or code == "fault"), message)
    assert.is_nil(io.open(out))
  end)

  it("writes dumps that other programs open", function()
    local vmcore, vmlinux = need("k61/vmcore", "debug61/vmlinux")
    if not vmcore then return end
    local log = temp()
    local function dmesg(core)
      os.remove(log)
      local _, err, status = matrix.run("makedumpfile", "--dump-dmesg", core, log)
      assert(status == 0, err)
      return matrix.read(log)
    end
    local want = dmesg(vmcore)
    for _, how in ipairs {{"-f", "elf"}, {"-c", "zlib"}, {"-c", "lzo"}, {"-f", "elf", "--redact"}, {"-c", "zlib", "--redact"}} do
      local out = convert(vmcore, table.unpack(how))
      assert.is_true(want == dmesg(out), table.concat(how, " "))
      if installed "drgn" then
        local script = temp()
        local f = assert(io.open(script, "w"))
        f:write "print(prog['init_uts_ns'].name.release.string_().decode())\n"
        f:close()
        assert.matches("^6%.1%.", (matrix.run("drgn", "-q", "-c", out, "-s", vmlinux, script)))
      end
      if installed "crash" and how[2] == "elf" and not how[3] then
        assert.matches("RELEASE: 6%.1%.", (matrix.run("sh", "-c",
          ("echo q | timeout 300 crash '%s' '%s'"):format(vmlinux, out))))
      end
    end
  end)

  it("redacts what processes have in memory", function()
    local elf = need "live61/elf"
    if not elf then return end
    local secret = "sleep\0005000\0" -- the arguments of a process, in its own memory
    local function holds(core)
      local k <close> = kvm.check(kvm.open(core))
      for start, stop in k:regions "physical" do
        for pa = start, stop - 1, 1 << 20 do
          local bytes = k:read(pa, math.min(1 << 20, stop - pa), "physical")
          if bytes and bytes:find(secret, 1, true) then return true end
        end
      end
      return false
    end
    assert.is_true(holds(elf))
    for _, format in ipairs {"elf", "kdump"} do
      local out = convert(elf, "-f", format, "--redact")
      assert.is_false(holds(out))
      assert.matches("redacted: user pages, page cache, free pages", matrix.luakvm("info", out))
    end
  end)
end)
