/**
 * Processes of servers that outlived their gateway: found by the mark in their environment, at the
 * start those of earlier runs of this data_dir, at the end those of this run (U11, U12).
 */

import process from "node:process";
import type { Log } from "../base/log.ts";
import { canFindMarked, endMarked, findMarked, markName, runOf } from "../upstream/marked.ts";
import { markOfDataDir } from "./owner.ts";

export { canFindMarked, markName };

/** Of earlier runs of the data_dir whose present run this is. Resolves when they are gone. */
export async function endLeftovers(run: string, log: Log): Promise<void> {
  if (process.env[markName] !== undefined) {
    log.warn("this gateway was started by a server of a gateway, and ends with that one");
  }
  await end((mark) => isEarlier(mark, run), "ended processes of an earlier run", log);
}

/** Of this run: after the last server was stopped there should be none. */
export function endOwn(run: string, log: Log): Promise<void> {
  return end((mark) => runOf(mark) === run, "ended processes that servers left behind", log);
}

/** For doctor: what no gateway of this data_dir looks after; `run` is that of the one that runs. */
export async function leftovers(dataDir: string, run: string | undefined): Promise<number[]> {
  const dir = await markOfDataDir(dataDir);
  if (dir === undefined) return [];
  const found = await findMarked((mark) => isEarlier(mark, run ?? `${dir}.`));
  return found.map(({ pid }) => pid);
}

function isEarlier(mark: string, run: string): boolean {
  const dir = run.slice(0, run.indexOf(".") + 1);
  return mark.startsWith(dir) && runOf(mark) !== run;
}

async function end(wanted: (mark: string) => boolean, text: string, log: Log): Promise<void> {
  const { pids, left } = await endMarked(wanted);
  if (pids.length > 0) log.warn(text, { pids: pids.join() });
  if (left.length === 0) return;
  log.error("processes of servers cannot be ended", { code: "GW_STRAYS", pids: left.join() });
}
