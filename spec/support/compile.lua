-- SPDX-License-Identifier: BSD-2-Clause
-- ELF files as a kernel's, from C: linked where the image of spec.support.build.linux begins, before KASLR.
local harness = require "spec.support.harness"

local M = {}

M.text = math.tointeger(0xffffffff81000000)

--- Compiles SOURCE with debug information.
-- @tparam string source in C
-- @tparam[opt] string flags such as "-Wl,--build-id=0x0123"
-- @tparam[opt] string path of the result; a file that the test harness removes when it is left out
-- @treturn string path
function M.elf(source, flags, path)
  local c, elf = harness.temp(source), path or harness.temp()
  local command = ("%s -x c %s -g -O1 -nostdlib -static -fno-pie -no-pie -mcmodel=kernel %s -Wl,-e,0 "
    .. "-Wl,-Ttext=0x%x -o %s 2>&1"):format(os.getenv "CC" or "cc", c, flags or "", M.text, elf)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  assert(pipe:close(), text)
  return elf
end

return M
