-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm slim: runs commands on a dump, remembers the pages that they read, and writes a small kdump-compressed dump
-- of just those, what opening needs, and the tables of symbols and types. On that dump the same commands give the same
-- answers, but for the memory of processes (arguments), which is left out.
local kvm_error = require "kvm.error"

local M = {
  name = "slim",
  summary = "write a small dump that holds what some commands need",
  operands = {{key = "out", name = "OUT"}},
  takes_commands = true, -- luakvm slim IN OUT -- COMMAND ... [-- COMMAND ...]
  options = {
    {flags = "--zlib", help = "compress with zlib"},
    {flags = "--zstd", help = "compress with zstd (the default)"},
  },
  columns = {
    {name = "path", kind = "string"},
    {name = "pages", kind = "integer"},
    {name = "bytes", kind = "integer"},
    {name = "missing", kind = "integer"},
  },
  open = {trace = true},
  to_stderr = true, -- standard output is the commands'
}

-- Never replaces a file: it could be the source under another path, and a dump can't be taken a second time.
local function check_target(out)
  local file = io.open(out, "rb")
  if not file then return end
  file:close()
  error(kvm_error.new {code = "inval", message = out .. " exists, and is not replaced"})
end

local function drain(command, records)
  for rec in records do
    if command.text then command.text(rec, {}) end -- some text needs reads of its own
  end
end

-- Symbols and types go with the dump whole, though a command reads only a part of their tables: who gets it asks other
-- questions. What the source lacks of them, the slim dump lacks too.
local function read_tables(k)
  local kvm = require "kvm"
  kvm.try(function()
    for _ in k:symbols() do end
  end)
  local found, missing = k:nlist {"__start_BTF", "__stop_BTF"}
  if not found or #missing > 0 then return end
  local at, stop = found.__start_BTF.value, found.__stop_BTF.value
  while at < stop do
    local n = math.min(4096 - at % 4096, stop - at)
    k:read(at, n)
    at = at + n
  end
end

--- Runs commands and writes the slim dump.
-- @param k a handle opened with trace=true
-- @tparam table opts out (path of a new file), codec ("zstd" or "zlib"), commands ({{command=module, opts=table},...}), and
--   emit(command, records, opts), which takes their records (nil: they are only drained)
-- @treturn function an iterator of one record: path, pages, bytes (of the file), missing (pages not in the source)
-- @raise kvm.Error `inval` when out exists
-- @usage os.remove(tmpname) local t <close> = kvm.open{core = core, trace = true} require "kvm.cmd.slim".run(t, {out = tmpname})
function M.run(k, opts)
  check_target(opts.out)
  local codec = opts.codec or opts.zlib and "zlib" or opts.zstd and "zstd" or nil
  local emit = opts.emit or drain
  for _, c in ipairs(opts.commands or {}) do emit(c.command, c.command.run(k, c.opts), c.opts) end
  read_tables(k)
  local done = kvm_error.check(k:slim(opts.out, {codec = codec}))
  return coroutine.wrap(function()
    coroutine.yield {path = opts.out, pages = done.pages, bytes = done.bytes, missing = done.missing}
  end)
end

--- The record as a line of text.
function M.text(rec)
  local format = require "kvm.format"
  local text = ("%s: %d pages, %s"):format(format.escape(rec.path), rec.pages, format.size(rec.bytes))
  if rec.missing ~= 0 then text = ("%s; %d more were asked for and are not in the source"):format(text, rec.missing) end
  return text .. "\n"
end

return M
