-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm convert: writes the dump anew in another format, perhaps without some kinds of pages, perhaps with what must not
-- be passed on erased. All is k:save; here are its options, and what --redact means.
local kvm_error = require "kvm.error"

local M = {
  name = "convert",
  summary = "write a dump in another format, smaller, or without secrets",
  operands = {{key = "out", name = "OUT"}},
  options = {
    {flags = "-f --format", value = "FORMAT", help = "kdump (default), elf, raw"},
    {flags = "-c --compress", value = "CODEC", help = "of a kdump: zlib, lzo, snappy, zstd (default), none"},
    {flags = "-x --exclude", value = "KINDS", type = "list", help = "leave out pages: user,cache,free,zero"},
    {flags = "--redact", help = "leave out user, cache and free pages, and record it"},
    {flags = "--erase", value = "RULES", help = "erase what the rules in this file name, and record it"},
    {flags = "--fill", help = "raw: zeros where pages are missing"},
    {flags = "--threads", value = "N", type = "integer", help = "default: as many as there are CPUs"},
  },
  columns = {
    {name = "path", kind = "string"},
    {name = "format", kind = "string"},
    {name = "pages", kind = "integer"},
    {name = "bytes", kind = "integer"},
    {name = "excluded", kind = "integer"},
    {name = "untold", kind = "integer"},
    {name = "erased", kind = "integer"},
    {name = "missing", kind = "integer"},
    {name = "damaged", kind = "integer"},
    {name = "first_damage", kind = "string"},
  },
  progress = true,
}

local REDACTED = {"user", "cache", "free"}

local function invalid(message)
  error(kvm_error.new {code = "inval", message = message}, 0)
end

local function one_of(what, value, allowed)
  for _, name in ipairs(allowed) do
    if value == name then return value end
  end
  invalid(("%s %q: one of %s is expected"):format(what, value, table.concat(allowed, ", ")))
end

local function read_file(path)
  local file, message = io.open(path, "rb")
  if not file then error(kvm_error.new {code = "io", message = message}, 0) end
  local text = file:read "a"
  file:close()
  return text
end

-- The kinds of pages to leave out, each once.
local function excluded(opts)
  local set, out = {}, {}
  for _, kind in ipairs(opts.exclude or {}) do
    set[one_of("--exclude", kind, {"user", "cache", "free", "zero"})] = true
  end
  for _, kind in ipairs(opts.redact and REDACTED or {}) do set[kind] = true end
  for kind in pairs(set) do out[#out + 1] = kind end
  table.sort(out)
  return out
end

-- The ranges that the rules of a file name, and the lines that tell of all that was taken away.
local function erased(k, opts)
  local ranges = opts.erase and require "kvm.redact".ranges(k, read_file(opts.erase)) or nil
  local lines = {}
  if opts.redact then lines[1] = "redacted: user pages, page cache, free pages" end
  local last
  for _, range in ipairs(ranges or {}) do
    if range.rule ~= last then lines[#lines + 1] = range.rule end
    last = range.rule
  end
  return ranges, #lines > 0 and table.concat(lines, "\n") .. "\n" or nil
end

--- Writes the dump.
-- @param k an open handle
-- @tparam table opts out (path of a new file), format ("kdump", "elf", "raw"), compress ("zlib", "lzo", "snappy", "zstd", "none"),
--   exclude (list of "user", "cache", "free", "zero"), redact (boolean), erase (path of a file of rules, see kvm.redact), fill
--   (boolean), threads, progress (as that of kvm.open)
-- @treturn function an iterator of one record: path, format, pages, bytes (of the file), excluded (pages left out as asked),
--   untold (pages that are kept since what they hold can't be told; with redact that fails), erased (bytes), missing and
--   damaged (pages that the source should have and could not give), first_damage
-- @raise kvm.Error `inval` on unknown names, and what k:save fails with
-- @usage os.remove(tmpname) for r in require "kvm.cmd.convert".run(k, {out = tmpname}) do assert(r.pages > 0) end
function M.run(k, opts)
  local format = one_of("--format", opts.format or "kdump", {"kdump", "elf", "raw"})
  local compress = opts.compress and one_of("--compress", opts.compress, {"zlib", "lzo", "snappy", "zstd", "none"})
  if compress and format ~= "kdump" then invalid "--compress is for kdump: elf and raw are not compressed" end
  local ranges, record = erased(k, opts)
  local done = kvm_error.check(k:save(opts.out, {
    format = format, compress = compress, exclude = excluded(opts), strict = opts.redact or false, erase = ranges,
    record = record, fill = opts.fill, threads = opts.threads, progress = opts.progress,
  }))
  done.path, done.format = opts.out, format
  local given = false
  return function()
    if given then return nil end
    given = true
    return done
  end
end

--- The record as lines of text.
function M.text(rec)
  local format = require "kvm.format"
  local out = {("%s: %s, %d pages, %s"):format(format.escape(rec.path), rec.format, rec.pages, format.size(rec.bytes))}
  if rec.excluded > 0 then out[#out + 1] = ("%d pages left out"):format(rec.excluded) end
  if rec.untold > 0 then out[#out + 1] = ("%d pages are kept since what they hold can't be told"):format(rec.untold) end
  if rec.erased > 0 then out[#out + 1] = ("%d bytes erased"):format(rec.erased) end
  if rec.missing > 0 then out[#out + 1] = ("%d pages are missing in the source"):format(rec.missing) end
  if rec.damaged > 0 then
    out[#out + 1] = ("%d pages are damaged in the source and left out (%s)"):format(rec.damaged, format.escape(rec.first_damage))
  end
  return table.concat(out, "\n  ") .. "\n"
end

return M
