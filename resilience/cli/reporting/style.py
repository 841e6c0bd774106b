"""The looks of a report's page, beside those of every page."""

from __future__ import annotations

from typing import Final

# On paper the light palette counts, whatever the screen had: it stands here once more.
REPORT_STYLE: Final = """
body { overflow-wrap: anywhere; } main { max-width: 76rem; }
h1 { margin: 0 0 .5rem; }
.verdict { font-size: 1.35rem; font-weight: 600; margin: 0; }
.verdict .sign { display: inline-block; margin-right: .5rem; }
.good { color: var(--green); } .bad { color: var(--red); }
header .stack { margin: 1rem 0 .5rem; }
.stack { width: 100%; height: 1rem; display: block; border-radius: .25rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .5rem; margin: 1rem 0; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
.tiles dd { font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.tiles dd small { display: block; font-size: .875rem; font-weight: 400; color: var(--faint); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; padding: 0; margin: .75rem 0 0; }
a { color: var(--blue); } a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; border-radius: 2px; }
.faint { color: var(--faint); font-size: .875rem; }
p { margin: .5rem 0; } section > p:first-of-type { margin-top: 0; }
code, pre { font-family: ui-monospace, monospace; font-size: .85em; }
pre { background: var(--back); border: 1px solid var(--line); border-radius: .35rem; padding: .5rem .75rem;
  margin: .5rem 0; white-space: pre-wrap; }

table.rows th, table.rows td { text-align: left; white-space: normal; vertical-align: top;
  padding: .5rem .75rem .5rem 0; font-weight: 400; }
table.rows thead th { overflow-wrap: normal; }
table.rows tbody tr + tr { border-top: 1px solid var(--line); }
table.rows tbody th { font-weight: 600; } table.rows .n { text-align: right; white-space: nowrap; }
table.rows td ul { margin: 0; padding: 0; list-style: none; }
table.rows code { display: inline-block; }
.rows th code { font-weight: 400; }
@media (min-width: 44.01rem) {
  table.wide { table-layout: fixed; } .wide th:nth-child(1) { width: 17%; } .wide th:nth-child(2) { width: 25%; }
  .wide th:nth-child(4) { width: 22%; } .wide th:nth-child(5) { width: 9%; } .ruled th:nth-child(1) { width: 32%; }
}
.what { color: var(--red); font-weight: 600; }

.keys { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0 .75rem; padding: 0; list-style: none;
  font-size: .875rem; color: var(--faint); }
.keys svg { width: 1.5rem; height: 1rem; vertical-align: -.15rem; margin-right: .4rem; }
form { display: flex; flex-wrap: wrap; gap: .5rem; margin: 0 0 .75rem; align-items: end; }
form[hidden] { display: none; }
form label { display: flex; flex-direction: column; font-size: .8rem; color: var(--faint);
  flex: 1 1 9rem; min-width: 0; }
form label.search { flex: 2 1 14rem; }
input, select, button { font: inherit; font-size: 1rem; color: var(--text); background: var(--back);
  border: 1px solid var(--faint); border-radius: .35rem; padding: .3rem .5rem; min-height: 2.25rem; width: 100%;
  min-width: 0; }
button { width: auto; cursor: pointer; }
output { display: block; font-size: .875rem; color: var(--faint); margin: 0 0 .5rem; }

.run { margin: 0 0 1rem; }
.calls { background-size: 100%; }
summary, .axis, .load { display: grid; grid-template-columns: 1.1rem 17rem 1fr 5rem; gap: 0 .6rem;
  align-items: center; }
summary { cursor: pointer; padding: .2rem 0; list-style: none; border-top: 1px solid var(--line); }
summary::-webkit-details-marker { display: none; }
summary:hover { background: var(--back); }
.name { min-width: 0; line-height: 1.25; }
.name b { font-weight: 600; } .how { display: block; font-size: .8rem; color: var(--faint); }
.took { text-align: right; font-variant-numeric: tabular-nums; font-size: .875rem; white-space: nowrap; }
.took::after { content: " \\25B8"; color: var(--faint); } [open] > summary .took::after { content: " \\25BE"; }
.many .call { content-visibility: auto; contain-intrinsic-size: auto 3rem; }
.call[hidden], .run[hidden] { display: none; }
.axis { position: sticky; top: 0; background: var(--card); z-index: 1; font-size: .75rem; color: var(--faint);
  border-bottom: 1px solid var(--line); }
.axis div { grid-column: 3; position: relative; height: 1.4rem; }
.axis span { position: absolute; border-left: 1px solid var(--line); padding-left: .2rem; white-space: nowrap; }
.load { font-size: .8rem; color: var(--faint); align-items: end; }
.load span { grid-column: 1 / 3; } .load svg { grid-column: 3; width: 100%; height: 3rem; display: block; }
polygon.under-way { fill: var(--line); } polygon.out { fill: var(--blue); }
.lane { display: block; overflow: visible; }
summary .lane { background: repeating-linear-gradient(to right, var(--line) 0 1px, transparent 1px var(--step)); }
.alone .axis, .alone .load { display: none; } .alone summary .lane { background: none; }
.sign { font-weight: 700; text-align: center; }
.e-success .sign, .e-success_after_retry .sign, .e-accepted .sign { color: var(--green); }
.e-failed .sign, .e-exhausted .sign, .e-refused .sign, .e-error .sign, .e-unfinished .sign { color: var(--red); }
.e-failed .how, .e-exhausted .how, .e-refused .how, .e-error .how, .e-unfinished .how { color: var(--red); }
.story { padding: .5rem 0 1rem 1.7rem; scroll-margin-top: 3rem; }
.story p { font-size: .875rem; color: var(--faint); margin: 0 0 .5rem; }
.story ol { margin-top: .75rem; }
.story li { border-left: 4px solid var(--line); padding: .1rem 0 .1rem .75rem; margin: .5rem 0; }
.story li b::before { content: none; } .story li b { display: inline; }
.story li code { display: inline; font-size: .85em; color: inherit; } .story li time { min-width: 4rem; }
.story li .faint, .then { display: block; } .then::before { content: "\\2192  "; color: var(--faint); }
.then { font-weight: 600; }

.patterns { position: absolute; }
.s-success, .s-accept { fill: var(--green); } .s-fail { fill: url(#failing); } .s-retry { fill: var(--amber); }
.s-refresh, .r-refresh { fill: var(--blue); } .s-verify, .r-verify { fill: var(--plum); }
.s-rename { fill: var(--teal); }
.s-aborted, .s-unfinished { fill: var(--faint); } .waits { fill: url(#waiting); }
.s-fail-back { fill: var(--red); } .s-fail-ink { fill: var(--card); fill-opacity: .45; } .ink { fill: var(--faint); }
rect.s-accept { fill: var(--card); stroke: var(--green); stroke-width: 2; }
rect.s-unfinished { fill: var(--card); stroke: var(--red); stroke-width: 2; stroke-dasharray: 3 2; }
.story li.s-success, .story li.s-accept { border-color: var(--green); }
.story li.s-retry { border-color: var(--amber); }
.story li.s-fail, .story li.s-unfinished { border-color: var(--red); } .story li.s-rename { border-color: var(--teal); }
.story li.s-refresh, .story li.r-refresh { border-color: var(--blue); }
.story li.s-verify, .story li.r-verify { border-color: var(--plum); }
.story li.r-refresh, .story li.r-verify { border-left-style: dashed; }

.shares { display: grid; grid-template-columns: minmax(8rem, 17rem) 1fr max-content; gap: .5rem .75rem;
  align-items: center; }
.shares .sum { text-align: right; font-variant-numeric: tabular-nums; }
.t-calling { fill: var(--blue); } .t-waiting { fill: var(--amber); } .t-remedies { fill: var(--plum); }
.t-other { fill: var(--faint); }
.e-fill-success { fill: var(--green); } .e-fill-success_after_retry { fill: var(--teal); }
.e-fill-accepted { fill: var(--blue); } .e-fill-failed, .e-fill-exhausted, .e-fill-refused, .e-fill-error,
.e-fill-unfinished { fill: var(--red); } .e-fill-cancelled { fill: var(--faint); }
rect.waits-plot { fill: var(--amber); } .two .plot rect { fill-opacity: .75; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem 2rem; }

@media (max-width: 44rem) {
  body { font-size: 15px; }
  main { padding: 1rem .6rem 2rem; } section { padding: .75rem; }
  summary { grid-template-columns: 1.1rem 1fr max-content; }
  summary .lane { grid-column: 1 / -1; grid-row: 2; }
  .axis, .load { grid-template-columns: 1fr; } .load span, .load svg { grid-column: 1; } .axis div { grid-column: 1; }
  .axis span:nth-child(even) { visibility: hidden; }
  .story { padding-left: .25rem; }
  .shares { grid-template-columns: 1fr; gap: .15rem; } .shares .sum { text-align: left; margin-bottom: .75rem; }
  table.rows thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.rows, table.rows tbody, table.rows tr, table.rows td, table.rows tbody th { display: block; width: 100%; }
  table.rows tr { padding: .5rem 0; }
  table.rows th, table.rows td, table.rows .n { padding: .1rem 0; text-align: left; white-space: normal; }
  table.rows td[data-label]::before { content: attr(data-label) ": "; color: var(--faint); font-size: .875rem; }
  table.rows td.n { display: inline-block; width: auto; margin-right: 1rem; } table.rows td:empty { display: none; }
}
@media print {
  :root { --back: #ffffff; --card: #ffffff; --text: #1c2430; --faint: #586374; --line: #d5dae1;
    --blue: #1f6fb2; --teal: #0f7d6e; --plum: #8a3fa0; --amber: #a35c00; --red: #c0353a; --green: #2f7d32; }
  * { print-color-adjust: exact; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; }
  form, nav, output, .took::after { display: none !important; }
  .many .call { content-visibility: visible; } .call { break-inside: avoid; } .axis { position: static; }
  section { border: 0; padding: 0; } tr, .tiles div { break-inside: avoid; }
}
"""
