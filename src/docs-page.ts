import { createHash } from 'node:crypto'
import type { Published } from './command.js'
import { type Row, rowsOf } from './docs-rows.js'
import { style } from './docs-style.js'

/** What `GET /docs` may do in a browser: show itself. */
export const docsPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** The commands as a page for people: no scripts, nothing loaded from anywhere. */
export function docsPage(commands: readonly Published[], version: string): string {
  const links = commands.map(({ name }) => `<li><a href="#${escaped(name)}">${escaped(name)}</a></li>`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Countersign: commands</title>
<style>${style}</style>
</head>
<body>
<a class="skip" href="#main">To the text</a>
<nav aria-label="Commands"><ul>${links.join('')}</ul></nav>
<main id="main">
<h1>Commands of this gateway</h1>
<p class="dim">Countersign ${escaped(version)}. The same for programs: <a href="openapi.json">openapi.json</a>.</p>
<p>Every command is a JSON object, POSTed to <code>/control</code>: its name in <code>cmd</code>, its parameters beside it, with
<code>api_key</code>, <code>timestamp</code> (Unix seconds) and, so that a retry is safe, <code>idempotency_key</code>. The header
<code>Countersign-Signature</code> is the base64 HMAC-SHA256 of the body’s bytes under the key’s secret.</p>
<pre>${escaped(request)}</pre>
${commands.map(section).join('\n')}
</main>
</body>
</html>
`
}

const request = `BODY='{"cmd":"ping","api_key":"ck_…","timestamp":'$(date +%s)'}'
curl -H "Countersign-Signature: $(printf %s "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -binary | openssl base64 -A)" --data-binary "$BODY" …/control`

function section({ name, summary, permission, params, result, codes, example }: Published): string {
  const needs =
    permission === null ? 'No permission is needed.' : `Needs the permission <code>${escaped(permission)}</code>.`
  const shown = example && JSON.stringify({ cmd: name, ...example.params })
  return `<section id="${escaped(name)}">
<h2><a href="#${escaped(name)}">${escaped(name)}</a></h2>
<p>${escaped(summary)}. <span class="dim">${needs}</span></p>
${shown === undefined ? '' : `<pre>${escaped(shown)}</pre>`}
${members('Parameters', rowsOf(params))}
${members('Result', rowsOf(result))}
<h3>Codes</h3>
${table(
  ['code', 'name', 'message'],
  codes.map((entry) => [`<code>${entry.code}</code>`, `<code>${escaped(entry.name)}</code>`, escaped(entry.message)]),
)}
</section>`
}

function members(title: string, rows: readonly Row[]): string {
  if (rows.length === 0) return ''
  const cells = rows.map(({ path, type, required, meaning }) => [
    `<code>${escaped(path)}</code>`,
    escaped(type) + (required ? ', required' : ''),
    escaped(meaning),
  ])
  return `<h3>${title}</h3>\n${table(['member', 'type', 'meaning'], cells)}`
}

const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<div class="table"><table><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr></thead><tbody>${rows
    .map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
    .join('')}</tbody></table></div>`

const entities = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
])

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => entities.get(character) ?? '')
