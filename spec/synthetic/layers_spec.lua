-- SPDX-License-Identifier: BSD-2-Clause
-- The same kernel through every layer that may lie over a dump, and through several of them.
local codec = require "spec.support.build.codec"
local flattened = require "spec.support.build.flattened"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local linux = require "spec.support.build.linux"
local whole = require "spec.synthetic.whole"
local zstd_seekable = require "spec.support.build.zstd_seekable"

local kernel = linux.build()
local ELF, KDUMP = kernel:elf(), kernel:kdump {codec = "zlib"}

-- What a program makes of bytes.
local function through(line, bytes)
  local path = os.tmpname()
  local f = assert(io.open(path, "wb"))
  f:write(bytes)
  f:close()
  local pipe = io.popen(("%s <%s"):format(line, path))
  local out = pipe:read "a"
  pipe:close()
  os.remove(path)
  assert(#out > 0, line)
  return out
end

local function packer(line)
  return function(bytes) return through(line, bytes) end
end

local function halves(line)
  return function(bytes)
    return through(line, bytes:sub(1, #bytes // 2)) .. through(line, bytes:sub(#bytes // 2 + 1))
  end
end

local function seekable(size)
  return function(bytes) return zstd_seekable.of(bytes, {size = size}) end
end

local LAYERS = {
  {"records of 1000 bytes", "flattened", flattened.of},
  {"records of pages", "flattened", function(bytes) return flattened.of(bytes, {size = 4096}) end},
  {"records in no order, over each other", "flattened", function(bytes) return flattened.of(bytes, {shuffle = true}) end},
  {"gzip", "gzip", packer "gzip -1"},
  {"gzip of two members", "gzip", halves "gzip -1"},
  {"gzip with zeros behind it", "gzip", function(bytes) return through("gzip -1", bytes) .. ("\0"):rep(9000) end},
  {"zstd", "zstd", packer "zstd -1 -q"},
  {"zstd of many frames", "zstd", function(bytes) return zstd_seekable.of(bytes, {bare = true}) end},
  {"xz", "xz", packer "xz -0"},
  {"xz of two streams", "xz", halves "xz -0"},
  {"bzip2", "bzip2", packer "bzip2 -1"},
  {"bzip2 of two streams", "bzip2", halves "bzip2 -1"},
  {"LZ4", "lz4", packer "lz4 -q -1"},
  {"LZ4 of two frames", "lz4", halves "lz4 -q -1"},
  {"seekable zstd", "seekable zstd", seekable(20000)},
  {"seekable zstd of small frames", "seekable zstd", seekable(300)},
}

describe("the same kernel", function()
  harness.guard()

  for _, l in ipairs(LAYERS) do
    it("is read through " .. l[1], function()
      for name, bytes in pairs {ELF = ELF, ["kdump-compressed"] = KDUMP} do
        local k = harness.open(harness.temp(l[3](bytes)))
        assert.are.equal("; " .. l[2], k:info().format:match ";.*")
        assert.are.equal(name, k:info().format:sub(1, #name))
        assert.is_false(k:info().incomplete)
        whole.check(kernel, k)
      end
    end)
  end

  it("is read through up to four of them, and no more", function()
    local bytes = flattened.of(KDUMP)
    local four = through("xz -0", through("gzip -1", zstd_seekable.of(bytes, {size = 20000})))
    local k = harness.open(harness.temp(four))
    assert.are.equal("; flattened, seekable zstd, gzip, xz", k:info().format:match ";.*")
    whole.check(kernel, k)
    local ok, message, code = kvm.open(harness.temp(through("bzip2 -1", four)))
    assert.are.same({nil, "unsupported"}, {ok, code})
    assert.matches("more than 4 files packed into each other", message)
  end)

  it("reads what a stream that was cut short still has", function()
    for _, l in ipairs {LAYERS[1], LAYERS[4], LAYERS[8], LAYERS[15]} do
      local bytes = l[3](ELF)
      local k = harness.open(harness.temp(bytes:sub(1, #bytes * 9 // 10)))
      assert.is_true(k:info().incomplete, l[1])
      assert.are.equal(kernel.name, k:info().release)
    end
  end)

  it("is not read where the layer is damaged", function()
    for _, i in ipairs {4, 7, 9, 11, 13} do
      local bytes = LAYERS[i][3](ELF)
      local at = #bytes * 2 // 3
      local ok, message, code = kvm.open(harness.temp(bytes:sub(1, at - 1) .. string.char(bytes:byte(at) ~ 0x15) .. bytes:sub(at + 1)))
      assert.are.same({nil, "format"}, {ok, code}, message)
      assert.matches("unpacking: " .. LAYERS[i][2] .. ": at byte %d+: ", message)
    end
  end)

  it("is no kernel where a zlib stream has none of LiME's headers", function()
    local _, message, code = kvm.open(harness.temp(codec.zlib(ELF:sub(1, 3000))))
    assert.are.equal("format", code)
    assert.matches("not a dump", message)
  end)
end)

describe("progress of unpacking", function()
  harness.guard()

  it("is told from the beginning", function()
    local path, calls = harness.temp(through("gzip -1", ELF)), {}
    local k = assert(kvm.open {core = path, progress = function(...) calls[#calls + 1] = {...} end})
    k:close()
    assert.are.equal("unpacking", calls[1][1])
    assert.are.equal(0, calls[1][2])
    assert.are.equal(#through("gzip -1", ELF), calls[1][3])
    for i = 2, #calls do assert.is_true(calls[i][2] >= calls[i - 1][2] and calls[i][2] <= calls[i][3]) end
  end)

  it("stops it, by false or by an error", function()
    local path = harness.temp(through("bzip2 -1", ELF))
    local ok, message, code = kvm.open {core = path, progress = function() return false end}
    assert.are.same({nil, "inval"}, {ok, code})
    assert.matches("interrupted while unpacking", message)
    local good, err = pcall(kvm.open, {core = path, progress = function() error({my = "error"}) end})
    assert.are.same({false, "error"}, {good, err.my})
  end)
end)
