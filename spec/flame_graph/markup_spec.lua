-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local markup = require "kvm.flame_graph.markup"

describe("kvm.flame_graph.markup", function()
  harness.guard()

  it("makes entities of what is markup", function()
    assert.are.equal("&lt;script a=&quot;1&quot; b=&#39;&amp;amp;&#39;&gt;", markup.escape [[<script a="1" b='&amp;'>]])
  end)

  it("shows what steers, and what XML has no place for", function()
    assert.are.equal([[a\x1b[m\x9b\xef\xbf\xbe\xe2\x80\xae\n]], markup.printable "a\27[m\x9b\u{fffe}\u{202e}\n")
  end)

  it("keeps the control characters that may stay", function()
    assert.are.equal("a\n\\t&lt;", markup.escape("a\n\t<", "\n"))
  end)
end)
