//! How the pages look: one sheet of paper, system fonts, light and dark, and lines that become cards on a phone.

pub(super) const CSS: &str = r"
:root { color-scheme: light dark; --ink: #1b2130; --soft: #586174; --line: #dde1e8; --paper: #ffffff; --ground: #f3f5f8;
  --accent: #1f5f4d; --accent-ink: #ffffff; --good: #1b6b47; --good-ground: #e4f4ec; --alert: #a3262a; --alert-ground: #fcecea;
  --calm: #4a5468; --calm-ground: #e9edf3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9edf4; --soft: #a5afc0; --line: #333c4d; --paper: #1a202c; --ground: #11151d;
  --accent: #7fcdb3; --accent-ink: #0b1b15; --good: #8fdcb4; --good-ground: #173527; --alert: #ffa39e; --alert-ground: #3d2023;
  --calm: #c3ccda; --calm-ground: #2a3241; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink); overflow-wrap: break-word;
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif; }
main { max-width: 50rem; margin: 2.5rem auto 1.5rem; padding: 2.5rem 3rem; background: var(--paper); border: 1px solid var(--line);
  border-radius: 16px; }
main.short { max-width: 34rem; margin-top: 5rem; text-align: center; }
header { display: flex; justify-content: space-between; align-items: flex-start; gap: 1rem 2rem; flex-wrap: wrap; }
.seller { margin: 0; font-size: 1.2rem; font-weight: 680; letter-spacing: -.01em; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1rem; font-weight: 500; color: var(--soft); overflow-wrap: anywhere; }
.short h1 { font-size: 1.4rem; font-weight: 650; color: var(--ink); margin-bottom: .5rem; }
.short p { color: var(--soft); margin: 0; }
h2 { margin: 2.25rem 0 .5rem; font-size: 1rem; font-weight: 650; }
.ask { margin: 2rem 0; padding: 1.5rem 1.75rem; background: var(--ground); border-radius: 12px; display: flex; flex-wrap: wrap;
  justify-content: space-between; align-items: center; gap: 1.25rem 2rem; }
.ask p { margin: 0; }
.label { color: var(--soft); font-size: .92rem; display: flex; flex-wrap: wrap; gap: .25rem .6rem; align-items: center; }
.amount { font-size: 2.3rem; line-height: 1.2; font-weight: 680; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.detail { color: var(--soft); }
.overdue .detail, .void .detail { color: var(--alert); font-weight: 560; }
.state { padding: .1rem .6rem; border-radius: 999px; font-size: .8rem; font-weight: 620; color: var(--calm); background: var(--calm-ground); }
.paid .state { color: var(--good); background: var(--good-ground); }
.overdue .state, .void .state { color: var(--alert); background: var(--alert-ground); }
.go { text-align: center; max-width: 17rem; }
.pay { display: inline-block; width: 100%; min-height: 52px; padding: .8rem 1.75rem; border-radius: 10px; background: var(--accent);
  color: var(--accent-ink); font-weight: 650; font-size: 1.05rem; text-decoration: none; font-variant-numeric: tabular-nums; }
.pay:hover { filter: brightness(1.08); }
.ask .hint { color: var(--soft); font-size: .84rem; line-height: 1.4; margin-top: .5rem; }
.transfer { margin: 2rem 0; }
.transfer h2 { margin-top: 0; }
.transfer dl { margin: 0; display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, auto)); gap: .75rem 2rem; justify-content: start; }
.transfer dl > div + div { margin: 0; }
.transfer p { margin: .75rem 0 0; color: var(--soft); }
.small { margin: 2rem 0 0; color: var(--soft); font-size: .84rem; white-space: pre-line; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1.5rem 2rem; }
.facts p, .facts dl { margin: 0; }
.party { font-style: normal; overflow-wrap: anywhere; }
.party span { display: block; }
.party .kind, dt { color: var(--soft); font-size: .88rem; }
.party .name { font-weight: 620; }
dl > div + div { margin-top: .5rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.said { white-space: pre-line; margin: 2rem 0 0; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.lines { margin-top: 2rem; }
th { text-align: left; vertical-align: bottom; color: var(--soft); font-size: .85rem; font-weight: 500; line-height: 1.35; }
th, td { padding: .6rem 0 .6rem 1.25rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 0; }
td { vertical-align: top; }
.figure { text-align: right; white-space: nowrap; }
td.what { overflow-wrap: anywhere; white-space: pre-line; width: 50%; }
.lines td.what { font-weight: 560; }
.aside { display: block; color: var(--soft); font-size: .84rem; font-weight: 400; }
.sums { margin: 0 0 0 auto; width: min(100%, 24rem); }
.sums td, .sums th { border: 0; padding-top: .3rem; padding-bottom: .3rem; color: inherit; font-size: inherit; vertical-align: top; }
.sums tr:first-child > * { padding-top: .9rem; }
.sums .strong > * { font-weight: 680; }
.sums th { font-weight: 400; color: var(--soft); }
.sums .strong th { color: var(--ink); }
.beside { margin: .75rem 0 0; color: var(--soft); font-size: .92rem; overflow-wrap: anywhere; }
.notes { margin: 0; padding: 0; list-style: none; color: var(--soft); }
.files { margin: 0; padding: 0; list-style: none; border-top: 1px solid var(--line); }
.files a { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; padding: .8rem 0; border-bottom: 1px solid var(--line);
  color: inherit; text-decoration: none; }
.files a:hover .title { text-decoration: underline; }
.files .title { color: var(--accent); font-weight: 600; overflow-wrap: anywhere; }
.files .aside { display: inline; font-variant-numeric: tabular-nums; }
footer { max-width: 50rem; margin: 0 auto; padding: 0 1rem 2.5rem; }
nav { display: flex; flex-wrap: wrap; justify-content: center; gap: 0 1.1rem; font-size: .88rem; }
nav a, nav span { display: inline-block; padding: .6rem 0; color: var(--soft); }
nav [aria-current] { color: var(--ink); font-weight: 620; }
a:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 6px; }
.hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 44rem) {
  main { margin: 0 0 1rem; padding: 1.5rem 1.1rem 2rem; border-width: 0 0 1px; border-radius: 0; }
  main.short { margin-top: 0; padding: 4rem 1.25rem; }
  .ask { margin: 1.5rem 0; padding: 1.25rem; }
  .go { max-width: none; width: 100%; }
  .amount { font-size: 2rem; }
  .facts { grid-template-columns: minmax(0, 1fr); gap: 1.25rem; }
  dl { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: .75rem 1rem; }
  dl > div + div { margin: 0; }
  .cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .cards, .cards tbody { display: block; }
  .cards tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .1rem 1rem; padding: .8rem 0; border-bottom: 1px solid var(--line); }
  .cards tr:first-child { border-top: 1px solid var(--line); }
  .cards td { display: contents; }
  .cards td.what { display: block; grid-column: 1 / -1; width: auto; padding: 0; border: 0; }
  .cards td::before { content: attr(data-label); color: var(--soft); font-size: .88rem; text-align: left; }
  .cards td.what::before { content: none; }
  .cards td > span { text-align: right; }
}
@media print { body { background: none; } main { margin: 0; padding: 0; border: 0; max-width: none; } .go, .files, .documents, footer { display: none; } }
";
