-- SPDX-License-Identifier: BSD-2-Clause
local convert = require "kvm.cmd.convert"
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"

local built = linux.build {release = "6.1"}

local function run(k, opts)
  opts.out = opts.out or harness.temp(false)
  local records = fake.collect(convert.run(k, opts))
  assert.are.equal(1, #records)
  return records[1]
end

-- Every page of the kernel, and what is no memory.
local function same_memory(k)
  for _, pfn in ipairs(built.memory:pfns()) do
    if k:read(pfn * 4096, 4096, "physical") ~= built.memory.pages[pfn] then error(("page 0x%x differs"):format(pfn)) end
  end
end

local function names(k)
  local out = {}
  for p in k:procs() do out[#out + 1] = ("%d %s"):format(p.pid, p.comm) end
  return out
end

describe("kvm.cmd.convert", function()
  harness.guard()

  for _, way in ipairs {{"elf"}, {"raw"}, {"kdump"}, {"kdump", "zlib"}, {"kdump", "lzo"}, {"kdump", "snappy"}, {"kdump", "zstd"},
    {"kdump", "none"}} do
    it("writes all memory as " .. table.concat(way, " ") .. ", and from there as ELF again", function()
      local k = harness.open(harness.temp(built:elf()))
      local r = run(k, {format = way[1], compress = way[2]})
      assert.are.same({way[1], #built.memory:pfns(), 0, 0, 0}, {r.format, r.pages, r.missing, r.damaged, r.excluded})
      local middle = harness.open(r.path)
      same_memory(middle)
      assert.are.same(names(k), names(middle))
      assert.are.equal(k:info().build_id, middle:info().build_id)
      if way[1] ~= "raw" then assert.are.same(k:registers(0), middle:registers(0)) end
      local again = run(middle, {format = "elf"})
      local last = harness.open(again.path)
      same_memory(last)
      assert.are.equal("fault", (select(3, last:read(0x7fffffff000, 1, "physical"))))
      if way[1] ~= "raw" then
        local function regions(from)
          local out = {}
          for a, b in from:regions "physical" do out[#out + 1] = ("%x-%x"):format(a, b) end
          return out
        end
        assert.are.same(regions(k), regions(last))
      end
    end)
  end

  it("keeps what was filtered out apart from zeros", function()
    local without = function(pfn) return built:is_user_page(pfn) end
    local k = harness.open(harness.temp(built:kdump {codec = "zlib", without = without}))
    for _, format in ipairs {"elf", "kdump"} do
      local c = harness.open(run(k, {format = format}).path)
      for _, pfn in ipairs(built.memory:pfns()) do
        local bytes, _, code = c:read(pfn * 4096, 4096, "physical")
        if built:is_user_page(pfn) then assert.are.same({nil, "excluded"}, {bytes, code}) else assert.is_not_nil(bytes) end
      end
    end
    local ok, err = pcall(convert.run, k, {format = "raw", out = harness.temp(false)})
    assert.are.same({false, "unsupported"}, {ok, err.code})
    assert.matches("can't tell from zeros", err.message)
    local raw = run(k, {format = "raw", fill = true})
    assert.are.equal(0, raw.damaged)
  end)

  it("leaves out pages of zeros", function()
    local zeros = 0
    for _, page in pairs(built.memory.pages) do zeros = zeros + (page:find "[^\0]" and 0 or 1) end
    assert.is_true(zeros > 3)
    local k = harness.open(harness.temp(built:elf()))
    for _, format in ipairs {"elf", "kdump"} do
      local r = run(k, {format = format, exclude = {"zero"}})
      assert.are.same({zeros, #built.memory:pfns() - zeros}, {r.excluded, r.pages})
      local c = harness.open(r.path)
      for pfn, page in pairs(built.memory.pages) do
        local bytes, _, code = c:read(pfn * 4096, 4096, "physical")
        assert.are.equal(page:find "[^\0]" and page or nil, bytes)
        if not bytes then assert.are.equal("excluded", code) end
      end
    end
  end)

  it("erases what rules name, in the new dump alone, and records it", function()
    local rules = harness.temp "erase init_task.comm # the name\n\nerase linux_banner size 5\n"
    local k = harness.open(harness.temp(built:elf()))
    local banner = k:symbol("linux_banner").value
    for _, format in ipairs {"elf", "kdump"} do
      local r = run(k, {format = format, erase = rules})
      assert.are.equal(16 + 5, r.erased)
      local c = harness.open(r.path)
      assert.are.equal(("X"):rep(16), c:object("init_task").comm)
      assert.are.equal("XXXXX ver", c:read(banner, 9))
      assert.are.equal("erase init_task.comm\nerase linux_banner size 5\n", c:info().erased)
      local twice = harness.open(run(c, {format = format, erase = rules}).path)
      assert.are.equal(c:info().erased:rep(2), twice:info().erased)
      assert.are.equal("XXXXX ver", twice:read(banner, 9))
    end
    assert.are.equal("Linux ver", k:read(banner, 9))
    assert.is_nil(k:info().erased)
    local ok, err = pcall(convert.run, k, {format = "raw", erase = rules, out = harness.temp(false)})
    assert.are.same({false, "unsupported"}, {ok, err.code})
  end)

  it("says what is missing for kinds of pages, and what is wrong with its options", function()
    local k = harness.open(harness.temp(built:elf()))
    for text, opts in pairs {
      ["what the pages hold: VMCOREINFO has no"] = {exclude = {"free"}}, ["one of user, cache, free, zero"] = {exclude = {"all"}},
      ["one of kdump, elf, raw"] = {format = "lime"}, ["one of zlib, lzo"] = {compress = "xz"},
      ["--compress is for kdump"] = {format = "elf", compress = "zlib"}, ["No such file"] = {erase = "/nonexistent"},
      ["is not understood"] = {erase = harness.temp "for x in y\n"},
    } do
      opts.out = harness.temp(false)
      local ok, err = pcall(convert.run, k, opts)
      assert.is_false(ok)
      assert.is_true(err.message:find(text, 1, true) ~= nil, err.message)
      assert.is_nil(io.open(opts.out))
    end
  end)

  it("puts its record into words", function()
    local r = {path = "a\27b", format = "elf", pages = 3, bytes = 5000, excluded = 1, untold = 6, erased = 2, missing = 4, damaged = 5,
      first_damage = "zlib"}
    local text = convert.text(r)
    assert.is_nil(text:find "\27")
    for _, part in ipairs {"elf, 3 pages", "1 pages left out", "6 pages are kept", "2 bytes erased", "4 pages are missing",
      "5 pages are damaged.*zlib"} do
      assert.matches(part, text)
    end
  end)
end)
