/** Style and behaviour of the timeline page: no external resource, light and dark, readable at 360 px. */

/** How many kids have a colour of their own; more share the last. */
export const KID_COLOURS = 5;

export const STYLE = `
:root{color-scheme:light dark;--label:11rem;
--bg:#f7f6f3;--card:#fff;--ink:#1c2026;--soft:#5b6470;--line:#e3e1db;--faint:#f0eeea;--quiet:#c9c6be;--bar:#7b8794;
--bad:#c42b1c;--good:#1a7f4b;
--k0:#2563c9;--k1:#bf5208;--k2:#0d7466;--k3:#7440bd;--k4:#a3134f;--on:#fff}
@media (prefers-color-scheme:dark){:root{
--bg:#121418;--card:#1a1d23;--ink:#e9ecf0;--soft:#a0a9b5;--line:#2c313a;--faint:#22262d;--quiet:#4a515c;--bar:#8793a1;
--bad:#ff7a6b;--good:#5fd39a;
--k0:#78aeff;--k1:#ffa868;--k2:#58d0bd;--k3:#c3a2ff;--k4:#ff8db6;--on:#12151a}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;-webkit-text-size-adjust:100%}
.page{max-width:76rem;margin:0 auto;padding:2rem clamp(.9rem,3vw,2rem) 3rem}
.mono,code,td,.tick{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
header{margin-bottom:1.4rem}header p{margin:0;color:var(--soft)}
.brand{font-weight:650;letter-spacing:.02em}
h1{font-size:clamp(1.35rem,1rem + 1.8vw,2rem);line-height:1.2;margin:.15rem 0 .3rem;letter-spacing:-.015em;text-wrap:balance}
h2{font-size:1rem;margin:0 0 .75rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.7rem;margin:0 0 1.4rem}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:12px}
.tile{padding:.75rem .95rem}
.tile b{display:block;font-size:1.55rem;font-weight:620;letter-spacing:-.02em;font-variant-numeric:tabular-nums;line-height:1.25}
.tile span{color:var(--soft);font-size:.84rem}
.tile .good{color:var(--good)}.tile .bad{color:var(--bad)}
.card{padding:1.05rem clamp(.8rem,2vw,1.25rem) 1.15rem;margin:0 0 1rem}
.legend{display:flex;flex-wrap:wrap;gap:.35rem 1.1rem;margin:0 0 .9rem;padding:0;list-style:none;font-size:.84rem;color:var(--soft)}
.legend li{display:flex;align-items:center;gap:.45rem}
.swatch{width:1.5rem;height:.72rem;border-radius:3px;flex:none}
.chart{position:relative}
.row{display:grid;grid-template-columns:var(--label) 1fr;align-items:center;min-height:1.85rem}
.row>.name{padding-right:.8rem;font-size:.84rem;color:var(--soft);white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.group{position:relative;width:fit-content;background:var(--card);margin:.65rem 0 .15rem;padding-right:.4rem;font-size:.84rem;font-weight:620}
.plot{position:relative;height:1.5rem}
.axis{height:1.2rem}
.tick{position:absolute;transform:translateX(-50%);font-size:.72rem;color:var(--soft);white-space:nowrap}
.tick:first-child{transform:none}.tick:last-child:not(:first-child){transform:translateX(-100%)}
.lines{position:absolute;inset:0 0 0 var(--label);pointer-events:none}
.lines i{position:absolute;top:0;bottom:0;width:1px;background:var(--line)}
.step{position:absolute;top:.15rem;bottom:.15rem;border-radius:5px;background:var(--faint);color:var(--soft);font-size:.74rem;line-height:1.2rem;padding:0 .4rem;overflow:hidden;white-space:nowrap;text-overflow:ellipsis;border-left:2px solid var(--quiet)}
.bar{position:absolute;top:0;bottom:0;padding-right:1px;container-type:inline-size}
.upper{bottom:calc(50% + 1px)}.lower{top:calc(50% + 1px)}
.bar>i{display:flex;align-items:center;height:100%;border-radius:3px;font:normal .74rem/1 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--on);padding:0 .35rem;overflow:hidden;white-space:nowrap}
.upper>i,.lower>i{font-size:.66rem}
.area{position:absolute;inset:0 auto 0 auto}
.k0{background:var(--k0)}.k1{background:var(--k1)}.k2{background:var(--k2)}.k3{background:var(--k3)}.k4{background:var(--k4)}
.bar>.dead,.dead{background:repeating-linear-gradient(-45deg,var(--quiet) 0 1px,var(--faint) 1px 5px);color:var(--soft)}
.dead s{background:var(--faint);padding:0 .15rem}
.bar>.empty,.empty{background:var(--faint);color:var(--soft)}
.bar>.state,.state{border:1px dashed var(--quiet);border-radius:3px;color:var(--soft);background:transparent}
.failed>i{outline:2px solid var(--bad);outline-offset:-2px}
.leaving{opacity:.42}.suspended>i{background-image:repeating-linear-gradient(90deg,rgb(0 0 0/.38) 0 3px,transparent 3px 8px)}
@container (max-width:3.1rem){.bar>i>span{display:none}}
.curve{height:5.2rem}.curve.small{height:3.4rem}
.curve svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible}
.scale{position:absolute;left:0;top:-.15rem;font-size:.72rem;color:var(--soft);background:var(--card);padding:0 .3rem 0 0;line-height:1}
.now{position:absolute;top:0;bottom:0;left:0;width:1px;background:var(--ink);opacity:0;pointer-events:none}
.now b{position:absolute;top:-.2rem;left:.35rem;font:500 .72rem ui-monospace,monospace;background:var(--ink);color:var(--card);padding:.05rem .35rem;border-radius:4px;white-space:nowrap}
.now.left b{left:auto;right:.35rem}
details{font-size:.86rem}summary{cursor:pointer;font-weight:600}
.scroll{overflow-x:auto;margin-top:.7rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.28rem .9rem .28rem 0;border-bottom:1px solid var(--line);white-space:nowrap;font-size:.8rem}
th{color:var(--soft);font-weight:600}
.scenarios{display:grid;grid-template-columns:repeat(auto-fill,minmax(16rem,1fr));gap:.5rem}
.scenarios button{display:flex;flex-direction:column;justify-content:flex-start;font:inherit;text-align:left;color:inherit;background:var(--faint);border:1px solid var(--line);border-radius:9px;padding:.55rem .7rem;cursor:pointer}
.scenarios button b{display:block;font-size:.88rem}.scenarios button span{color:var(--soft);font-size:.8rem}
.scenarios button[aria-pressed=true]{border-color:var(--bad);box-shadow:inset 3px 0 0 var(--bad)}
:focus-visible{outline:2px solid var(--k0);outline-offset:2px}
footer{color:var(--soft);font-size:.82rem;margin-top:1.2rem}
@media (max-width:640px){:root{--label:0px}.row{grid-template-columns:1fr}.row>.name{position:relative;background:var(--card);width:fit-content;padding:.3rem .4rem .1rem 0}.tick:nth-child(even){display:none}.tiles{grid-template-columns:repeat(2,1fr)}.group{margin-top:.9rem}}
@media print{body{background:#fff}.card,.tile{break-inside:avoid}}
@media (prefers-reduced-motion:no-preference){.bar{transition:left .3s linear,width .3s linear}}
`;

/** A line that follows the pointer and names the time. */
export const POINTER_SCRIPT = `
addEventListener("pointermove",e=>{const c=e.target.closest&&e.target.closest(".chart");const n=document.querySelector(".now");if(!n)return;
if(!c){n.style.opacity=0;return}
const l=c.querySelector(".lines").getBoundingClientRect(),x=(e.clientX-l.left)/l.width;
if(x<0||x>1){n.style.opacity=0;return}
const f=+c.dataset.from,t=+c.dataset.to,s=(f+x*(t-f))/1000;
n.style.opacity=1;n.style.left=x*100+"%";n.classList.toggle("left",x>.85);
n.firstChild.textContent=Math.floor(s/60)+":"+(s%60).toFixed(1).padStart(4,"0")});
`;

/** Live page: the chart once a second while it is visible, and buttons for scenarios. */
export const LIVE_SCRIPT = `
const live=document.getElementById("live");
setInterval(async()=>{if(document.hidden)return;try{const r=await fetch("/ui/chart");if(r.ok){const open=live.querySelector("details")?.open;live.innerHTML=await r.text();if(open)live.querySelector("details").open=true}}catch{}},1000);
for(const b of document.querySelectorAll("[data-scenario]"))b.onclick=async()=>{const on=b.getAttribute("aria-pressed")==="true";b.disabled=true;
try{const r=await fetch("/scenarios/"+b.dataset.scenario,{method:on?"DELETE":"POST",headers:{"content-type":"application/json"},body:on?undefined:"{}"});
if(r.ok)b.setAttribute("aria-pressed",String(!on));else b.querySelector("span").textContent=(await r.json()).message}finally{b.disabled=false}};
`;
