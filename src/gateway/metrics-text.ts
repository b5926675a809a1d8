/** Prometheus' text exposition format 0.0.4, and histograms that cost no allocation to fill. */

type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly values?: readonly (readonly [Labels, number])[];
  readonly histograms?: readonly (readonly [Labels, Histogram])[];
}

export interface Histogram {
  /** Upper bounds in ms, ascending. */
  readonly bounds: readonly number[];
  /** Not yet cumulated; the last is "over all bounds". */
  readonly counts: Float64Array;
  /** ms. */
  readonly sum: () => number;
  add(ms: number): void;
}

export function createHistogram(bounds: readonly number[]): Histogram {
  const counts = new Float64Array(bounds.length + 1);
  let sum = 0;
  return {
    bounds,
    counts,
    sum: () => sum,
    add(ms) {
      let at = 0;
      while (at < bounds.length && ms > bounds[at]!) at += 1;
      counts[at]! += 1;
      // A clock cannot run back, but nothing here may make a sum fall.
      if (ms > 0) sum += ms;
    },
  };
}

export function sampleText({ name, type, help, values = [], histograms = [] }: Sample): string {
  const lines = [`# HELP ${name} ${escaped(help, false)}`, `# TYPE ${name} ${type}`];
  for (const [labels, value] of values) lines.push(`${name}${labelText(labels)} ${value}`);
  for (const [labels, histogram] of histograms) {
    const { bounds, counts, sum } = histogram;
    let count = 0;
    for (const [at, bound] of [...bounds, Number.POSITIVE_INFINITY].entries()) {
      count += counts[at]!;
      const le = bound === Number.POSITIVE_INFINITY ? "+Inf" : String(bound / 1000);
      lines.push(`${name}_bucket${labelText({ ...labels, le })} ${count}`);
    }
    lines.push(`${name}_sum${labelText(labels)} ${sum() / 1000}`);
    lines.push(`${name}_count${labelText(labels)} ${count}`);
  }
  return `${lines.join("\n")}\n`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value, true)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string, quotes: boolean): string {
  const safe = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return quotes ? safe.replaceAll('"', '\\"') : safe;
}
