-- SPDX-License-Identifier: BSD-2-Clause
-- A browser that has no window.
local harness = require "spec.support.harness"

local M = {}

--- Its path; nil where there is none.
function M.path()
  for _, name in ipairs {"chromium", "chromium-browser", "google-chrome"} do
    local pipe <close> = assert(io.popen("command -v " .. name .. " 2>/dev/null"))
    local path = pipe:read "l"
    if path then return path end
  end
end

--- What becomes of a file in it, and what its console says (nil: nothing). BEHIND: what follows in its address, as "#tasks"; OPTION: in
-- place of --dump-dom.
function M.run(file, behind, option)
  local home = harness.temp()
  os.remove(home)
  -- a browser that a spec starts must not be looked at by a sanitizer: it brings allocators of its own
  local pipe = assert(io.popen(("env -u LD_PRELOAD timeout 60 %s --headless=new --no-sandbox --disable-gpu --user-data-dir=%s "
    .. "--enable-logging=stderr --virtual-time-budget=2000 %s 'file://%s%s' 2>&1"):format(M.path(), home, option or "--dump-dom", file,
    behind or "")))
  local text = pipe:read "a"
  pipe:close()
  os.execute("rm -rf " .. home)
  return text, text:match "CONSOLE[^\n]*"
end

return M
