"""The style sheet of the HTML page."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { --ink: #1b2430; --muted: #5b6675; --line: #dfe4ea; --soft: #f6f8fa; --blue: #0072b2; --blue-soft: #e8f3fa; }
html { color-scheme: light; scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
* { box-sizing: border-box; }
body {
  margin: 0; background: #fff; color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif;
}
main, header > div, footer > div { max-width: 1240px; margin: 0 auto; padding: 0 28px; }
header { border-top: 6px solid var(--blue); border-bottom: 1px solid var(--line); background: var(--soft);
  padding: 30px 0 0; }
.eyebrow { margin: 0; color: var(--blue); font-weight: 600; font-size: 14px; }
h1 { margin: 2px 0 4px; font-size: 34px; line-height: 1.2; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { margin: 0 0 6px; font-size: 23px; line-height: 1.3; }
h3 { margin: 0; font-size: 16px; overflow-wrap: anywhere; }
h3 span { color: var(--blue); margin-right: 8px; }
section { padding: 38px 0 0; scroll-margin-top: 8px; }
p { margin: 6px 0 12px; max-width: 84ch; overflow-wrap: anywhere; }
.lead, .small { color: var(--muted); }
.small { font-size: 13.5px; max-width: 110ch; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 14px 28px; margin: 20px 0 0; }
.facts dt { color: var(--muted); font-size: 13px; }
.facts dd { margin: 0; font-weight: 600; font-size: 15px; overflow-wrap: anywhere; }
nav { margin-top: 22px; display: flex; flex-wrap: wrap; gap: 0 22px; border-top: 1px solid var(--line); }
nav a { color: var(--muted); text-decoration: none; padding: 10px 0; font-size: 14px;
  border-bottom: 2px solid transparent; }
nav a:hover, nav a:focus-visible { color: var(--blue); border-color: var(--blue); }
a { color: var(--blue); }
a:focus-visible, .scroll:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14.5px; margin: 12px 0 6px;
  font-variant-numeric: tabular-nums; }
th, td { padding: 7px 10px; text-align: left; border-bottom: 1px solid var(--line); vertical-align: baseline; }
td.figure, th.figure { text-align: right; white-space: nowrap; }
td.unit { white-space: nowrap; }
th { font-weight: 600; }
thead th { color: var(--muted); font-size: 13px; border-bottom: 1.5px solid #b8c0cb; white-space: nowrap; }
tbody th { font-weight: 500; white-space: nowrap; }
td.words { min-width: 190px; overflow-wrap: anywhere; }
.process:target, li:target { background: var(--blue-soft); }
code { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: 13px;
  color: var(--muted); white-space: nowrap; }
math { font-size: 1.1em; math-style: normal; }
.matrix { border: 1px solid var(--line); border-radius: 8px; margin-top: 14px; }
.matrix table { width: auto; border-collapse: separate; border-spacing: 0; margin: 0; }
.matrix th, .matrix td { text-align: center; white-space: nowrap; padding: 7px 11px; vertical-align: middle; }
.matrix thead th { background: var(--soft); }
.matrix thead tr:first-child th { color: var(--ink); font-size: 15px; border-bottom: 0; padding-bottom: 0; }
.matrix thead tr:last-child th { font-weight: 400; font-size: 12px; padding-top: 2px; }
.matrix tbody th, .matrix tfoot th, .matrix thead tr:first-child th:first-child { position: sticky; left: 0;
  text-align: left; background: #fff; border-right: 1px solid var(--line); z-index: 1; }
.matrix thead tr:first-child th:first-child { background: var(--soft); border-bottom: 1.5px solid #b8c0cb; }
.matrix tbody th a { color: inherit; text-decoration: none; }
.matrix tbody th a:hover { color: var(--blue); text-decoration: underline; }
.matrix tbody th span { display: inline-block; min-width: 30px; color: var(--blue); font-weight: 650; }
.matrix td.rate, .matrix th.rate { text-align: left; border-left: 1px solid var(--line); }
.matrix td.solved { background: var(--blue-soft); color: #00507d; }
.matrix tbody tr:hover td:not(.solved), .matrix tbody tr:hover th { background: var(--soft); }
.matrix tfoot th, .matrix tfoot td { background: var(--soft); font-weight: 400; color: var(--muted); }
.matrix tfoot tr:first-child th, .matrix tfoot tr:first-child td { border-top: 1px solid #b8c0cb; }
.matrix tfoot tr:last-child > * { border-bottom: 0; }
.key { display: inline-block; width: 13px; height: 13px; border-radius: 2px; vertical-align: -1px; margin-right: 5px;
  background: var(--blue-soft); box-shadow: inset 0 0 0 1px #9cc8e4; }
.process { border: 1px solid var(--line); border-radius: 8px; padding: 14px 20px 16px; margin-top: 14px; }
.process p { margin: 2px 0 0; }
.process .scroll { margin: 10px 0 0; padding: 2px 0 4px; }
.process math { font-size: 1.15em; }
.process > .small { margin-top: 10px; line-height: 2.2; max-width: none; }
.process b { font-weight: 600; }
.equation { display: inline-flex; align-items: center; }
.unit-note { color: var(--muted); font-size: 13.5px; margin-left: 22px; white-space: nowrap; }
ol.references { padding-left: 24px; max-width: 100ch; } ol.references li { margin: 4px 0; overflow-wrap: anywhere; }
footer { margin-top: 56px; border-top: 1px solid var(--line); background: var(--soft); color: var(--muted);
  font-size: 13.5px; padding: 16px 0; }
@media (max-width: 640px) { main, header > div, footer > div { padding: 0 16px; } h1 { font-size: 27px; } }
@media print {
  nav { display: none; } .process, tr { break-inside: avoid; } body { font-size: 12px; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
"""The look of the run report, for a page of mathematics."""
