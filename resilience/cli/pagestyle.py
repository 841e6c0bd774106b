"""The looks of a page: two palettes, one column, and plots that keep their words readable on a narrow screen."""

from __future__ import annotations

from typing import Final

# The colours of data keep a contrast of at least 3:1 with their background, in both palettes; text keeps 4.5:1.
STYLE: Final = """
:root {
  --back: #ffffff; --card: #f6f7f9; --text: #1c2430; --faint: #586374; --line: #d5dae1;
  --blue: #1f6fb2; --teal: #0f7d6e; --plum: #8a3fa0; --amber: #a35c00; --red: #c0353a; --green: #2f7d32;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #12161c; --card: #1b2129; --text: #e4e8ee; --faint: #9ba7b6; --line: #323b47;
    --blue: #63b0f0; --teal: #4cc4b2; --plum: #cf8be4; --amber: #eba552; --red: #f2777a; --green: #7fc882;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; font-weight: 600; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin: 1rem 0; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .5rem 1.5rem; margin: 0; }
dt, .ends, .legend, footer, time { color: var(--faint); font-size: .875rem; }
dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem .25rem 0; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; }
thead th { color: var(--faint); font-weight: 400; font-size: .875rem; border-bottom: 1px solid var(--line); }
ul { margin: .75rem 0 0; padding-left: 1.25rem; }
.bars { display: grid; grid-template-columns: max-content minmax(3rem, 1fr) max-content max-content; gap: .35rem .75rem;
  align-items: center; font-variant-numeric: tabular-nums; }
.bars span:nth-of-type(3n+2), .bars span:nth-of-type(3n) { text-align: right; }
.bars svg { width: 100%; height: 1.1rem; display: block; }
.plot { width: 100%; height: 11rem; display: block; border-bottom: 1px solid var(--line); }
.strip { height: 2.5rem; border: 0; }
.ends { display: flex; justify-content: space-between; margin: .25rem 0 0; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0 0; }
.key::before { content: ""; display: inline-block; width: .75em; height: .75em; border-radius: 2px; margin-right: .4em;
  background: currentColor; }
.key.p50 { color: var(--green); } .key.p95 { color: var(--amber); } .key.p99 { color: var(--red); }
.key.attempt { color: var(--blue); } .key.verify { color: var(--plum); }
.key.refresh { color: var(--amber); } .key.rename { color: var(--green); }
rect.attempt, rect.duration { fill: var(--blue); } rect.verify { fill: var(--plum); }
rect.refresh { fill: var(--amber); }
rect.rename, rect.success, rect.success_after_retry { fill: var(--green); } rect.accepted { fill: var(--teal); }
rect.failed, rect.exhausted, rect.refused { fill: var(--red); } rect.requests { fill: var(--plum); }
rect.wait { fill: var(--line); }
.curve { fill: none; stroke: var(--blue); stroke-width: 2; vector-effect: non-scaling-stroke; }
.mark { stroke-width: 2; stroke-dasharray: 5 4; vector-effect: non-scaling-stroke; }
.mark.p50 { stroke: var(--green); } .mark.p95 { stroke: var(--amber); } .mark.p99 { stroke: var(--red); }
ol { list-style: none; margin: 1rem 0 0; padding: 0; }
li.attempt, li.verify, li.refresh, li.rename { border-left: 4px solid var(--blue); padding: .1rem 0 .1rem .75rem;
  margin: .5rem 0; overflow-wrap: anywhere; }
li.verify { border-color: var(--plum); } li.refresh { border-color: var(--amber); }
li.rename { border-color: var(--green); }
li time { display: inline-block; min-width: 5.5rem; }
li b { font-weight: 600; display: block; } li b::before { content: "\\2192  "; color: var(--faint); }
li code { display: block; color: var(--faint); font-size: .8rem; }
footer { margin-top: 1.5rem; overflow-wrap: anywhere; }
"""
