//! How the pages look: system fonts, two columns where there is room, one on a phone, light and dark.

pub(super) const CSS: &str = r"
:root { --ink: #1d2433; --soft: #565f72; --line: #d3d8e1; --edge: #808a9d; --paper: #ffffff; --ground: #f4f6f9; --accent: #2f5d50;
  --accent-ink: #ffffff; --alert: #a3262a; --alert-ground: #fdf1f0; --note: #fff6dd; --note-ink: #5c4700; --note-edge: #e0c878; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf3; --soft: #a3adbf; --line: #343c4c; --edge: #768095; --paper: #1b212d;
  --ground: #12161f; --accent: #7fc4ae; --accent-ink: #0d1a16; --alert: #ff9c97; --alert-ground: #3a1f22;
  --note: #3a3114; --note-ink: #f6e3a8; --note-edge: #7a6a2e; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: var(--ground); color: var(--ink);
  overflow-wrap: break-word; font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif; }
.banner { margin: 0; padding: .6rem 1rem; text-align: center; background: var(--note); color: var(--note-ink); font-size: .9rem; }
main { flex: 1; width: 100%; margin: 0 auto; }
.checkout { max-width: 66rem; margin: 0 auto; display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 3.5rem;
  padding: 3rem 2rem; align-items: start; }
main.card { max-width: 32rem; margin: 4rem auto; padding: 2.5rem 2rem; background: var(--paper); border: 1px solid var(--line);
  border-radius: 14px; flex: none; text-align: center; }
h1 { font-size: 1.1rem; font-weight: 500; color: var(--soft); margin: 0 0 .25rem; overflow-wrap: anywhere; }
h1.large { font-size: 1.6rem; line-height: 1.25; font-weight: 650; color: var(--ink); }
main.card h1 { font-size: 1.4rem; line-height: 1.3; font-weight: 650; color: var(--ink); margin-bottom: .4rem; }
main.card h1 + .hint { margin: 0 0 1rem; }
main.card > :last-child { margin-bottom: 0; }
h2 { font-size: 1.05rem; margin: 0 0 .5rem; }
.total { font-size: 2.4rem; line-height: 1.2; font-weight: 680; letter-spacing: -.02em; margin: 0; font-variant-numeric: tabular-nums; }
.per { font-size: 1.1rem; font-weight: 500; letter-spacing: 0; color: var(--soft); white-space: nowrap; }
.every { margin: .2rem 0 0; color: var(--soft); }
main.card .total { font-size: 2rem; margin: .5rem 0 1rem; }
main.card .total + .every { margin: -.75rem 0 1rem; }
.back { display: inline-block; margin-bottom: 1.5rem; color: var(--soft); text-decoration: none; }
.back:hover { text-decoration: underline; }
.items { list-style: none; margin: 1.75rem 0 0; padding: 0; }
.items li { display: flex; justify-content: space-between; gap: 1.5rem; padding: .9rem 0; border-top: 1px solid var(--line); }
.what { min-width: 0; flex: 1; }
.name { display: block; font-weight: 560; overflow-wrap: anywhere; }
.detail { display: block; font-weight: 400; color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
.amount { white-space: nowrap; font-variant-numeric: tabular-nums; }
.quantity { margin-top: .5rem; }
.quantity label { display: inline; margin-right: .5rem; }
.quantity input { width: 6rem; min-height: 42px; display: inline-block; margin-right: .5rem; }
.quantity .hint { display: inline-block; white-space: nowrap; }
.items .field { margin: .6rem 0 0; max-width: 18rem; }
.summary fieldset { margin: 0; padding: 1rem 0 .25rem; border-top: 1px solid var(--line); }
.offer, .choice { display: flex; align-items: center; gap: .75rem 1.25rem; padding: .6rem 0; }
.offer { justify-content: space-between; flex-wrap: wrap; }
.offer .what { flex-basis: 9rem; }
.offer .quantity { margin: 0; }
.choice label { flex: 1; margin: 0; font-size: 1rem; cursor: pointer; }
.take { display: flex; align-items: center; gap: .5rem; }
.take input { margin: 0; }
.take label { margin: 0; cursor: pointer; }
.summary > .field, .applied { border-top: 1px solid var(--line); padding-top: 1rem; margin-bottom: 1rem; }
.joined { display: flex; gap: .6rem; }
.joined input { flex: 1; min-width: 0; }
.joined button { width: auto; margin: 0; min-height: 46px; }
.applied { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 1rem; overflow-wrap: anywhere; }
.figures { margin-top: 1.25rem; border-top: 1px solid var(--line); padding-top: .6rem; }
.row, .sum { display: flex; justify-content: space-between; gap: 1.5rem; padding: .25rem 0; }
.row { color: var(--soft); }
.sum { font-weight: 680; padding: .6rem 0; }
.pay { background: var(--paper); border: 1px solid var(--line); border-radius: 14px; padding: 2rem; }
fieldset { border: 0; margin: 0 0 1.5rem; padding: 0; min-width: 0; }
legend { padding: 0; margin-bottom: .75rem; font-size: 1.05rem; font-weight: 650; float: left; width: 100%; }
legend + * { clear: both; }
.part { margin: 1.25rem 0 .75rem; font-weight: 650; }
.field { margin-bottom: 1rem; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 1rem; }
/* Labels of a pair end, and fields begin, at the same height, however the labels wrap. */
.pair .field { display: grid; grid-template-rows: subgrid; grid-row: span 4; }
.pair label { align-self: end; }
label { display: block; font-size: .9rem; font-weight: 560; margin-bottom: .3rem; }
.optional { color: var(--soft); font-weight: 400; white-space: nowrap; }
input, select { width: 100%; min-height: 46px; padding: .55rem .75rem; font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--edge); border-radius: 8px; }
input[type=checkbox], input[type=radio] { width: 1.2rem; height: 1.2rem; min-height: 0; margin: .15rem 0 0; flex: none; accent-color: var(--accent); }
input[readonly] { background: var(--ground); border-style: dashed; }
/* Drawn, for the page fetches no picture. */
select { appearance: none; padding-right: 2.25rem; text-overflow: ellipsis; background-repeat: no-repeat; background-size: .4rem .4rem;
  background-image: linear-gradient(45deg, transparent 50%, var(--soft) 50%), linear-gradient(-45deg, transparent 50%, var(--soft) 50%);
  background-position: right 1.2rem top 54%, right .85rem top 54%; }
input::placeholder { color: var(--soft); opacity: 1; }
[aria-invalid=true] { border-color: var(--alert); }
[type=checkbox][aria-invalid=true] { outline: 2px solid var(--alert); outline-offset: 1px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.check { display: flex; flex-wrap: wrap; align-items: flex-start; gap: .3rem .65rem; }
.check label { flex: 1; margin: 0; font-weight: 400; font-size: .95rem; white-space: pre-line; overflow-wrap: anywhere; cursor: pointer; }
.check .error, .check .hint, .applied .error { width: 100%; margin: 0; }
.check .error, .check .hint { padding-left: 1.85rem; }
.check:has(#same_address:checked) + .billing { display: none; }
.method-options { border: 1px solid var(--edge); border-radius: 8px; margin-bottom: 1rem; }
.method-option { display: grid; grid-template-columns: auto 1fr; align-items: start; gap: 0 .65rem; padding: .8rem 1rem; }
.method-option + .method-option { border-top: 1px solid var(--line); }
.method-option > label { margin: 0; font-size: 1rem; cursor: pointer; }
.panel { display: none; grid-column: 1 / -1; padding-top: .9rem; }
.method-option input:checked ~ .panel { display: block; }
.hint { color: var(--soft); font-size: .88rem; margin: .3rem 0 0; }
legend + .hint { margin: 0 0 .9rem; }
.said { white-space: pre-line; overflow-wrap: anywhere; margin: 0 0 1rem; font-size: .95rem; }
.pay-button + .said { margin: 1rem 0 0; }
.error { color: var(--alert); font-size: .9rem; margin: .3rem 0 0; }
.again { color: var(--note-ink); background: var(--note); border-radius: 8px; padding: .5rem .75rem; margin: 0 0 1rem; font-size: .9rem; }
.alert { color: var(--alert); background: var(--alert-ground); border: 1px solid var(--alert); border-radius: 8px; padding: .75rem 1rem; margin: 0 0 1.25rem; }
.alerts { grid-column: 1 / -1; margin-bottom: -2rem; }
.alerts .alert:last-child { margin: 0; }
.alert.changed { color: var(--note-ink); background: var(--note); border-color: var(--note-edge); }
.alerts:focus-visible { outline: none; }
.alerts:focus-visible .alert { box-shadow: 0 0 0 2px currentcolor; }
.alert p { margin: 0; }
.alert ul { margin: .3rem 0 0; padding-left: 1.2rem; }
.alert a { color: inherit; }
button { width: 100%; min-height: 52px; padding: .75rem 1rem; font: inherit; font-weight: 650; color: var(--accent-ink);
  background: var(--accent); border: 0; border-radius: 8px; cursor: pointer; margin-top: .4rem; }
button + button { margin-top: .75rem; }
button:hover { filter: brightness(1.08); }
button.secondary { background: transparent; color: var(--ink); border: 1px solid var(--edge); }
button.update { min-height: 46px; margin-top: 1rem; }
.pay button.update { margin: 0 0 1rem; }
button.quiet { width: auto; min-height: 44px; margin: 0 -.5rem 0 0; padding: .25rem .5rem; background: transparent; color: var(--accent); text-decoration: underline; }
details { margin: 0 0 1rem; font-size: .9rem; }
details.tiers { margin: .25rem 0 0; max-width: 18rem; }
summary { cursor: pointer; color: var(--soft); padding: .2rem 0; }
table { width: 100%; border-collapse: collapse; margin: .5rem 0; }
th, td { text-align: left; padding: .35rem .5rem .35rem 0; border-bottom: 1px solid var(--line); font-weight: 400; vertical-align: top; }
code { font: .86rem ui-monospace, SFMono-Regular, Menlo, monospace; white-space: nowrap; }
.note, footer { color: var(--soft); font-size: .85rem; }
footer { text-align: center; padding: 1.5rem; margin-top: auto; }
.mark { width: 3.4rem; height: 3.4rem; line-height: 3.4rem; margin: 0 auto 1.25rem; border-radius: 50%; background: var(--accent);
  color: var(--accent-ink); font-size: 1.7rem; }
.mark.waits { background: var(--note); color: var(--note-ink); }
.mark.failed { background: var(--alert-ground); color: var(--alert); }
.transfer, .bought, .facts { text-align: left; margin-top: 1.75rem; }
.bought .items { margin: 0; }
.bought .items li:last-child { border-bottom: 1px solid var(--line); }
.bought .sum { padding-bottom: .25rem; }
.bought + .said { margin: 1.25rem 0 0; }
.transfer .note { margin: .75rem 0 0; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .4rem 1.25rem; margin: 0; padding: 1rem; background: var(--ground); border-radius: 8px; }
dt { color: var(--soft); }
dd { margin: 0; font-weight: 560; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
a { color: var(--accent); }
.hidden { position: absolute; width: 1px; height: 1px; min-height: 0; margin: -1px; padding: 0; border: 0; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 48rem) { .checkout { grid-template-columns: minmax(0, 1fr); gap: 1.75rem; padding: 1.5rem 1rem; }
  .alerts { margin-bottom: -.5rem; }
  .pay { padding: 1.25rem; } main.card { margin: 1.5rem auto; width: calc(100% - 2rem); padding: 1.75rem 1.25rem; } .items { margin-top: 1rem; } }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } dd:last-child { margin: 0; } }
@media (max-width: 24rem) { .pair { grid-template-columns: minmax(0, 1fr); } }
@media print { .banner, footer, details { display: none; } main.card { border: 0; } }
";
