//! How the pages look: system fonts, two columns where there is room, one on a phone, light and dark.

pub(super) const CSS: &str = r"
:root { --ink: #1d2433; --soft: #5b6478; --line: #dfe3ea; --paper: #ffffff; --ground: #f4f6f9; --accent: #2f5d50;
  --accent-ink: #ffffff; --alert: #a3262a; --alert-ground: #fdf1f0; --note: #fff6dd; --note-ink: #5c4700; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf3; --soft: #a3adbf; --line: #343c4c; --paper: #1b212d;
  --ground: #12161f; --accent: #7fc4ae; --accent-ink: #0d1a16; --alert: #ff9c97; --alert-ground: #3a1f22;
  --note: #3a3114; --note-ink: #f6e3a8; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif; }
.banner { margin: 0; padding: .6rem 1rem; text-align: center; background: var(--note); color: var(--note-ink); font-size: .9rem; }
main { flex: 1; width: 100%; margin: 0 auto; }
main.checkout { max-width: 62rem; display: grid; grid-template-columns: 1fr 1fr; gap: 3.5rem; padding: 3rem 2rem; align-items: start; }
main.card { max-width: 30rem; margin: 4rem auto; padding: 2.5rem 2rem; background: var(--paper); border: 1px solid var(--line);
  border-radius: 14px; flex: none; text-align: center; }
h1 { font-size: 1.05rem; font-weight: 500; color: var(--soft); margin: 0 0 .25rem; overflow-wrap: anywhere; }
main.card h1 { font-size: 1.4rem; font-weight: 650; color: var(--ink); }
h2 { font-size: 1.15rem; margin: 0 0 1.25rem; }
.total { font-size: 2.4rem; font-weight: 680; letter-spacing: -.02em; margin: 0 0 1.75rem; font-variant-numeric: tabular-nums; }
main.card .total { font-size: 2rem; margin: .5rem 0 1rem; }
.back { display: inline-block; margin-bottom: 1.5rem; color: var(--soft); text-decoration: none; }
.back:hover { text-decoration: underline; }
.items { list-style: none; margin: 0; padding: 0; }
.items li, .sum { display: flex; justify-content: space-between; gap: 1.5rem; padding: .9rem 0; border-top: 1px solid var(--line); }
.items .name { display: block; font-weight: 560; overflow-wrap: anywhere; }
.items .detail { display: block; color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
.amount { white-space: nowrap; font-variant-numeric: tabular-nums; }
.sum { font-weight: 680; border-bottom: 1px solid var(--line); }
.pay { background: var(--paper); border: 1px solid var(--line); border-radius: 14px; padding: 2rem; }
.field { margin-bottom: 1.1rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
label { display: block; font-size: .9rem; font-weight: 560; margin-bottom: .3rem; }
input, select { width: 100%; min-height: 46px; padding: .55rem .75rem; font: inherit; color: inherit; background: var(--paper);
  border: 1px solid #8a93a5; border-radius: 8px; }
input::placeholder { color: #8a93a5; }
input[aria-invalid=true] { border-color: var(--alert); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.error { color: var(--alert); font-size: .9rem; margin: .3rem 0 0; }
.alert { color: var(--alert); background: var(--alert-ground); border-radius: 8px; padding: .75rem 1rem; margin: 0 0 1.25rem; }
button { width: 100%; min-height: 52px; padding: .75rem 1rem; font: inherit; font-weight: 650; color: var(--accent-ink);
  background: var(--accent); border: 0; border-radius: 8px; cursor: pointer; margin-top: .4rem; }
button:hover { filter: brightness(1.08); }
button.secondary { background: transparent; color: var(--ink); border: 1px solid #8a93a5; }
details { margin-top: 1.5rem; font-size: .9rem; }
summary { cursor: pointer; color: var(--soft); }
table { width: 100%; border-collapse: collapse; margin: .75rem 0; }
th, td { text-align: left; padding: .35rem .5rem .35rem 0; border-bottom: 1px solid var(--line); font-weight: 400; vertical-align: top; }
code { font: .86rem ui-monospace, SFMono-Regular, Menlo, monospace; white-space: nowrap; }
.note, footer { color: var(--soft); font-size: .85rem; }
footer { text-align: center; padding: 1.5rem; }
.mark { width: 3.4rem; height: 3.4rem; line-height: 3.4rem; margin: 0 auto 1.25rem; border-radius: 50%; background: var(--accent);
  color: var(--accent-ink); font-size: 1.7rem; }
a { color: var(--accent); }
@media (max-width: 48rem) { main.checkout { grid-template-columns: 1fr; gap: 1.75rem; padding: 1.5rem 1rem; }
  .pay { padding: 1.25rem; } main.card { margin: 1.5rem 1rem; width: auto; } .total { margin-bottom: 1rem; } }
@media print { .banner, footer, details { display: none; } main.card { border: 0; } }
";
