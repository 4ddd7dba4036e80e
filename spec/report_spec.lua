-- SPDX-License-Identifier: BSD-2-Clause
-- The page: what comes from a dump is text in it, wherever it stands; what it may run is its own.
local report = require "kvm.report"
local sha256 = require "kvm.report.sha256"

local EVIL <const> = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"

local function page()
  return report.html {
    title = EVIL, subtitle = EVIL, verdict = EVIL, severity = "critical", why = {EVIL}, facts = {{EVIL, EVIL}},
    findings = {{kind = EVIL, severity = EVIL, confidence = EVIL, title = EVIL, evidence = {EVIL}}},
    parts = {{id = "tasks", title = EVIL, note = EVIL, why = {EVIL}, table = {key = "pid", columns = {{name = "pid", kind = "integer"},
      {name = "comm", kind = "string", title = EVIL}}, records = {{pid = 1, comm = EVIL}}}}},
  }
end

describe("kvm.report", function()
  it("escapes every string", function()
    local html = page()
    assert.are.equal(3, select(2, html:gsub("<script", "")))
    assert.are.equal(3, select(2, html:gsub("</script", "")))
    assert.is_nil(html:find("<img", 1, true))
    assert.is_nil(html:find('class="[^"]*<'))
  end)

  it("allows its own scripts and style alone, by what they are", function()
    local html = page()
    local policy = html:match 'http%-equiv="Content%-Security%-Policy" content="(.-)">'
    assert.is_truthy(policy:find("default-src 'none'", 1, true))
    assert.is_nil(policy:find "unsafe")
    for script in html:gmatch "<script>(.-)</script>" do assert.is_truthy(policy:find(sha256.source(script), 1, true)) end
    assert.is_truthy(policy:find(sha256.source(html:match "<style>(.-)</style>"), 1, true))
    assert.is_nil(html:find 'style="')
  end)

  it("loads nothing", function()
    local html = page()
    for _, pattern in ipairs {"src=\"", "https?://", "@import", "url%("} do
      for at in html:gmatch("()" .. pattern) do
        assert.is_truthy(html:sub(at, at + 40):find "^http://www.w3.org/", html:sub(at, at + 60))
      end
    end
  end)
end)
