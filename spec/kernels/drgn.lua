-- SPDX-License-Identifier: BSD-2-Clause
-- drgn beside us: the newest one, which dump.sh has fetched (key drgn), with the kernel's debug file.
local matrix = require "spec.kernels.matrix"
local assert = require "luassert"

local M = {}

--- Why drgn can't read a dump here; nil when it can. RELEASE: that of the debug file: "61".
function M.absent(key, core, release)
  return matrix.absent(key, core) or matrix.absent("debug" .. release, "vmlinux") or matrix.absent("drgn", "drgn")
end

--- What a script of ours prints, which drgn runs on a dump. What QEMU has dumped, whose segments have no virtual addresses, drgn can read
-- as our conversion only.
function M.run(path, release, script)
  local converted = path:find "/elf$" and os.tmpname()
  if converted then
    os.remove(converted)
    matrix.luakvm("convert", path, converted, "--format", "kdump")
  end
  local out, err, status = matrix.run(matrix.dir .. "/drgn/drgn", "-q", "-c", converted or path, "-s",
    ("%s/debug%s/vmlinux"):format(matrix.dir, release), script)
  if converted then os.remove(converted) end
  assert.are.equal(0, status, err)
  return matrix.decode(out)
end

return M
