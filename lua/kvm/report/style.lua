-- SPDX-License-Identifier: BSD-2-Clause
-- How a report looks: on a screen, light and dark, on a phone, on paper. Nothing of a dump is ever in this text.
return [[
:root { color-scheme: light dark; --paper: #ffffff; --raised: #f5f6f8; --ink: #1b1e23; --faint: #5b626c; --line: #d5d9df; --link: #0b57c0;
  --critical: #b3261e; --error: #b3261e; --warning: #8a5a00; --info: #46607a; --mark: #fff2a8; --bar: #4a7fc1; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --raised: #1d2127; --ink: #e6e8eb; --faint: #a0a8b2; --line: #363c45;
  --link: #8ab4f8; --critical: #ff8a80; --error: #ff8a80; --warning: #f2c14e; --info: #9fb8d0; --mark: #514510; --bar: #5d93d6; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 3.2rem; }
body { margin: 0 auto; max-width: 1400px; padding: 0 1rem 3rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; margin: 1rem 0 0.25rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 0.4rem; border-bottom: 1px solid var(--line); }
h2 small, .faint { color: var(--faint); font-weight: normal; }
a { color: var(--link); }
code, pre, td, .mono { font-family: ui-monospace, monospace; font-size: 13px; }
pre { margin: 0; white-space: pre-wrap; }
nav { position: sticky; top: 0; z-index: 2; display: flex; gap: 0.2rem 1rem; overflow-x: auto; padding: 0.5rem 0; background: var(--paper);
  border-bottom: 1px solid var(--line); white-space: nowrap; }
.verdict { margin: 0.8rem 0; padding: 0.8rem 1rem; background: var(--raised); border-left: 5px solid var(--info); font-size: 1.1rem; }
.verdict.critical, .verdict.error { border-color: var(--critical); }
.verdict.warning { border-color: var(--warning); }
.note, .why { margin: 0.2rem 0 0.6rem; color: var(--faint); }
.why { color: var(--warning); }
.finding { margin: 0.35rem 0; border: 1px solid var(--line); border-left-width: 4px; padding: 0.25rem 0.6rem; }
.finding.critical, .finding.error { border-left-color: var(--critical); }
.finding.warning { border-left-color: var(--warning); }
.finding summary { cursor: pointer; }
.finding ul { margin: 0.3rem 0; padding-left: 1.3rem; }
.severity { font-weight: 600; color: var(--info); }
.critical .severity, .error .severity { color: var(--critical); }
.warning .severity { color: var(--warning); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.1rem 1rem; margin: 0.5rem 0; }
dt { color: var(--faint); }
dd { margin: 0; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg text.faint { fill: var(--faint); }
.scroll { overflow-x: auto; }
.box rect { stroke: var(--paper); stroke-width: 1px; fill: var(--bar); }
.box text { fill: #10141a; }
.box:hover rect { stroke: var(--ink); stroke-width: 2px; }
.swatch { width: 0.8em; height: 0.8em; }
.g0 rect { fill: #cfd4da; } .g1 rect { fill: #8fb8ea; } .g2 rect { fill: #f0b27a; } .g3 rect { fill: #93cf9f; } .g4 rect { fill: #e59aa6; }
.g5 rect { fill: #c3a6e0; } .g6 rect { fill: #e3cf74; } .g7 rect { fill: #7fcbc7; } .g8 rect { fill: #d0a98b; } .g9 rect { fill: #b5cf73; }
.g10 rect { fill: #e3a3d3; } .g11 rect { fill: #a9b8cf; } .g12 rect { fill: #d9b95c; }
.legend { display: flex; flex-wrap: wrap; gap: 0.1rem 1.2rem; list-style: none; margin: 0.4rem 0; padding: 0; }
.bar-of { fill: var(--bar); }
.timeline line { stroke: var(--line); }
.waits .edge { fill: none; stroke: var(--faint); stroke-width: 1.5px; }
.waits .edge.circle { stroke: var(--critical); stroke-width: 2.5px; }
.waits marker path { fill: var(--faint); }
.waits .task rect { fill: #8fb8ea; } .waits .lock rect { fill: #e3cf74; }
.waits .circle rect { stroke: var(--critical); stroke-width: 4px; }
svg.flame { display: block; width: 100%; min-width: 820px; height: auto; }
.controls { display: flex; flex-wrap: wrap; gap: 0.4rem 0.8rem; align-items: center; margin: 0.3rem 0; }
.controls input, .controls select, button { font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--line);
  border-radius: 4px; padding: 0.15rem 0.5rem; }
.controls input { flex: 0 1 22rem; min-width: 8rem; }
table { border-collapse: collapse; width: 100%; overflow-wrap: normal; }
th { position: sticky; top: 0; background: var(--raised); text-align: left; white-space: nowrap; padding: 0; }
th button { border: 0; width: 100%; text-align: inherit; background: none; font-size: 13px; font-weight: 600; cursor: pointer; }
th.number, td.number { text-align: right; white-space: nowrap; }
td { border-top: 1px solid var(--line); padding: 0.1rem 0.5rem; vertical-align: top; }
td.short { white-space: nowrap; }
td.long { overflow-wrap: anywhere; min-width: 12rem; white-space: pre-wrap; }
td.open { padding: 0 0.2rem; width: 1.6rem; }
td.open button { padding: 0 0.35rem; line-height: 1.2; }
tr.marked > td { background: var(--mark); }
tr.detail > td { background: var(--raised); white-space: pre-wrap; padding-left: 2rem; }
tr.l0 td.long, tr.l1 td.long, tr.l2 td.long, tr.l3 td.long { color: var(--critical); }
tr.l4 td.long { color: var(--warning); }
@media (max-width: 700px) {
  body { padding: 0 0.6rem 2rem; font-size: 14px; }
  dl { grid-template-columns: 1fr; }
  dd { margin-bottom: 0.3rem; }
  .minor { display: none; }
  td.long { min-width: 15rem; }
}
@media print {
  @page { margin: 12mm; }
  :root { color-scheme: light; --paper: #ffffff; --raised: #f5f6f8; --ink: #000000; --faint: #444444; --line: #bbbbbb; --link: #000000;
    --critical: #a01010; --error: #a01010; --warning: #6b4500; --info: #333333; --mark: #ffffff; --bar: #4a7fc1; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, .controls input, .controls select, button.more, td.open, th.open, .minor { display: none; }
  th { position: static; }
  th button { border: 0; padding: 0; }
  code, pre, td, .mono { font-size: 8pt; }
  svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  svg.flame { min-width: 0; }
  svg.waits { max-width: 100%; height: auto; }
  .scroll { overflow: visible; }
  .finding, .verdict, svg, tr { break-inside: avoid; }
  a { text-decoration: none; }
}
]]
