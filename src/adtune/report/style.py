"""The style sheet of every report: system type, light and dark, a phone's width, and paper."""

CSS = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2126;--soft:#5a646e;--rule:#d9dee3;--panel:#f5f7f9;
--one:#1f5fa8;--two:#b4540a;--three:#2c7a4b;--four:#7b3f98;--good:#1f7a3d;--bad:#b3261e;--warn:#8a5a00}
@media (prefers-color-scheme:dark){:root{--paper:#14181c;--ink:#e7ebee;--soft:#a0abb5;--rule:#333c45;--panel:#1d2329;
--one:#7db3f0;--two:#f0a35e;--three:#74c796;--four:#cf9ce8;--good:#74c796;--bad:#f28b82;--warn:#e8b95a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
-webkit-text-size-adjust:100%;overflow-wrap:break-word}
main{max-width:62rem;margin:0 auto;padding:2rem 1.25rem 4rem}
header{border-bottom:2px solid var(--ink);padding-bottom:1rem;margin-bottom:1.25rem}
h1{font-size:1.75rem;line-height:1.2;margin:0}
h2{font-size:1.2rem;line-height:1.3;margin:2.5rem 0 .75rem;padding-top:.9rem;border-top:1px solid var(--rule)}
section:first-of-type h2{border-top:0;padding-top:0;margin-top:1rem}
h3{font-size:1rem;margin:0 0 .4rem}
p{margin:0 0 .8rem;max-width:44rem}
header p{color:var(--soft);margin:.35rem 0 0}
ul,ol{margin:0 0 .8rem;padding-left:1.3rem;max-width:44rem}
.cards{display:flex;flex-wrap:wrap;gap:.75rem;margin:0 0 1.1rem}
.card{flex:1 1 11.5rem;background:var(--panel);border:1px solid var(--rule);border-radius:.5rem;padding:.8rem .95rem}
.card dt{color:var(--soft);font-size:.85rem}
.card dd{margin:0}
.card .figure{font-size:1.5rem;font-weight:650;line-height:1.25;font-variant-numeric:tabular-nums}
.card .aside{color:var(--soft);font-size:.85rem}
.scroll{overflow-x:auto;margin:0 0 1rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.42rem .9rem .42rem 0;border-bottom:1px solid var(--rule)}
th{color:var(--soft);font-weight:600;border-bottom-color:var(--ink)}
td.n,th.n{text-align:right;padding-right:1.6rem;font-variant-numeric:tabular-nums}
td.long{overflow-wrap:anywhere}
.none,.empty{color:var(--soft);font-style:italic}
.columns{display:flex;flex-wrap:wrap;gap:.75rem;margin:0 0 1.2rem}
.columns>div{flex:1 1 15rem;background:var(--panel);border:1px solid var(--rule);border-radius:.5rem;padding:.75rem .9rem;min-width:0}
.logo{display:block;max-height:3.5rem;max-width:16rem;margin:0 0 .75rem}
header .agency{color:var(--ink);font-weight:600;margin:0 0 .35rem}
del{color:var(--bad);text-decoration-thickness:1px}ins{color:var(--good);text-decoration:underline;text-underline-offset:2px}
mark{background:none;color:inherit;border-bottom:2px dotted var(--warn)}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;font:inherit;font-size:.92rem}
a{color:var(--one)}
details{margin:0 0 1rem}summary{cursor:pointer;color:var(--one);padding:.3rem 0}
details[open]>summary{margin-bottom:.5rem}
.note{border-left:4px solid var(--one);background:var(--panel);padding:.65rem .95rem;margin:0 0 1rem;max-width:none}
.note.good{border-color:var(--good)}.note.bad{border-color:var(--bad)}.note.warn{border-color:var(--warn)}
blockquote{margin:0 0 1rem;padding:.2rem 0 .2rem 1rem;border-left:3px solid var(--rule);max-width:44rem;white-space:pre-wrap}
.terms dt{font-weight:600}.terms dd{margin:0 0 .6rem;max-width:44rem}
figure{margin:0 0 1.2rem}figcaption{color:var(--soft);font-size:.85rem;max-width:44rem}
.plot{overflow-x:auto}
.plot svg{display:block;width:100%;min-width:27rem;max-width:44rem;height:auto}
svg text{fill:var(--ink);font-family:inherit}svg .soft{fill:var(--soft)}
svg .rule{stroke:var(--rule)}svg .axis{stroke:var(--soft)}svg .band{fill:var(--soft)}
svg .s0{stroke:var(--one)}svg .s1{stroke:var(--two)}svg .s2{stroke:var(--three)}svg .s3{stroke:var(--four)}
svg .f0{fill:var(--one)}svg .f1{fill:var(--two)}svg .f2{fill:var(--three)}svg .f3{fill:var(--four)}
svg .halo{stroke:var(--paper)}svg .ring{fill:var(--paper);stroke:var(--ink)}
footer{margin-top:3rem;border-top:1px solid var(--rule);padding-top:.75rem;color:var(--soft);font-size:.85rem}
@page{margin:16mm 14mm}
@media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--rule:#bbb;--panel:#fff;
--one:#1f5fa8;--two:#b4540a;--three:#2c7a4b;--four:#7b3f98;--good:#1f7a3d;--bad:#b3261e;--warn:#8a5a00}
body{font-size:10.5pt}main{max-width:none;padding:0}h2,h3{break-after:avoid}
.card,.columns>div,figure,tr,blockquote,.note{break-inside:avoid}.scroll,.plot{overflow:visible}.plot svg{min-width:0}}
"""
