-- SPDX-License-Identifier: BSD-2-Clause
-- What people type: addresses, symbols with offsets, names with *. No command: a helper of commands.
local kvm_error = require "kvm.error"

local M = {}

--- A pattern in which * stands for any text.
-- @tparam string text such as "kworker*"
-- @treturn string a Lua pattern that matches whole names
-- @usage assert(("kworker/0:1"):find(require "kvm.cmd.words".glob "kworker*"))
function M.glob(text)
  return "^" .. text:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*") .. "$"
end

--- A number in hexadecimal, with or without 0x, of at most 64 bits.
-- @tparam string text
-- @treturn integer, or nil
function M.hex(text)
  local digits = text:match "^0[xX](%x+)$" or text:match "^(%x+)$"
  digits = digits and digits:gsub("^0+(%x)", "%1")
  return digits and #digits <= 16 and tonumber(digits, 16) or nil
end

--- An address: a symbol, a symbol and an offset ("init_task+0x10"; the offset is decimal or 0x), or a hexadecimal number with or
-- without 0x. A name that is also a hexadecimal number is looked up as a symbol first.
-- @param k an open handle
-- @tparam string text
-- @treturn integer address
-- @raise kvm.Error `notfound`, or why there is no symbol table
-- @usage assert(require "kvm.cmd.words".address(k, "init_task+8") == k:symbol("init_task").value + 8)
function M.address(k, text)
  local name, sign, offset = text:match "^(.-)([+-])(%w+)$"
  offset = offset and math.tointeger(tonumber(offset))
  if not offset then name, offset = text, 0 end
  local sym, message, code = nil, nil, "notfound"
  if not name:find "^0[xX]" then sym, message, code = k:symbol(name) end
  local addr = sym and sym.value or M.hex(name)
  if addr then return sign == "-" and addr - offset or addr + offset end
  if code ~= "notfound" then kvm_error.check(sym, message, code) end
  error(kvm_error.new {code = "notfound", message = ("%q is neither a symbol nor a hexadecimal address"):format(name)})
end

return M
