/** One child of a stdio server: its lines, its stderr, and the ladder that ends it. */

import { limits } from "../base/limits.ts";
import { createLineReader, type LineReader } from "../base/lines.ts";
import type { Clock } from "../base/ports.ts";
import { sizeText } from "../base/units.ts";
import { oneLine } from "../protocol/one-line.ts";
import { programFault } from "../runtime/program.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { childEnvironment } from "./child-env.ts";
import { sharedGuard } from "./guard.ts";
import { type Ended, nextMark } from "./marked.ts";
import type { ResultLimit, StdioSettings } from "./settings.ts";

export interface ServerProcess {
  readonly pid: number | undefined;
  /** One message, without its line feed. Gives its place: pass it to `answered`. */
  write(parts: readonly (string | Uint8Array)[]): number;
  /** The child answered the message at this place, so it has taken all up to there. */
  answered(place: number): void;
  /** Bytes the child has not taken yet (U14). */
  backlog(): number;
  /** So many bytes were too many: after some of them it is not read for a while (U18). */
  rest(bytes: number): void;
  /** stdin, then TERM, then KILL; resolves when it and all it started are gone. */
  stop(): Promise<void>;
  /** At once, with all of its group. */
  kill(): void;
  /** The same, for what it did: `cause` is what its exit says. */
  fail(cause: string): void;
}

export interface ProcessEvents {
  line(bytes: Uint8Array): void;
  stderr(line: string): void;
  /** Once. `cause` says how it ended, for people. */
  exit(cause: string): void;
  /** After that, when it had left processes outside of its group (U11). */
  left(ended: Ended): void;
}

export interface ProcessPorts {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string>>;
  readonly run?: string;
  readonly limits: ResultLimit;
}

export function startProcess(
  ports: ProcessPorts,
  settings: StdioSettings,
  on: ProcessEvents,
): ServerProcess {
  const gone = Promise.withResolvers<void>();
  const mark = nextMark(ports.run);
  let over = false;
  let written = 0;
  let taken = 0;
  let breach: string | undefined;
  let resting = false;
  let crowded = 0;
  const { resultBytes, resultSetting = "limits.result" } = ports.limits;
  const longest = Math.max(limits.childLineBytes, resultBytes + limits.childLineMoreBytes);
  const output = createLineReader(longest, {
    line: on.line,
    tooLong() {
      const most = `${resultSetting} is ${sizeText(resultBytes)}`;
      breach = `it wrote a line longer than ${sizeText(longest)}; ${most}`;
      child.signal("SIGKILL");
    },
  });
  const stderrReader = (): LineReader =>
    createLineReader(limits.childStderrBytes, {
      line: (bytes) => on.stderr(Buffer.from(bytes).toString("utf8")),
      tooLong() {
        on.stderr("(a line too long to keep)");
        errors = stderrReader();
      },
    });
  let errors = stderrReader();
  const guard = sharedGuard(ports.runtime);
  const env = childEnvironment(ports.env, settings.env, mark);
  const child = ports.runtime.spawn({
    command: settings.command,
    env,
    ...(settings.cwd === undefined ? {} : { cwd: settings.cwd }),
    on: {
      stdout: output.push,
      stderr: (chunk) => errors.push(chunk),
      drain: () => undefined,
      exit(code, signal, spawnError) {
        over = true;
        // What it started and left behind goes with it (U11).
        child.signal("SIGKILL");
        void endRest().then(gone.resolve);
        on.exit(breach ?? endText(settings, env["PATH"] ?? "", code, signal, spawnError));
      },
    },
  });
  if (child.pid !== undefined) guard.add(child.pid, mark);

  async function endRest(): Promise<void> {
    if (child.pid === undefined) return;
    const ending = guard.end(mark);
    guard.remove(child.pid);
    const ended = await ending;
    if (ended.pids.length > 0) on.left(ended);
  }

  return {
    pid: child.pid,
    write(parts) {
      for (const raw of parts) {
        // The call path has done this for calls; nothing may ever start a second line.
        const part = oneLine(raw);
        child.write(part);
        written += part.length;
      }
      child.write("\n");
      written += 1;
      return written;
    },
    answered(place) {
      if (place > taken) taken = place;
    },
    // Bun tells late that a busy pipe has taken what it was given: answers tell sooner.
    backlog: () => Math.min(child.backlog(), written - taken),
    rest(bytes) {
      crowded += bytes;
      if (resting || crowded < limits.crowdedBytes) return;
      resting = true;
      crowded = 0;
      child.pause();
      ports.clock.after(limits.crowdedRestMs, () => {
        resting = false;
        child.resume();
      });
    },
    async stop() {
      if (over) return gone.promise;
      child.closeStdin();
      const cancelTerm = ports.clock.after(limits.childStopMs, () => {
        child.signal("SIGTERM");
        if (child.pid !== undefined) void guard.end(mark);
      });
      const cancelKill = ports.clock.after(2 * limits.childStopMs, () => child.signal("SIGKILL"));
      await gone.promise;
      cancelTerm();
      cancelKill();
    },
    kill: () => child.signal("SIGKILL"),
    fail(cause) {
      breach ??= cause;
      child.signal("SIGKILL");
    },
  };
}

function endText(
  { command, cwd }: StdioSettings,
  paths: string,
  code: number | null,
  signal: string | null,
  spawnError?: Error,
): string {
  if (spawnError !== undefined) {
    const [program = ""] = command;
    const { code: name = spawnError.message } = spawnError as { code?: string };
    const fault = programFault(program, { cwd, paths }) ?? `"${program}": ${name}`;
    return `it could not be started: ${fault}`;
  }
  return signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`;
}
