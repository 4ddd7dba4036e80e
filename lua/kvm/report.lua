-- SPDX-License-Identifier: BSD-2-Clause
-- A report about a dump as one HTML file, which loads nothing and works from a disk: what it may run and look like is named by hashes in
-- its Content-Security-Policy. What is most important is there without scripts; tables are data that its script draws.
-- All text that comes from a dump goes through kvm.flame_graph.markup.
local flame_graph = require "kvm.flame_graph"
local flame_script = require "kvm.flame_graph.script"
local markup = require "kvm.flame_graph.markup"
local script = require "kvm.report.script"
local sha256 = require "kvm.report.sha256"
local style = require "kvm.report.style"
local tables = require "kvm.report.table"

local M = {}

local escape = markup.escape

local function policy(scripts, styles)
  local sources = {}
  for i, text in ipairs(scripts) do sources[i] = sha256.source(text) end
  return ("default-src 'none'; script-src %s; style-src %s; base-uri 'none'; form-action 'none'"):format(table.concat(sources, " "),
    sha256.source(styles))
end

local OPEN <const> = {critical = true, error = true, warning = true}

local function finding(f)
  local lines = {}
  for i, line in ipairs(f.evidence or {}) do lines[i] = ("<li>%s</li>"):format(escape(line)) end
  local head = ('<span class="severity">%s</span> <span class="faint">%s, %s</span> %s'):format(escape(f.severity or "?"),
    escape(f.kind or "?"), escape(f.confidence or "?"), escape(f.title or ""))
  if not lines[1] then return ('<div class="finding %s">%s</div>\n'):format(escape(f.severity or ""), head) end
  return ('<details class="finding %s"%s><summary>%s</summary><ul>%s</ul></details>\n'):format(escape(f.severity or ""),
    OPEN[f.severity] and " open" or "", head, table.concat(lines, "\n"))
end

local function facts(list)
  local out = {}
  for i, fact in ipairs(list) do out[i] = ("<dt>%s</dt><dd>%s</dd>\n"):format(escape(fact[1]), escape(fact[2])) end
  return ("<dl>%s</dl>\n"):format(table.concat(out))
end

local function why(reasons)
  local out = {}
  for i, reason in ipairs(reasons or {}) do out[i] = ('<p class="why">%s</p>\n'):format(escape(reason)) end
  return table.concat(out)
end

local function part(p)
  local count = p.table and ("<small>%d</small>"):format(#p.table.records) or ""
  return ('<section id="%s"><h2>%s %s</h2>\n%s%s%s%s</section>\n'):format(p.id, escape(p.title), count,
    p.note and ('<p class="note">%s</p>\n'):format(escape(p.note)) or "", why(p.why), p.html or "",
    p.table and ('<div id="table-%s"></div>'):format(p.id) or "")
end

local function data_of(parts)
  local out = {}
  for _, p in ipairs(parts) do
    if p.table then out[#out + 1] = ('"%s":%s'):format(p.id, tables.json(p.table)) end
  end
  return "{" .. table.concat(out, ",\n") .. "}"
end

--- A report as HTML.
-- @tparam table r title, subtitle, verdict, severity (of the worst finding; nil), findings ({kind, severity, confidence, title,
-- evidence},...), facts ({{label, text},...}), why ({string,...}: what could not be found out), parts ({id (a word: as markup it is
-- trusted, as is html), title, note, html, table (kvm.report.table), why},...)
-- @treturn string one file
-- @usage local html = require "kvm.report".html {title = "<t>", verdict = "v", findings = {}, facts = {}, parts = {}}
-- assert(html:find("<title>&lt;t&gt;</title>", 1, true))
function M.html(r)
  local styles = style .. flame_graph.STYLE
  local out = {'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'}
  local function add(form, ...) out[#out + 1] = form:format(...) end
  add('<meta http-equiv="Content-Security-Policy" content="%s">\n', policy({flame_script, script}, styles))
  add('<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">\n')
  add("<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n", escape(r.title), styles)
  add("<header><h1>%s</h1>\n", escape(r.title))
  if r.subtitle then add('<p class="note">%s</p>\n', escape(r.subtitle)) end
  add('<p class="verdict %s" id="verdict">%s</p></header>\n', escape(r.severity or ""), escape(r.verdict))
  add '<nav aria-label="parts"><a href="#findings">Findings</a>\n<a href="#system">System</a>\n'
  for _, p in ipairs(r.parts) do add('<a href="#%s">%s</a>\n', p.id, escape(p.title)) end
  add("</nav>\n<noscript><p class=\"why\">The tables of this page are drawn by its script, which does not run here.</p></noscript>\n")
  add('<section id="findings"><h2>Findings <small>%d</small></h2>\n', #r.findings)
  for _, f in ipairs(r.findings) do out[#out + 1] = finding(f) end
  if not r.findings[1] then add '<p class="note">none</p>\n' end
  add('</section>\n<section id="system"><h2>System</h2>\n%s%s</section>\n', facts(r.facts), why(r.why))
  for _, p in ipairs(r.parts) do out[#out + 1] = part(p) end
  add('<script type="application/json" id="data">%s</script>\n', data_of(r.parts))
  add("<script>%s</script>\n<script>%s</script>\n</body>\n</html>\n", flame_script, script)
  return table.concat(out)
end

return M
