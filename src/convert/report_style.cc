#include "convert/report_style.h"

#include "base/strings.h"
#include "convert/layer_map.h"

namespace w8a16 {
namespace {

// Series colours differ by at least 16 (CIE 1976, Lab) from each other, as all see them and as people without one kind
// of cones do (Machado, Oliveira, Fernandes 2009), and have a contrast of at least 3 to the surface; text has at
// least 4.5.
constexpr const char* kStyle = R"css(
:root{color-scheme:light dark;
--page:#f5f4f0;--card:#fff;--ink:#1b1e23;--soft:#5a616b;--line:#e1dfd8;--accent:#0b62a4;--rest:#b0a898;--warn:#8a4b00;--warn-back:#fff4e0;
--c0:#0d3f6f;--c1:#c8500a;--c2:#1c7c57;--c3:#ad4b9d;--c4:#b18c41;--c5:#2591c7;--c6:#5c3fa7;--c7:#6a7079}
@media(prefers-color-scheme:dark){:root{
--page:#14161a;--card:#1d2025;--ink:#e9e7e2;--soft:#a4aab3;--line:#33373e;--accent:#62b0f2;--rest:#6d6a63;--warn:#f0bd70;--warn-back:#33291a;
--c0:#6babfa;--c1:#f58243;--c2:#11a575;--c3:#fa99d0;--c4:#facb5f;--c5:#92defa;--c6:#8780fa;--c7:#93949c}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;-webkit-text-size-adjust:100%}
main,header,footer{max-width:68rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:3rem;padding-bottom:1.5rem}
.eyebrow{margin:0 0 .4rem;color:var(--accent);font-size:.8rem;font-weight:600;letter-spacing:.09em;text-transform:uppercase}
h1{margin:0;font-size:clamp(1.7rem,5vw,2.6rem);line-height:1.15;letter-spacing:-.02em;overflow-wrap:anywhere}
h2{margin:0 0 .35rem;font-size:1.2rem;letter-spacing:-.01em}
h3{margin:2rem 0 .5rem;font-size:1rem}
.lead{margin:.6rem 0 0;max-width:46rem;color:var(--soft);font-size:1.06rem}
.lead b{color:var(--ink)}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem;margin:1.4rem 0 0;font-size:.9rem}
.facts dt{color:var(--soft)}
.facts dd{margin:0;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:1rem;margin:0 0 1rem;padding:0;list-style:none}
.tiles li,section{background:var(--card);border:1px solid var(--line);border-radius:12px}
.tiles li{padding:1rem 1.15rem}
.tiles span{display:block;color:var(--soft);font-size:.82rem}
.tiles b{display:block;margin:.1rem 0;font-size:1.7rem;font-weight:650;line-height:1.2;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.tiles small{display:block;overflow-wrap:anywhere}
section{margin:0 0 1rem;padding:1.5rem 1.5rem 1.6rem}
section>p{margin:.2rem 0 1rem;max-width:46rem;color:var(--soft);font-size:.93rem}
code{font:.88em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere;unicode-bidi:isolate}
small{color:var(--soft);font-size:.82rem;font-weight:400}
table{width:100%;border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.5rem .6rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}
th:first-child,td:first-child{padding-left:0;text-align:left}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--soft);font-size:.8rem;font-weight:500;vertical-align:bottom}
tbody th,tfoot th{font-weight:400}
tfoot th,tfoot td{border-bottom:0;font-weight:650}
tbody:last-child tr:last-child th,tbody:last-child tr:last-child td{border-bottom:0}
.scroll{overflow-x:auto}
.scroll table{white-space:nowrap}
.scroll code{overflow-wrap:normal}
.bar{display:grid;grid-template-columns:4rem 1fr 5.5rem;gap:.8rem;align-items:center;margin:.5rem 0;font-size:.93rem}
.bar>span{color:var(--soft)}
.bar b{font-variant-numeric:tabular-nums;text-align:right}
.track{display:flex;height:1.9rem;gap:2px}
.track i{border-radius:3px}
.part-0{background:var(--accent)}
.part-1{background:var(--rest)}
.swatch{display:inline-block;width:.75em;height:.75em;margin-right:.5em;border-radius:2px}
.sizes{margin-top:1.1rem}
.sizes td{white-space:nowrap}
figure{margin:0}
.plot{display:block;width:100%;margin-top:1.6rem;padding:0 3.4rem;overflow:visible;font-size:12px;fill:var(--soft);font-variant-numeric:tabular-nums}
.grid line,.depth line{stroke:var(--line);stroke-width:1}
.grid text{text-anchor:end}
.grid .error{text-anchor:start}
.unit{font-style:italic}
.depth text{text-anchor:middle}
.depth .stack{fill:var(--ink)}
.lines{overflow:visible;pointer-events:none}
.lines polyline{fill:none;stroke:var(--c);stroke-width:1.5;stroke-opacity:.5;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.marks use,.key use{fill:var(--c);stroke:var(--card);stroke-width:1}
.marks line,.key line{stroke:var(--c);stroke-width:1.5}
.marks g:hover use{stroke:var(--ink);stroke-width:2}
.bars rect{fill:var(--accent)}
.bars rect:hover{fill:var(--ink)}
.legend{display:flex;flex-wrap:wrap;gap:.4rem;margin:.2rem 0 0;font-size:.86rem}
.legend label{display:inline-flex;align-items:center;gap:.4rem;padding:.2rem .65rem .2rem .5rem;border:1px solid var(--line);border-radius:99px;overflow-wrap:anywhere}
.legend input{position:absolute;width:1px;height:1px;opacity:0}
.key{flex:none}
@supports selector(:has(*)){
.legend label{cursor:pointer}
.legend label:hover{border-color:var(--c)}
.legend label:has(:focus-visible){outline:2px solid var(--accent);outline-offset:2px}
.legend label:has(input:not(:checked)){color:var(--soft);text-decoration:line-through}
.legend label:has(input:not(:checked)) .key{opacity:.25}}
.worst{table-layout:fixed}
.worst td:nth-child(2){white-space:nowrap;font-weight:600}
.worst small{display:block}
.worst th:first-child{width:34%}
.worst td:nth-child(2),.worst th:nth-child(2){width:5.6rem}
.why b{font-weight:600}
.worst .why{text-align:left}
.worst thead th:last-child{text-align:left}
.why p{margin:0 0 .3rem}
.why p:last-child{margin:0}
.ignored{display:grid;grid-template-columns:minmax(9rem,16rem) 1fr;gap:.5rem 1.5rem;margin:0;font-size:.9rem}
.ignored dd{margin:0}
.ignored ul{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:0;padding:0;list-style:none}
summary{cursor:pointer;color:var(--accent)}
.all summary{margin-top:.4rem;font-weight:600}
.notes{margin:.2rem 0 0;padding:0;list-style:none;font-size:.93rem}
.notes li{margin:.5rem 0;padding:.55rem .9rem;border-left:3px solid var(--line);overflow-wrap:anywhere}
.notes .warning{border-color:var(--warn);background:var(--warn-back)}
.notes b{font-weight:600}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
footer{padding-top:1rem;padding-bottom:3rem;color:var(--soft);font-size:.85rem}
@media(max-width:56rem){.tiles{grid-template-columns:1fr 1fr}}
@media(max-width:38rem){
header{padding-top:1.8rem}
main,header,footer{padding-left:.8rem;padding-right:.8rem}
.tiles{gap:.6rem}
.tiles li{padding:.75rem .8rem}
.tiles b{font-size:1.35rem}
section{padding:1.1rem .95rem 1.2rem}
.facts{grid-template-columns:1fr}
.facts dd{margin-bottom:.45rem}
.plot{padding:0 .3rem 0 2.3rem;font-size:11px}
.plot .error,.plot .minor{display:none}
.bar{grid-template-columns:3.2rem 1fr 4.6rem;gap:.5rem}
.sizes{font-size:.84rem}
.sizes th,.sizes td{padding:.5rem .3rem}
.ignored{grid-template-columns:1fr}
.worst thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.worst,.worst tbody{display:block}
.worst tr{display:grid;grid-template-columns:1fr auto;padding:.7rem 0;border-bottom:1px solid var(--line)}
.worst tr:last-child{border-bottom:0}
.worst tr>:nth-child(n){width:auto;padding:0;border:0}
.worst .why{grid-column:1/-1;margin-top:.4rem}}
@media print{body{background:#fff}section,.tiles li{break-inside:avoid}.bars rect,.track i,.swatch{print-color-adjust:exact}}
)css";

}  // namespace

std::string ReportStyle() {
  constexpr size_t kColours = 8;
  std::string style = kStyle;
  for (size_t i = 0; i < LayerMap::kMaxKinds; ++i) {
    style += StrCat(".kind-", i, "{--c:var(--c", i % kColours, ")}\n");
    // A kind that its box in the legend switches off.
    style += StrCat("figure:has(#kind-", i, ":not(:checked)) :is(.lines,.marks).kind-", i, "{display:none}\n");
    if (i >= kColours) style += StrCat(".kind-", i, " polyline{stroke-dasharray:5 4}\n");
  }
  return style;
}

}  // namespace w8a16
