-- SPDX-License-Identifier: BSD-2-Clause
local cjson = require "cjson"
local tables = require "kvm.report.table"

describe("kvm.report.table", function()
  it("writes records as JSON that can stand in an element script", function()
    local json = tables.json {key = "pid", sort = "-pid", columns = {{name = "pid", kind = "integer"}, {name = "comm", kind = "string"},
      {name = "addr", kind = "hex"}}, records = {{pid = 1, comm = "</script><!--\u{2028}\255", addr = -1}, {}}}
    assert.is_nil(json:find "[<\u{2028}]")
    local t = cjson.decode(json)
    assert.are.same({"pid", "-pid"}, {t.key, t.sort})
    assert.are.equal("0xffffffffffffffff", t.rows[1][3])
    assert.is_truthy(t.rows[1][2]:find("</script>", 1, true))
    assert.are.same({cjson.null, cjson.null, cjson.null}, t.rows[2])
  end)
end)
