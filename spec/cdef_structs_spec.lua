-- SPDX-License-Identifier: BSD-2-Clause
-- 100 random structs for each target that a compiler is there for: kvm.cdef lays them out as gcc does, told by DWARF and by the BTF
-- that pahole makes of it.
local harness = require "spec.support.harness"
local structs = require "spec.support.c_structs"
local cdef = require "kvm.cdef"

local COUNT, SEED = 100, 20240607

local TARGETS = {
  {name = "x86-64", cc = os.getenv "CC" or "gcc", int128 = true, arch = "x86_64"},
  {name = "powerpc64, big-endian", cc = "powerpc64-linux-gnu-gcc", int128 = true, arch = "ppc64"},
  {name = "i686, 32 bits", cc = "i686-linux-gnu-gcc", arch = "i386"},
  {name = "s390x, big-endian", cc = "s390x-linux-gnu-gcc", int128 = true, arch = "s390x"},
  {name = "arm, 32 bits", cc = "arm-linux-gnueabihf-gcc", arch = "arm"},
  {name = "aarch64", cc = "aarch64-linux-gnu-gcc", int128 = true, arch = "aarch64"},
}

-- Without the address sanitizer, when that is what the library is tested with: compilers leak.
local function run(command, ...)
  return os.execute("unset LD_PRELOAD; " .. command:format(...) .. " >/dev/null 2>&1")
end

-- pahole (1.24) makes one array of one with several dimensions.
local function flat(text)
  return (text:gsub("%[%d+%]%[[%d%]%[]+%]", function(dims)
    local n = 1
    for d in dims:gmatch "%d+" do n = n * tonumber(d) end
    return ("[%d]"):format(n)
  end))
end

local function describe_all(types, tags, shape)
  local out = {}
  for i, tag in ipairs(tags) do out[i] = shape(structs.describe(types("struct " .. tag))) end
  return out
end

local function same(text) return text end

local function compare(t, btf)
  local text, tags = structs.make(SEED, COUNT, t.int128)
  local c, so = {text}, harness.temp(false)
  for _, tag in ipairs(tags) do c[#c + 1] = ("struct %s v_%s;\n"):format(tag, tag) end
  local source = harness.temp(table.concat(c))
  assert(run("%s -w -g -fno-eliminate-unused-debug-types -shared -nostdlib -x c -o %s %s", t.cc, so, source))
  if btf then assert(run("pahole -J --btf_gen_floats %s", so)) end
  local empty = harness.temp(false)
  assert(run("%s -w -c -x c -o %s /dev/null", t.cc, empty))

  local compiled = harness.open{core = "/dev/null", namelist = so}
  local bare = harness.open{core = "/dev/null", namelist = empty}
  assert.are.equal(t.arch, bare:info().arch)
  assert.are.equal(btf and "BTF" or "DWARF", compiled:info{full = true}.types_from)
  local declared = cdef(bare, text)
  local shape = btf and flat or same
  local expected = describe_all(function(name) return assert(compiled:type(name)) end, tags, shape)
  local got = describe_all(function(name) return declared[name] end, tags, shape)
  for i = 1, COUNT do assert.are.equal(expected[i], got[i]) end
end

describe("random C structs", function()
  harness.guard()
  local has_pahole = run "command -v pahole"
  for _, t in ipairs(TARGETS) do
    if not run("command -v %s", t.cc:match "%S+$") then
      pending(("of %s: no %s"):format(t.name, t.cc))
    else
      it("are laid out as DWARF tells it for " .. t.name, function() compare(t, false) end)
      if has_pahole then
        it("are laid out as BTF tells it for " .. t.name, function() compare(t, true) end)
      else
        pending(("as BTF for %s: no pahole"):format(t.name))
      end
    end
  end

  it("are the same ones for the same seed, with everything in them", function()
    local text = structs.make(SEED, COUNT, true)
    assert.are.equal(text, (structs.make(SEED, COUNT, true)))
    assert.are_not.equal(text, (structs.make(SEED + 1, COUNT, true)))
    for _, what in ipairs{
      "packed))", "aligned(32)", "aligned))", " : 0;", "union {", "enum small", "[];", "__int128 m", "int : ", "(*m", "_Bool m",
    } do
      assert.is_truthy(text:find(what, 1, true), what)
    end
  end)
end)
