-- SPDX-License-Identifier: BSD-2-Clause
-- A file that was in the guest's page cache comes out of the dump byte for byte; of a dump without page cache nothing does.
local matrix = require "spec.kernels.matrix"

local function expected()
  local lines = {}
  for i = 0, 1999 do lines[i + 1] = ("line %d of a file in the page cache\n"):format(i) end
  return table.concat(lines)
end

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua

  it("has the bytes of a cached file", function()
    local out, want = os.tmpname(), expected()
    os.remove(out)
    finally(function() os.remove(out) end)
    local rec = matrix.records(matrix.luakvm("cache", dump.path, "/srv/cached", "--out", out, "--json"))[1]
    assert.are.equal(#want, rec.size)
    if dump.is_filtered then
      assert.are.same({0, #want}, {rec.written, rec.missing_bytes})
    else
      assert.are.same({#want, 0}, {rec.written, rec.missing_bytes})
      assert.is_true(matrix.read(out) == want)
    end
  end)

  it("has the bytes of a file that nobody has open", function()
    local out = os.tmpname()
    os.remove(out)
    finally(function() os.remove(out) end)
    local want = "root::0:0::/:/bin/sh\nnobody:" .. ":65534:65534::/:/bin/sh\n"
    local rec = matrix.records(matrix.luakvm("cache", dump.path, "/etc/passwd", "--out", out, "--json"))[1]
    assert.are.same({#want, dump.is_filtered and #want or 0}, {rec.size, rec.missing_bytes})
    if not dump.is_filtered then assert.are.equal(want, matrix.read(out)) end
  end)

  it("has the contents of a deleted file", function()
    for _, rec in ipairs(matrix.records(matrix.luakvm("cache", dump.path, "--json"))) do
      assert.is_nil(rec.stopped)
      if rec.path == "/tmp/deleted file (deleted)" then
        assert.are.same({5, dump.is_filtered and 0 or 5}, {rec.size, rec.cached_bytes})
        return
      end
    end
    error "it is not there"
  end)
end)
