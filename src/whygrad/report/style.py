"""How the page looks: one column, large type, light and dark, on a phone and on a desk; no script, nothing loaded."""

from __future__ import annotations

from whygrad.render.theme import colours

STYLE = (
    colours(":root")
    + """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,
"DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1040px;margin:0 auto;padding:0 24px 64px}
header{padding:72px 0 28px}
h1{font-size:clamp(30px,5.2vw,52px);line-height:1.12;letter-spacing:-.02em;margin:0 0 18px;max-width:20em;
text-wrap:balance}
h1 em{font-style:normal;color:var(--accent)}
.lead{font-size:clamp(17px,2vw,20px);color:var(--faint);max-width:38em;margin:0}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:1px;margin:36px 0 0;padding:0;
background:var(--line);border:1px solid var(--line);border-radius:12px;overflow:hidden}
.facts div{background:var(--paper);padding:16px 18px}
.facts dt{font-size:13.5px;color:var(--faint)}
.facts dd{margin:2px 0 0;font-size:25px;font-weight:650;letter-spacing:-.01em}
main>section{padding:44px 0 8px;border-top:1px solid var(--line);margin-top:44px}
h2{font-size:27px;line-height:1.2;letter-spacing:-.01em;margin:0 0 8px;text-wrap:balance}
h3{font-size:17px;margin:28px 0 8px}
.see{color:var(--faint);max-width:42em;margin:0 0 24px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:24px}
figure{margin:0;min-width:0}
figcaption{font-size:15px;font-weight:600;margin:0 0 6px}
.chart{display:block;width:100%;max-width:500px;height:auto}
.chart .rule{stroke:var(--line);stroke-width:1}
.chart .tick{fill:var(--faint);font-size:13px}
.chart .line{fill:none;stroke-width:2.4;stroke-linejoin:round;stroke-linecap:round}
.chart .name{font-size:13px;font-weight:650}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:15.5px}
.list td,.list th{padding:7px 22px 7px 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
.list th{font-size:13.5px;font-weight:500;color:var(--faint)}
.list .n{text-align:right;white-space:nowrap}
.list td:last-child,.list th:last-child{padding-right:0}
.list .f{font-family:ui-serif,Georgia,"DejaVu Serif",serif;font-style:italic;white-space:nowrap}
.matrix{table-layout:fixed;width:100%;max-width:620px;text-align:center}
.matrix th{font-weight:600;font-size:15px;color:var(--faint);padding:4px 0}
.matrix td{padding:0;height:42px;border:2px solid var(--paper);border-radius:6px;font-size:15px}
.matrix .right{background:color-mix(in srgb,var(--good) 20%,var(--paper));font-weight:600}
.matrix .wrong{background:color-mix(in srgb,var(--bad) calc(var(--share)*1%),var(--paper))}
.matrix .none{color:var(--line)}
.axis{font-size:13.5px;color:var(--faint);margin:8px 0 0}
.tiles{display:grid;grid-template-columns:repeat(5,1fr);gap:12px;margin:0;padding:0;
list-style:none}
.tiles li{background:var(--raised);border-radius:10px;padding:10px 6px 8px;text-align:center;font-size:14px;
line-height:1.35}
.tiles img{width:64px;height:64px;image-rendering:pixelated;display:block;margin:0 auto 6px}
.tiles b{font-weight:650}.tiles .said{color:var(--bad);font-weight:650}
.tiles small{display:block;color:var(--faint);font-size:13px}
.ok{color:var(--good);font-weight:650;white-space:nowrap}.no{color:var(--bad);font-weight:650;white-space:nowrap}
.subject{align-self:center}.subject p{margin:18px 0 0;max-width:34em}
.pixel{position:relative;width:168px;height:168px;border:1px solid var(--line);border-radius:8px;overflow:hidden}
.pixel img{width:100%;height:100%;image-rendering:pixelated;display:block}
.pixel i{position:absolute;outline:3px solid var(--gradient);outline-offset:1px}
.panel{border:1px solid var(--line);border-radius:12px;padding:10px;margin-top:28px;max-width:100%}
.panel .wide svg{max-width:100%;height:auto}
.picture{overflow-x:auto;max-width:100%}
.picture svg{max-width:100%;height:auto}
footer{margin-top:56px;padding-top:20px;border-top:1px solid var(--line);font-size:14.5px;color:var(--faint)}
@media (prefers-color-scheme:dark){.tiles img,.pixel img{filter:invert(1)}}
@media (max-width:560px){body{font-size:16px}main{padding:0 16px 40px}header{padding:40px 0 16px}
main>section{padding-top:32px;margin-top:32px}h2{font-size:23px}.matrix td{height:30px;font-size:12px;border-width:1px}
.matrix th{font-size:13px}.facts{grid-template-columns:1fr 1fr}.facts dd{font-size:21px}.facts div{padding:12px 14px}
.list{font-size:13px}.list td,.list th{padding-right:8px}.list th{font-size:12px}
.panel h3:has(+.wide>svg),.panel .wide:has(>svg){display:none}
.panel{padding:0}
.tiles{gap:6px}.tiles li{padding:8px 2px 6px;font-size:13px}.tiles img{width:48px;height:48px}
.tiles small{font-size:11.5px}}
@media (min-width:900px){.tiles{grid-template-columns:repeat(10,1fr)}}
@media print{main>section{break-inside:avoid}}
"""
)
