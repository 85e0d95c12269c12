"""The look of the pages: type, colour and a few lines of script. No font, image or script comes from elsewhere."""

HUES = 6
"""Colours of the categorical palette, `--c0` to `--c5`; what comes after is `--c6`, a grey.

Chosen by search so that any two stay apart (Delta E above 18) also with protanopia, deuteranopia and tritanopia.
"""

LIGHT = ("#2871ca", "#e2761c", "#17a87b", "#96406b", "#442c6d", "#7ea9bd", "#98948b")
"""The palette on paper, for pictures that are not part of a page."""

STYLE = """
:root { color-scheme: light dark;
  --paper:#fdfcf9; --ink:#1f1d1a; --soft:#6b665d; --rule:#e3dfd6; --wash:#f3f1eb; --accent:#2871ca;
  --c0:#2871ca; --c1:#e2761c; --c2:#17a87b; --c3:#96406b; --c4:#442c6d; --c5:#7ea9bd; --c6:#98948b;
  --g0:#57534b; --g1:#77726a; --g2:#938e85; --g3:#aca79e; --g4:#c2beb5; --g5:#d5d1c9;
  --serif:"Charter","Iowan Old Style","Charis SIL","Palatino Linotype","Source Serif 4",Georgia,serif;
  --sans:"Inter","SF Pro Text","Segoe UI Variable Text","Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
  --mono:"SF Mono","Cascadia Mono","JetBrains Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace; }
@media (prefers-color-scheme: dark) { :root {
  --paper:#15171a; --ink:#e7e4dd; --soft:#9c988f; --rule:#2d3035; --wash:#1d2024; --accent:#76a2e2;
  --c0:#76a2e2; --c1:#f5b458; --c2:#51c7a1; --c3:#e34363; --c4:#9366e9; --c5:#cee7ec; --c6:#8a8780;
  --g0:#b9b5ac; --g1:#97938b; --g2:#7b7870; --g3:#64615b; --g4:#504e4a; --g5:#3f3e3b; } }
* { box-sizing:border-box }
html { font:14px/1.5 var(--sans); background:var(--paper); color:var(--ink); -webkit-text-size-adjust:100% }
body { max-width:1180px; margin:0 auto; padding:44px 32px 72px;
  font-variant-numeric:tabular-nums lining-nums; font-feature-settings:"cv11","ss03" }
h1,h2,h3,p,dl,dd,figure { margin:0; font-weight:inherit }
h1 { font:500 38px/1.12 var(--serif); letter-spacing:-.012em; margin:6px 0 10px; overflow-wrap:anywhere }
h1 .times { color:var(--soft); font-weight:400; padding:0 .04em }
h2 { font:500 19px/1.25 var(--serif); letter-spacing:-.003em }
h3 { font:600 11.5px/1.4 var(--sans); color:var(--soft); margin:26px 0 7px; letter-spacing:.015em }
h3:first-child, .cols > div > h3 { margin-top:3px }
a { color:inherit; text-decoration-color:var(--c6); text-underline-offset:2px }
.kicker { color:var(--soft); font-size:12.5px }
.lede { font:17.5px/1.5 var(--serif); max-width:66ch }
.caveat { display:block; font-size:15px; color:var(--soft); margin-top:8px }
.soft, .u { color:var(--soft) }
nav { margin:26px 0 0; padding:7px 0; border:solid var(--rule); border-width:1px 0; font-size:12.5px; display:flex;
  flex-wrap:wrap; gap:2px 20px }
nav a { text-decoration:none; color:var(--soft) } nav a:hover { color:var(--ink) }
:focus-visible { outline:2px solid var(--accent); outline-offset:2px; border-radius:2px }
section { display:grid; grid-template-columns:212px minmax(0,1fr); gap:0 40px; padding:30px 0 34px;
  border-bottom:1px solid var(--rule) }
section > header { position:sticky; top:22px; align-self:start }
section > header p { font:13px/1.5 var(--serif); color:var(--soft); margin-top:7px }
.cols { display:grid; grid-template-columns:minmax(0,1fr) minmax(0,1fr); gap:0 44px }
.stats { display:grid; grid-template-columns:repeat(auto-fit,minmax(152px,1fr)); gap:20px 24px; margin:28px 0 0 }
.stats dt { font-size:12px; color:var(--soft) }
.stats dd.big { font:400 27px/1.2 var(--serif); white-space:nowrap }
.stats dd.big .u { font-size:17px }
.stats dd.sub { font-size:12px; color:var(--soft); line-height:1.4 }
table { border-collapse:collapse; width:100%; font-size:13px }
th { font-weight:400; text-align:left }
thead th { font-size:11.5px; color:var(--soft); vertical-align:bottom; padding:2px 0 5px 14px; white-space:nowrap }
thead th:first-child, tbody th:first-child, tbody td:first-child { padding-left:0 }
tbody th, tbody td { padding:2.5px 0 2.5px 14px; vertical-align:baseline }
.num { text-align:right; white-space:nowrap }
.num .u { display:inline-block; min-width:2.5em; text-align:left; font-size:11.5px } .num .pc { min-width:1.1em }
.bars tbody th { width:1%; max-width:190px; white-space:nowrap; overflow:hidden; text-overflow:ellipsis }
.bars .bar { width:auto; min-width:90px; vertical-align:middle }
.bars .num, .bars .tag { width:1% }
.bars td.waits { width:38%; color:var(--soft); font-size:12px }
tbody a { text-decoration-color:var(--rule) } tbody a:hover { text-decoration-color:currentColor }
.pairs th { width:1%; white-space:nowrap; color:var(--soft) } .pairs td { padding-left:28px }
#facts-table th, #facts-table td { width:1% } #facts-table td:last-child { width:50%; padding-left:22px }
.small { font-size:12.5px; margin-top:12px }
svg.trust { display:inline-block; vertical-align:-1px; margin-right:6px }
.tag { white-space:nowrap; color:var(--soft); font-size:12px }
.grid tbody tr { border-top:1px solid var(--rule) }
.grid tbody th, .grid tbody td { padding-top:4px; padding-bottom:4px }
.grid td.text { overflow-wrap:break-word; min-width:7em }
tr:target { background:var(--wash); outline:2px solid var(--accent) }
tr.best .tag { color:var(--accent) } td.param { max-width:22em; white-space:nowrap; overflow:hidden;
  text-overflow:ellipsis }
tr.bad { color:var(--soft) }
.scroll { overflow-x:auto }
thead button { all:unset; cursor:pointer } thead button:focus-visible { outline:2px solid var(--accent) }
th[aria-sort=ascending] button::after { content:" \\2191" }
  th[aria-sort=descending] button::after { content:" \\2193" }
svg { display:block; overflow:visible; max-width:100% }
svg text { font:11px var(--sans); fill:var(--ink); font-variant-numeric:tabular-nums }
svg text.s { fill:var(--soft) } svg text.b { font-weight:600 }
svg text.halo { paint-order:stroke; stroke:var(--paper); stroke-width:3.5px; stroke-linejoin:round }
svg .axis { stroke:var(--c6); stroke-width:1 } svg .rule { stroke:var(--rule); stroke-width:1 }
svg .roof { stroke:var(--ink); stroke-width:1.5; fill:none } svg .dash { stroke:var(--soft); stroke-dasharray:3 3;
  fill:none }
svg .front { stroke:var(--c0); stroke-width:1.4; fill:none; opacity:.65 }
.panels { display:grid; grid-template-columns:repeat(auto-fill,minmax(232px,1fr)); gap:16px 22px }
svg .dot { stroke:var(--paper); stroke-width:1.2 } svg a:hover .dot, svg a:focus .dot { stroke:var(--ink);
  stroke-width:2 }
svg a:focus { outline:none } svg a:focus-visible .dot { stroke:var(--accent); stroke-width:3.5 }
svg.strip { width:100% }
svg.strip text { fill:var(--paper) }
.key { display:flex; flex-wrap:wrap; gap:3px 18px; font-size:12px; margin:0 0 10px; color:var(--soft) }
.key svg { display:inline-block; vertical-align:-1px; margin-right:6px; width:11px }
details { margin-top:16px } summary { cursor:pointer; color:var(--soft); font-size:12.5px; margin-bottom:8px }
.notes { padding:0 0 0 1.1em; margin:0; font:15px/1.55 var(--serif); max-width:70ch } .notes li { margin-bottom:5px }
pre { font:12.5px/1.55 var(--mono); background:var(--wash); padding:11px 14px; margin:0; white-space:pre-wrap;
  overflow-wrap:anywhere; border-radius:3px }
.run { display:flex; gap:10px; align-items:flex-start } .run pre { flex:1 }
button.copy, input[type=search] { font:inherit; font-size:12.5px; color:inherit; background:none;
  border:1px solid var(--rule); border-radius:3px; padding:6px 11px }
button.copy { cursor:pointer } input[type=search] { width:100%; max-width:320px; margin-bottom:10px }
code { font:12px var(--mono) }
footer { color:var(--soft); font-size:12px; padding-top:18px }
@media (max-width:860px) { body { padding:24px 18px 48px } h1 { font-size:30px }
  section { grid-template-columns:minmax(0,1fr) }
  section > header { position:static; margin-bottom:16px } .cols { grid-template-columns:minmax(0,1fr) }
    .cols > div + div { margin-top:26px } }
@media (max-width:560px) { .bars .bar { min-width:44px } .bars .tag { white-space:normal; overflow-wrap:anywhere;
  line-height:1.2 }
  .bars tbody th { max-width:116px } .bars td.waits { width:26% } tbody th, tbody td, thead th { padding-left:9px } }
@media print { :root { --paper:#fff; --ink:#000; --soft:#555; --rule:#ccc; --wash:#f5f5f5;
    --c0:#2871ca; --c1:#e2761c; --c2:#17a87b; --c3:#96406b; --c4:#442c6d; --c5:#7ea9bd; --c6:#98948b;
    --g0:#57534b; --g1:#77726a; --g2:#938e85; --g3:#aca79e; --g4:#c2beb5; --g5:#d5d1c9 }
  html { font-size:11px } body { max-width:none; padding:0 } nav, .copy, input { display:none !important }
  section { grid-template-columns:130px minmax(0,1fr); gap:0 22px; padding:16px 0 } tr, figure,
    .stats > div { break-inside:avoid }
  section > header { position:static } header { break-after:avoid }
    details::details-content { content-visibility:visible; block-size:auto }
  .scroll { overflow:visible }
  #ops-table, #ops-table .tag { font-size:8.5px } #ops-table :is(th,td) { padding-left:5px }
    #ops-table .u { font-size:7.5px; min-width:2em }
  summary { display:none }
  * { print-color-adjust:exact; -webkit-print-color-adjust:exact } }
"""

SCRIPT = """
"use strict";
document.querySelectorAll("[data-js]").forEach(e => e.hidden = false);
document.querySelectorAll("button.copy").forEach(b => b.onclick = async () => {
  const pre = b.parentElement.querySelector("pre"), old = b.textContent;
  try { await navigator.clipboard.writeText(pre.textContent); b.textContent = "copied"; }
  catch { getSelection().selectAllChildren(pre); b.textContent = "selected"; }
  setTimeout(() => b.textContent = old, 1500);
});
document.querySelectorAll("input[data-filter]").forEach(i => i.oninput = () => {
  const words = i.value.toLowerCase().split(/\\s+/);
  document.querySelectorAll("#" + i.dataset.filter + " tbody tr").forEach(r => {
    const text = r.textContent.toLowerCase(); r.hidden = !words.every(w => text.includes(w)); });
});
document.querySelectorAll("table[data-sort] thead th").forEach((th, column) => {
  const b = document.createElement("button"); b.type = "button"; b.append(...th.childNodes); th.append(b);
  b.onclick = () => {
    const up = th.getAttribute("aria-sort") !== "ascending", body = th.closest("table").tBodies[0];
    const key = r => { const c = r.cells[column], v = c.dataset.v;
      return v === undefined ? c.textContent : v === "" ? NaN : +v; };
    const order = (a, b) => typeof a === "number" && typeof b === "number" ? a - b :
      String(a).localeCompare(String(b), "en", {numeric: true});
    const rows = [...body.rows].map(r => [key(r), r]);
    const last = v => Number.isNaN(v) ? 1 : 0;
    rows.sort(([a], [b]) => last(a) - last(b) || (last(a) ? 0 : order(a, b) * (up ? 1 : -1)));
    th.parentElement.querySelectorAll("th").forEach(o => o.removeAttribute("aria-sort"));
    th.setAttribute("aria-sort", up ? "ascending" : "descending"); body.append(...rows.map(r => r[1]));
  };
});
"""
