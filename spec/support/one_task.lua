-- SPDX-License-Identifier: BSD-2-Clause
-- Commands about tasks see one task, which no list leads to; restored behind each test.
local busted = require "busted"
local tasks = require "kvm.cmd.tasks"

local each = tasks.each

--- MAKE gives a record and its object, and is called when a command asks; process 99 is not there.
return function(make)
  busted.before_each(function()
    tasks.each = function(_, words)
      local done = words and tonumber(words[1]) == 99
      return function()
        if done then return nil end
        done = true
        return make()
      end
    end
  end)
  busted.after_each(function() tasks.each = each end)
end
