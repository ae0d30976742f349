const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** A histogram of seconds with one label, in Prometheus' words. prom-client's takes a microsecond a value, which is felt here; this takes a fiftieth. */
export class Histogram {
  private readonly series = new Map<string, Series>()

  constructor(
    private readonly name: string,
    private readonly help: string,
    private readonly label: string,
  ) {}

  observe(value: string, seconds: number): void {
    let series = this.series.get(value)
    if (!series) {
      series = { sum: 0, counts: new Array(bounds.length + 1).fill(0) }
      this.series.set(value, series)
    }
    let bucket = 0
    while (bucket < bounds.length && seconds > (bounds[bucket] ?? 0)) bucket++
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1
    series.sum += seconds
  }

  /** The lines of the exposition format; values of the label need no escapes. */
  text(): string {
    const lines = [`# HELP ${this.name} ${this.help}`, `# TYPE ${this.name} histogram`]
    for (const [value, { counts, sum }] of this.series) {
      const label = `${this.label}="${value}"`
      let total = 0
      for (const [index, count] of counts.entries()) {
        total += count
        lines.push(`${this.name}_bucket{${label},le="${bounds[index] ?? '+Inf'}"} ${total}`)
      }
      lines.push(`${this.name}_sum{${label}} ${sum}`, `${this.name}_count{${label}} ${total}`)
    }
    return `${lines.join('\n')}\n`
  }
}

interface Series {
  sum: number
  /** The last is for whatever is above every bound. */
  readonly counts: number[]
}
