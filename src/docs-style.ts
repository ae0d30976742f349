/** The style of `GET /docs`, in light and in dark. */
export const style = `
:root { color-scheme: light dark; --ink: light-dark(#1c2128, #dde3ea); --dim: light-dark(#59636e, #9aa5b1);
  --line: light-dark(#d5dbe1, #363e48); --soft: light-dark(#f4f6f8, #1e242b); --back: light-dark(#ffffff, #14181d); --mark: light-dark(#0b5cad, #78b7f5); }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); display: grid; grid-template-columns: 17rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem; border-right: 1px solid var(--line); background: var(--soft); }
nav ul { list-style: none; margin: 0; padding: 0; } nav li { font-size: .875rem; overflow-wrap: anywhere; }
main { padding: 1.5rem 2rem 4rem; max-width: 64rem; }
a { color: var(--mark); text-decoration: none; } a:hover, a:focus-visible { text-decoration: underline; }

.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: .25rem; padding: .25rem .5rem; background: var(--back); }
h1 { font-size: 1.75rem; margin: 0 0 .5rem; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .25rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: .95rem; margin: 1.25rem 0 .25rem; } p { margin: .25rem 0; } .dim { color: var(--dim); }
code, pre { font: .875em/1.5 ui-monospace, monospace; } pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
th { color: var(--dim); font-weight: 600; }
@media (max-width: 48rem) { body { display: block; } nav { position: static; height: auto; max-height: 40vh; border-right: 0; border-bottom: 1px solid var(--line); } main { padding: 1rem; } }
`
