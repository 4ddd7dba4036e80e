-- SPDX-License-Identifier: BSD-2-Clause
-- A terminal in which a program runs: typed into and looked at, by tmux.
local command = require "spec.support.command"

local M = {}

local Terminal = {}
Terminal.__index = Terminal

local sockets = 0

--- Whether there is tmux.
function M.is_there() return (os.execute "command -v tmux >/dev/null 2>&1") == true end

-- The preloaded library of a sanitizer is for luakvm alone.
local function tmux(t, line)
  local out, err, status = command.shell(("env -u LD_PRELOAD tmux -L %s -f /dev/null %s"):format(t.socket, line))
  if status ~= 0 then error(("tmux %s: %s"):format(line, err), 0) end
  return out
end

--- Opens one; LINE is shell in it. The last line of the screen is its exit status.
function M.open(line, columns, rows)
  sockets = sockets + 1
  local t = setmetatable({socket = ("luakvm-spec-%s-%d"):format(os.tmpname():match "[^_/]+$", sockets)}, Terminal)
  local preload = os.getenv "LD_PRELOAD"
  local set = preload and ("export LD_PRELOAD=%s ASAN_OPTIONS=detect_leaks=0; "):format(preload) or ""
  local script = set .. line .. "; unset LD_PRELOAD; echo status $?; sleep 1000"
  tmux(t, ("new-session -d -x %d -y %d -e TERM=screen %s"):format(columns or 80, rows or 24,
    command.quote("sh -c " .. command.quote(script))))
  return t
end

--- Types keys, as tmux names them: text, "Tab", "C-c", "Enter".
function Terminal:keys(...)
  for _, key in ipairs {...} do tmux(self, "send-keys " .. command.quote(key)) end
end

--- Types text and Enter.
function Terminal:line(text)
  tmux(self, "send-keys -l " .. command.quote(text))
  self:keys "Enter"
end

--- What is on the screen, without the space at its end; COLORS: with what paints it.
function Terminal:screen(colors)
  return (tmux(self, "capture-pane -p" .. (colors and " -e" or "")):gsub("%s+$", ""))
end

--- Waits until the screen has a pattern; raises when it does not come.
function Terminal:wait(pattern)
  local screen
  for _ = 1, 600 do
    screen = self:screen()
    if screen:find(pattern) then return screen end
    os.execute "sleep 0.05"
  end
  error(("no %q on the screen:\n%s"):format(pattern, screen), 2)
end

function Terminal:close()
  pcall(tmux, self, "kill-server")
end
Terminal.__close = Terminal.close

return M
