import type { Curve } from './section.js'

const width = 640
const plot = 256
const left = 72
const right = 24
const bottom = 56
const legendLine = 16

/** A curve as an SVG of its own that reads on light and dark pages; the horizontal axis is logarithmic, with zero at its left end. */
export function svg({ title, x, y, lines }: Curve): string {
  const top = 32 + legendLine * lines.length
  const height = top + plot + bottom
  const points = lines.flatMap((line) => line.points)
  const ticks = [...new Set(points.map(([value]) => value))].sort((a, b) => a - b)
  const most = roundUp(Math.max(...points.map(([, value]) => value)))
  const across = horizontal(ticks)
  const up = (value: number) => height - bottom - (value / most) * plot
  const grid = [0, 0.2, 0.4, 0.6, 0.8, 1].map((share) => {
    const at = up(share * most)
    return `<path class="grid" d="M${left} ${at}H${width - right}"/>${text(left - 8, at + 4, short(share * most), 'end')}`
  })
  const drawn = lines.map((line, i) => {
    // The golden angle: neighbours differ, however many there are.
    const colour = `hsl(${(210 + i * 137) % 360} 65% 50%)`
    const places = line.points.map(([a, b]) => [across(a).toFixed(1), up(b).toFixed(1)] as const)
    const dots = places.map(([a, b]) => `<circle cx="${a}" cy="${b}" r="3.5" fill="${colour}"/>`).join('')
    const path = `<path d="M${places.map((place) => place.join(' ')).join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>`
    const legend =
      lines.length > 1
        ? text(width - right, top - 8 - legendLine * (lines.length - 1 - i), line.label, 'end', colour)
        : ''
    return path + dots + legend
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">`,
    style,
    text(left, 20, title, 'start', undefined, 'title'),
    text(left, 38, y, 'start'),
    ...grid,
    ...ticks.map((value) => text(across(value), height - bottom + 18, short(value), 'middle')),
    text((left + width - right) / 2, height - 12, x, 'middle'),
    ...drawn,
    '</svg>',
    '',
  ].join('\n')
}

const style = `<style>
text { font: 12px system-ui, sans-serif; fill: #444 } .title { font-size: 15px; font-weight: 600 } .grid { stroke: #8884 }
@media (prefers-color-scheme: dark) { text { fill: #ccc } }
</style>`

/** Where a value lies on a logarithmic axis; zero is put as far before the smallest as a factor of ten. */
function horizontal(ticks: readonly number[]): (value: number) => number {
  const positive = ticks.filter((value) => value > 0)
  const [least = 1] = positive
  const log = (value: number) => Math.log10(value > 0 ? value : least / 10)
  const from = log(ticks[0] ?? 1)
  const to = log(ticks.at(-1) ?? 10)
  return (value) => left + 12 + ((log(value) - from) / (to - from || 1)) * (width - left - right - 24)
}

function roundUp(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value))
  return Math.ceil((value / unit) * 4) * (unit / 4)
}

const short = (value: number): string =>
  value >= 1e6
    ? `${value / 1e6}M`
    : value >= 1e3
      ? `${Number((value / 1e3).toPrecision(3))}k`
      : String(Number(value.toPrecision(3)))

function text(x: number, y: number, content: string, anchor: string, colour?: string, kind?: string): string {
  const given = `${kind ? ` class="${kind}"` : ''}${colour ? ` style="fill:${colour}"` : ''}`
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${given}>${content}</text>`
}
