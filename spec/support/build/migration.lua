-- SPDX-License-Identifier: BSD-2-Clause
-- QEMU migration streams, as `migrate exec:cat` writes them.
local M = {}

local PAGE <const> = 4096
local ZERO_PAGE <const> = ("\0"):rep(PAGE)
local ZERO <const>, MEM_SIZE <const>, FULL <const>, EOS <const>, CONTINUE <const> = 0x02, 0x04, 0x08, 0x10, 0x20

local function section(kind, number, body) return ("> B I4"):pack(kind, number) .. body .. ("> B I4"):pack(0x7e, number) end

local function start(body) return ("> s1 I4 I4"):pack("ram", 0, 4) .. body end

--- t: machine ("pc-i440fx-7.2"), size (of RAM; default: what the memory needs), low (bytes of it below 4 GB, default all), twice (each
-- page is sent with other bytes before), extra (flags of one more record), no_footers
function M.of_memory(memory, t)
  t = t or {}
  local pfns = memory:pfns()
  local low = t.low or 1 << 62
  local function ram_of(pa) return pa < low and pa or low + pa - (1 << 32) end
  local size = t.size or ram_of((pfns[#pfns] + 1) * PAGE)
  local blocks = ("> I8 s1 I8 s1 I8 I8"):pack(size + PAGE | MEM_SIZE, "pc.ram", size, "vga.vram", PAGE, EOS)
  local out = {"QEVM", (">I4 B s4"):pack(3, 7, t.machine or "pc-i440fx-7.2"), section(1, 2, start(blocks))}
  local records, last = {}, nil
  local function record(block, at, bytes)
    local flags = (bytes == ZERO_PAGE and ZERO or FULL) | (block == last and CONTINUE or 0)
    records[#records + 1] = (">I8"):pack(at | flags) .. (block ~= last and (">s1"):pack(block) or "")
      .. (bytes == ZERO_PAGE and "\0" or bytes)
    last = block
  end
  record("vga.vram", 0, ("v"):rep(PAGE))
  for _, pfn in ipairs(pfns) do
    if t.twice then record("pc.ram", ram_of(pfn * PAGE), ("old"):rep(PAGE):sub(1, PAGE)) end
  end
  out[#out + 1] = section(2, 2, table.concat(records) .. (">I8"):pack(EOS))
  records = {}
  for _, pfn in ipairs(pfns) do record("pc.ram", ram_of(pfn * PAGE), memory.pages[pfn]) end
  if t.extra then records[#records + 1] = (">I8"):pack(t.extra) end
  out[#out + 1] = section(3, 2, table.concat(records) .. (">I8"):pack(EOS)) .. "\4devices, which nobody reads"
  return table.concat(out)
end

--- libvirt's header around a stream. magic: "LibvirtQemudSave", or "LibvirtQemudPart"
function M.libvirt(stream, magic)
  local xml = "<domain type='qemu'/>\0"
  return (magic or "LibvirtQemudSave") .. ("<I4I4I4I4I4"):pack(2, #xml, 0, 0, 0) .. ("\0"):rep(14 * 4) .. xml .. stream
end

return M
