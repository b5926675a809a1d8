/** Signals while a demo runs: noticed from its start on, so that nothing it started is left. */

import process from "node:process";

export interface Interruption {
  /** Resolves at the first signal with the exit code that a shell expects: 130, 143 or 129. */
  readonly code: Promise<number>;
  /** Gives the signals back. */
  end(): void;
}

export function interruption(): Interruption {
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  const names = Object.keys(codes) as (keyof typeof codes)[];
  let tell: (code: number) => void = () => undefined;
  const code = new Promise<number>((resolve) => {
    tell = resolve;
  });
  const heard = (name: NodeJS.Signals) => tell(codes[name as keyof typeof codes]);
  for (const name of names) process.on(name, heard);
  return {
    code,
    end() {
      for (const name of names) process.off(name, heard);
    },
  };
}
