-- SPDX-License-Identifier: BSD-2-Clause
local attempt = require "kvm.linux.check.attempt"
local kvm = require "kvm"

describe("kvm.linux.check.attempt", function()
  it("gives what a function returns, and raises the first error at the end", function()
    local attempts = attempt.new()
    assert.are.same({1, nil, 3, n = 3}, table.pack(attempts:call(function() return 1, nil, 3 end)))
    attempts:finish()
    assert.is_nil(attempts:call(kvm.error.fail, "fault", "first"))
    assert.is_nil(attempts:call(kvm.error.fail, "format", "second"))
    local _, err = kvm.try(attempts.finish, attempts)
    assert.are.equal("first", err.message)
  end)

  it("passes over what a kernel does not have, and lets bugs through", function()
    local attempts = attempt.new()
    assert.is_nil(attempts:call(kvm.error.fail, "notfound", "no such thing"))
    attempts:finish()
    assert.has_error(function() attempts:call(function() return nil + 1 end) end)
  end)
end)
