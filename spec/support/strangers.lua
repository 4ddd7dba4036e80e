-- SPDX-License-Identifier: BSD-2-Clause
-- For the specs of the checks of hooks: whose code addresses are in, without modules in memory.
local busted = require "busted"
local code = require "kvm.linux.check.code"

local owners = code.owners

--- Code of the kernel from FIRST to LAST, of the module "evil" (record at MODULE) the page at 0x5000; taken back behind each test.
return function(first, last, module)
  busted.before_each(function()
    function code.owners()
      return function(addr)
        if addr >= first and addr < last then return "kernel" end
        if addr >= 0x5000 and addr < 0x6000 then return "module", {name = "evil", addr = module} end
        return nil
      end
    end
  end)
  busted.after_each(function() code.owners = owners end)
end
