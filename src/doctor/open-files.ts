/** Files and connections a gateway has open: without any left it cannot even say so. */

import { readdirSync, readFileSync } from "node:fs";
import { type Finding, finding } from "./finding.ts";
import type { World } from "./world.ts";

/** Read of the process itself: a limit can be raised while it runs, and it may not answer. */
export function openFileFindings(world: World): readonly Finding[] {
  const { gateway } = world;
  const pid = gateway.kind === "up" ? gateway.status.pid : pidOf(world);
  if (pid === undefined) return [];
  const live = gateway.kind === "up" ? gateway.live : undefined;
  const gauge = live?.gauges.gauges.find(({ name }) => name === "file_handles");
  const used = openFiles(pid) ?? gauge?.used;
  const [soft, hard] = openFilesLimits(pid);
  const most = soft ?? gauge?.limit ?? null;
  if (used === undefined || most === null || used < most * 0.9) return [];
  return [
    finding({
      link: "gateway",
      severity: used >= most - 1 ? "error" : "warning",
      code: "GW_FILE_HANDLES",
      saw: `process ${pid} has ${used} of ${most} files and connections open`,
      cause: "many agents and servers, or a limit that is too low",
      effect: "new connections and servers fail until others close",
      // Without more rights a process may be given what its hard limit says.
      ...(hard === undefined || hard <= most ? {} : { fix: raise(pid, hard) }),
    }),
  ];
}

function pidOf({ gateway }: World): number | undefined {
  return gateway.kind === "silent" ? gateway.pid : undefined;
}

function raise(pid: number, hard: number): string {
  return `prlimit --pid ${pid} --nofile=${hard}:`;
}

function openFiles(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined; // another user's process, or no /proc
  }
}

/** Soft and hard. */
function openFilesLimits(pid: number): readonly [number | undefined, number | undefined] {
  try {
    const text = readFileSync(`/proc/${pid}/limits`, "utf8");
    const found = text.match(/^Max open files\s+(\d+)\s+(\d+)/m);
    return found === null ? [undefined, undefined] : [Number(found[1]), Number(found[2])];
  } catch {
    return [undefined, undefined]; // another user's process, or no /proc
  }
}
