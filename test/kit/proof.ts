/** What every `prove:*` script shares: flags, bars, figures last, exit code. */

import process from "node:process";

export interface Proof {
  readonly full: boolean;
  /** Value of `--name VALUE`, else the default of this run. */
  option(name: string, short: number, full: number): number;
  say(text: string): void;
  /** One line of the result; a bar that does not hold makes the exit code 1. */
  bar(what: string, figure: string | number, holds: boolean): void;
  /** Prints all bars and ends the process. */
  end(): never;
}

export function proof(name: string): Proof {
  const full = process.argv.includes("--full");
  const began = performance.now();
  const bars: { what: string; figure: string; holds: boolean }[] = [];
  const say = (text: string) => {
    const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(6);
    process.stdout.write(`${seconds} s  ${text}\n`);
  };
  return {
    full,
    option(flag, short, long) {
      const at = process.argv.indexOf(`--${flag}`);
      return at > 0 ? Number(process.argv[at + 1]) : full ? long : short;
    },
    say,
    bar: (what, figure, holds) => bars.push({ what, figure: String(figure), holds }),
    end() {
      say(`${name}: ${full ? "full" : "short"} run`);
      for (const { what, figure, holds } of bars) {
        process.stdout.write(`${holds ? "ok  " : "MISS"} ${what}: ${figure}\n`);
      }
      const missed = bars.filter((entry) => !entry.holds).length;
      process.stdout.write(`${name}: ${bars.length - missed} passed, ${missed} failed\n`);
      process.exit(missed === 0 && bars.length > 0 ? 0 : 1);
    },
  };
}
