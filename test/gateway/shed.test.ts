/** R8: what the log says of connections that ended for want of files. */

import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { createLog } from "../../src/base/log.ts";
import { shedSilent } from "../../src/gateway/shed.ts";
import { setClock } from "../kit/scripted.ts";

test.skipIf(process.platform !== "linux")(
  "each sum is told at once, then now and then",
  async () => {
    const lines: { message: string; count: number }[] = [];
    const log = createLog({ level: "warn", write: (line) => lines.push(JSON.parse(line)) });
    const clock = setClock();
    const ended = { silent: 0, turnedAway: 0 };
    const sys = { ended: () => ({ ...ended }), closeSilent: () => 0 };
    const end = shedSilent({ clock, sys, log, ports: [1] });
    const told = () => lines.splice(0).map(({ message, count }) => [message, count]);
    expect(told()).toEqual([]);
    ended.silent = 3;
    await clock.advance(limits.handlesLookMs);
    expect(told()).toEqual([[expect.stringMatching(/that sent nothing were closed/), 3]]);
    Object.assign(ended, { silent: 1, turnedAway: 2 });
    await clock.advance(limits.handlesLookMs);
    expect(told()).toEqual([[expect.stringMatching(/were turned away/), 2]]);
    const looks = limits.handlesSayMs / limits.handlesLookMs;
    for (let look = 1; look <= looks; look += 1) await clock.advance(limits.handlesLookMs);
    expect(told()).toEqual([
      [expect.stringMatching(/that sent nothing were closed/), looks],
      [expect.stringMatching(/were turned away/), 2 * looks],
    ]);
    end();
    await clock.advance(limits.handlesSayMs);
    expect(told()).toEqual([]);
  },
);
