-- SPDX-License-Identifier: BSD-2-Clause
-- One dump in every format and every layer: `ps`, `log` and `mod` print the same bytes, and all pages that can be read are
-- the same. A group is one memory; its first form is what the others are compared with. A form is a file of the kernels'
-- folder (several: commas), or made from one with a line of shell, in which IN and OUT stand for the files and LUAKVM for
-- the command; part: it has fewer pages, and is compared over these; common: the pages that both have are
-- compared (QEMU's ELF files have video memory, raw ones the holes).
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

local COMMANDS = {{"ps", "--json"}, {"ps", "--threads", "--json"}, {"log"}, {"log", "--json"}, {"mod"}, {"mod", "--json"}}

local function layers(name)
  return {
    {"gz", from = name, make = "gzip -1 -c IN >OUT"}, {"zst", from = name, make = "zstd -q -1 -c IN >OUT"},
    {"xz", from = name, make = "xz -0 -c IN >OUT"}, {"bz2", from = name, make = "bzip2 -1 -c IN >OUT"},
    {"lz4", from = name, make = "lz4 -q -1 -c IN >OUT"},
  }
end

local function converted(name)
  local out = {}
  for _, to in ipairs {"kdump -c zlib", "kdump -c lzo", "kdump -c snappy", "kdump -c zstd", "kdump -c none", "elf"} do
    out[#out + 1] = {"convert to " .. to, from = name, make = "rm OUT && LUAKVM convert IN OUT -f " .. to .. " >/dev/null"}
  end
  return out
end

-- A LiME header for 512 MB from address 0 on, as dump.sh's guest has it.
local LIME = [[{ printf 'EMiL\1\0\0\0\0\0\0\0\0\0\0\0\377\377\377\037\0\0\0\0\0\0\0\0\0\0\0\0'; cat IN; } >OUT]]

local GROUPS = {
  {
    name = "a crash, filtered", forms = {
      {"k61/kdump"}, {"formats61/lzo"}, {"formats61/raw"}, {"formats61/zstd"}, {"formats61/zlib.flat"},
      {"formats61/split3.1,formats61/split3.2,formats61/split3.3"}, {"formats61/split3.3,formats61/split3.1,formats61/split3.2"},
      layers = "k61/kdump",
    },
  },
  {name = "a crash, whole", forms = {{"k61/vmcore"}, {"formats61/zlib.d0"}}},
  {
    name = "a guest's memory", forms = {
      {"memory61/elf"}, {"memory61/raw", common = true}, {"memory61/migration", common = true},
      {"LiME", from = "memory61/raw", make = LIME, common = true}, converted = "memory61/elf",
    },
  },
  {
    name = "a guest that ran", forms = {
      {"live61/elf"}, {"live61/elf-paging", part = true}, {"live61/kdump-zlib"}, {"live61/kdump-zlib.flat"},
    },
  },
}

-- Where the form's files are; a reason instead when they are not. TEMP is the name of a file to make.
local function find(form, temp)
  local names = {}
  for name in (form.from or form[1]):gmatch "[^,]+" do
    local key, core = name:match "^(.-)/(.*)$"
    local why = matrix.absent(key, core)
    if why then return nil, why end
    names[#names + 1] = ("%s/%s"):format(matrix.dir, name)
  end
  if not form.make then return table.concat(names, ",") end
  local words = {IN = names[1], OUT = temp, LUAKVM = (os.getenv "KVM_BUILD" or "build") .. "/bin/luakvm"}
  local line = form.make:gsub("%u+", function(word) return words[word] and "'" .. words[word] .. "'" end)
  local _, err, status = matrix.run("sh", "-c", line)
  assert(status == 0, err)
  return temp
end

-- The SHA-256 of all pages that can be read, each behind its number, and how many there are. What a dump leaves out is
-- nowhere in it. FROM: the handle that they are read from, if not the one that says which there are.
local function pages(k, from)
  local result = os.tmpname()
  local sum = assert(io.popen("sha256sum >" .. result, "w"))
  local count = 0
  for start, stop in k:regions "physical" do
    local pa = start
    while pa < stop do
      local next_page = math.min(stop, (pa | 4095) + 1)
      local bytes, message, code = k:read(pa, next_page - pa, "physical")
      if bytes and from then bytes = kvm.check(from:read(pa, #bytes, "physical")) end
      if bytes then
        sum:write(("<I8"):pack(pa), bytes)
        count = count + 1
      elseif code ~= "excluded" and code ~= "fault" then
        error(message)
      end
      pa = next_page
    end
  end
  sum:close()
  local text = matrix.read(result)
  os.remove(result)
  return text:match "^%x+", count
end

local function describe_pages(core, from)
  local k <close> = kvm.check(kvm.open(core))
  local other <close> = from and kvm.check(kvm.open(from)) or nil
  local sum, count = pages(k, other)
  return ("%d pages, SHA-256 %s"):format(count, sum)
end

-- How many pages two dumps both have; they must be the same.
local function equal_pages(a, b)
  local one <close> = kvm.check(kvm.open(a))
  local two <close> = kvm.check(kvm.open(b))
  local count = 0
  for start, stop in one:regions "physical" do
    for pa = start, stop - 1, 4096 do
      local bytes = one:read(pa, 4096, "physical")
      local other = bytes and two:read(pa, 4096, "physical")
      if other and other ~= bytes then error(("page at 0x%x differs"):format(pa)) end
      count = count + (other and 1 or 0)
    end
  end
  return count
end

-- All that is compared, as text by name.
local function facts(core)
  local out = {}
  for _, words in ipairs(COMMANDS) do
    out[table.concat(words, " ")] = matrix.luakvm(words[1], core, table.unpack(words, 2))
  end
  out.pages = describe_pages(core)
  return out
end

local function with_layers(forms)
  local all = {table.unpack(forms)}
  for _, form in ipairs(forms.layers and layers(forms.layers) or {}) do all[#all + 1] = form end
  for _, form in ipairs(forms.converted and converted(forms.converted) or {}) do all[#all + 1] = form end
  return all
end

for _, group in ipairs(GROUPS) do
  describe(group.name .. " gives the same answers as " .. group.forms[1][1], function()
    local want, first

    for i, form in ipairs(with_layers(group.forms)) do
      it((i == 1 and "when asked as " or "as ") .. form[1], function()
        local temp = os.tmpname()
        finally(function() os.remove(temp) end)
        local core, why = find(form, temp)
        if not core then
          if os.getenv "CI" == "true" then error(why, 0) end
          return pending(why)
        end
        local got = facts(core)
        if i == 1 then
          want, first = got, core
          assert.is_true(#got["log --json"] > 10000 and #got["mod --json"] > 500 and #got["ps --json"] > 10000)
          return
        end
        if not want then return pending "its first form is not there" end
        for name, text in pairs(want) do
          if name == "pages" then
            if form.common then
              assert.is_true(equal_pages(first, core) > 100000)
            else
              assert.are.equal(form.part and describe_pages(core, first) or text, got[name])
            end
          else
            assert.is_true(text == got[name], name .. " differs") -- a difference would fill the screen
          end
        end
      end)
    end
  end)
end
