-- SPDX-License-Identifier: BSD-2-Clause
-- An open handle made of tables: memory in segments, symbols, struct layouts, VMCOREINFO. It has the calls of kvm.Handle that
-- the commands use, with the same results, so that damage can be set up byte by byte.
local kvm_error = require "kvm.error"

local M = {}
local Fake = {}
Fake.__index = Fake

local function layout(def)
  local t = {}
  function t.size() return def.size end
  function t.spell() return "struct" end
  function t.field(_, path)
    local offset = def[path]
    if not offset then return nil, "no member " .. path, "notfound" end
    if type(offset) == "table" then return offset end -- as it is: offset, bit_offset, bit_size, type
    return {offset = offset, bit_offset = offset * 8, bit_size = 0}
  end
  return t
end

-- fields: note (VMCOREINFO strings), symbols (name -> address), types ("struct x" -> {size=, member=offset}), procs (list),
-- argv (by tid), facts (what info() returns besides)
function M.new(fields)
  local self = setmetatable(fields or {}, Fake)
  self.segments = {}
  self.reads = 0
  for _, key in ipairs {"note", "symbols", "types", "procs_list", "facts", "args", "regs"} do self[key] = self[key] or {} end
  return self
end

-- Memory at an address; `code` makes it unreadable with that code instead.
function Fake:map(addr, bytes, code)
  table.insert(self.segments, 1, {addr = addr, bytes = bytes, code = code})
  return self
end

local function piece(self, addr, len)
  for _, s in ipairs(self.segments) do
    if addr >= s.addr and addr < s.addr + #s.bytes then
      if s.code then return nil, s.code end
      local n = math.min(len, s.addr + #s.bytes - addr)
      for _, other in ipairs(self.segments) do -- a later map() hides an earlier one
        if other == s then break end
        if other.addr > addr and other.addr < addr + n then n = other.addr - addr end
      end
      return s.bytes:sub(addr - s.addr + 1, addr - s.addr + n)
    end
  end
  return nil, "fault"
end

function Fake:read(addr, len)
  self.reads = self.reads + 1
  local out, at = {}, addr
  while at < addr + len do
    local bytes, code = piece(self, at, addr + len - at)
    if not bytes then return nil, ("0x%x: %s"):format(at, code), code, at end
    out[#out + 1] = bytes
    at = at + #bytes
  end
  return table.concat(out)
end

for name, fmt in pairs {u8 = "<I1", u16 = "<I2", u32 = "<I4", u64 = "<I8", i32 = "<i4", i64 = "<i8", ptr = "<I8"} do
  Fake[name] = function(self, addr)
    return (string.unpack(fmt, kvm_error.check(self:read(addr, string.packsize(fmt)))))
  end
end

function Fake:cstring(addr, max)
  local out = {}
  for i = 0, (max or 4096) - 1 do
    local c = string.char(self:u8(addr + i))
    if c == "\0" then break end
    out[#out + 1] = c
  end
  return table.concat(out)
end

function Fake:symbol(what)
  if type(what) == "string" then
    local addr = self.symbols[what]
    if addr then return {name = what, value = addr, size = 8, type = "D"}, 0 end
    return nil, "no symbol is named " .. what, "notfound"
  end
  local best, name
  for n, addr in pairs(self.symbols) do
    if addr <= what and (not best or addr > best) then best, name = addr, n end
  end
  if not best then return nil, "no symbol there", "notfound" end
  return {name = name, value = best, size = 8, type = "D"}, what - best
end

function Fake:nlist(names)
  local out, missing = {}, {}
  for _, n in ipairs(names) do
    local s = self:symbol(n)
    if s then out[n] = s else missing[#missing + 1] = n end
  end
  return out, missing
end

function Fake:type(name)
  local def = self.types[name]
  if not def then return nil, "no type is named " .. name, "notfound" end
  return layout(def)
end

function Fake:page_size() return self:info().page_size end

function Fake:info()
  local out = {os = "linux", arch = "x86_64", release = "6.1.0-fake", format = "fake", page_size = 4096, incomplete = false}
  for key, v in pairs(self.facts) do out[key] = v end
  out.vmcoreinfo = self.note
  return out
end

function Fake:procs(_, _, threads)
  local i = 0
  return function()
    repeat i = i + 1 until not self.procs_list[i] or threads or self.procs_list[i].pid == self.procs_list[i].tid
    local p = self.procs_list[i]
    if p and p.raise then error(kvm_error.new(p.raise)) end
    local copy = p and {}
    for key, v in pairs(p or {}) do copy[key] = v end
    return copy
  end
end

function Fake:argv(p)
  self.argv_calls = (self.argv_calls or 0) + 1
  local v = self.args[p.tid] or self.args[p.pid]
  if type(v) == "string" then return nil, v, v end
  if not v then return nil, "a kernel thread has none", "notfound" end
  return v
end

function Fake:registers(cpu)
  local r = self.regs[cpu]
  if not r then return nil, ("no registers of CPU %d"):format(cpu), "notfound" end
  return r, r.pid
end

function Fake:loadavg()
  if self.no_load then return nil, "no avenrun", "notfound" end
  return 0.5, 0.25, 0.125
end

--- A record of k:procs with defaults.
function M.proc(fields)
  local p = {
    pid = 1, ppid = 0, pgid = 1, sid = 1, uid = 0, ruid = 0, gid = 0, comm = "init", state = "S", cpu = 0, nice = 0,
    threads = 1, prio = 120, rt_priority = 0, policy = 0, flags = 0, start_ns = 0, utime_ns = 0, stime_ns = 0,
    vsz_bytes = 0, rss_bytes = 0, addr = 0xffff888000001000, mm = 0,
  }
  for key, v in pairs(fields) do p[key] = v end
  p.tid = p.tid or p.pid
  p.leader = p.leader or p.addr
  return p
end

--- All records of an iterator.
function M.collect(step)
  local out = {}
  for rec in step do out[#out + 1] = rec end
  return out
end

return M
