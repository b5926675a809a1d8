/** What is over: from the history ring, with first and last time, how often, and receipts. */

import type { ErrorCode } from "../base/errors.ts";
import type { HistoryEntry } from "../gateway/history.ts";
import { type Finding, finding } from "./finding.ts";
import { keyFix } from "./key-fix.ts";
import { type Period, periodsOf, runsOf } from "./periods.ts";
import { clockText, sinceText, spanText } from "./times.ts";
import type { World } from "./world.ts";

export async function checkPast(world: World): Promise<readonly Finding[]> {
  const ids = world.history.flatMap((entry) =>
    entry.kind === "state" && entry.of === "server" ? [entry.id] : [],
  );
  const servers = [...new Set(ids)].filter((id) => [undefined, id].includes(world.server));
  return [
    ...killed(world),
    ...over(world, "store"),
    ...servers.flatMap((id) => over(world, "server", id)),
    ...(await troubles(world)),
  ];
}

/** A run without its stop, before the one that runs now. */
function killed(world: World): Finding[] {
  const runs = runsOf(world.history);
  const before = runs.slice(0, -1).filter((run) => !run.stopped && run.to >= world.sinceMs);
  const last = before.at(-1);
  if (last === undefined) return [];
  const next = runs[runs.indexOf(last) + 1];
  const away = next === undefined ? "" : `; started again ${clockText(next.from, world.nowMs)}`;
  return [
    finding({
      link: "gateway",
      severity: "info",
      code: "GW_STOPPED",
      saw: `${times(before.length)} the gateway ended untold; last process ${last.pid}`,
      since: `${sinceText(last.to, world.nowMs)}${away}`,
      cause: "killed, out of memory, or the machine went down",
      effect: "calls in flight have the outcome unknown; no receipt is lost",
      fix: "look in the system's log: journalctl -k, journalctl -u authensor-gw",
    }),
  ];
}

function over(world: World, of: "store" | "server", id = ""): Finding[] {
  const all = periodsOf(world.history, of, id);
  const goesOn = all.at(-1)?.to === undefined;
  const periods = all.filter(
    (period): period is Period & { to: number } =>
      period.healed &&
      period.to !== undefined &&
      period.to >= world.sinceMs &&
      period.to - period.from >= leastMs,
  );
  const [first, last] = [periods[0], periods.at(-1)];
  if (first === undefined || last === undefined) return [];
  const total = periods.reduce((sum, period) => sum + period.to - period.from, 0);
  const how = goesOn ? "it is away again" : "it is over";
  const what = of === "store" ? "the store" : `"${id}"`;
  const since =
    `${clockText(first.from, world.nowMs)} to ${clockText(last.to, world.nowMs)}, ` +
    `${times(periods.length)}, ${spanText(total)} in all; ${how}`;
  return [
    finding({
      link: of === "store" ? "gateway" : "server",
      severity: "info",
      code: of === "store" ? "GW_DATABASE" : "GW_UPSTREAM_DOWN",
      saw: `${what} was away: ${last.state}`,
      since,
      cause: last.why || "nothing was said",
      effect: of === "store" ? "receipts waited in the spool" : effectThen(last),
      fix: goesOn ? "what is said of it above" : "nothing: it came back, and the gateway with it",
    }),
  ];
}

/** Noted when it began, in the words of that time: how many tools, for how many keys. */
function effectThen({ effect }: Period): string {
  return effect === "" ? "calls of its tools failed" : `while it lasted: ${effect}`;
}

/** A server that starts with the gateway is away for a moment. */
const leastMs = 1_000;

type Trouble = Extract<HistoryEntry, { kind: "trouble" }>;

/** What agents were refused and calls ended with, one finding a code and place. */
async function troubles(world: World): Promise<Finding[]> {
  const groups = new Map<string, Trouble[]>();
  for (const entry of world.history) {
    if (entry.kind !== "trouble" || entry.at < world.sinceMs) continue;
    if (!isAsked(world, entry)) continue;
    const key = `${entry.link} ${entry.code} ${entry.what} ${entry.why}`;
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return Promise.all([...groups.values()].map((entries) => ofTroubles(world, entries)));
}

/** Of one server: nothing of others, and of agents only where a key is named. */
function isAsked({ server, key, agentKey }: World, { link, what }: Trouble): boolean {
  if (server === undefined || link === "gateway") return true;
  if (link === "server") return what === server;
  return key !== undefined || agentKey?.named === true;
}

async function ofTroubles(world: World, entries: readonly Trouble[]): Promise<Finding> {
  const [first, last] = [entries[0] as Trouble, entries.at(-1) as Trouble];
  const count = entries.reduce((sum, entry) => sum + entry.count, 0);
  const receipts = entries.flatMap((entry) => entry.receipts).slice(-3);
  const shown = receipts.length === 0 ? "" : `; receipts ${receipts.join(", ")}`;
  const code = codeOf(last.code);
  const saw =
    last.link === "agent"
      ? `${times(count)} an agent was refused: ${last.code}`
      : `${count === 1 ? "1 call" : `${count} calls`} ended with ${last.code}`;
  return finding({
    link: last.link,
    severity: "info",
    code,
    saw,
    since:
      `first ${clockText(first.firstAt, world.nowMs)}, ` +
      `last ${sinceText(last.at, world.nowMs)}${shown}`,
    cause: last.why,
    effect: effectOf(last),
    ...(await fixOf(world, last)),
  });
}

/** Both time limits are one question: why is the server slow. */
function codeOf(code: ErrorCode): ErrorCode {
  return code.startsWith("GW_TIMEOUT_") ? "GW_SERVER_SLOW" : code;
}

function effectOf({ link, code }: Trouble): string {
  if (code === "GW_KEY_BUSY") return "the agent got an error at once; nothing was sent";
  if (link === "agent") return "the agent did not get in, or its request was not taken";
  if (code.startsWith("GW_TIMEOUT_") || mayHaveRun.has(code)) {
    return "the agent got an error; the call may have run";
  }
  return unsent.has(code) ? "the agent got an error; nothing was sent to the server" : "";
}

const mayHaveRun: ReadonlySet<string> = new Set(["GW_UPSTREAM_LOST", "GW_RESULT_TOO_LARGE"]);
const unsent: ReadonlySet<string> = new Set([
  ...["GW_UPSTREAM_DOWN", "GW_UPSTREAM_BUSY", "GW_UPSTREAM_FAILING", "GW_SERVER_DISABLED"],
]);

async function fixOf(
  world: World,
  { code, receipts, what, why }: Trouble,
): Promise<{ fix?: string }> {
  if (code === "GW_KEY_EXPIRED" || code === "GW_KEY_REVOKED" || code === "GW_KEY_UNKNOWN") {
    return { fix: await keyFix(world, { code, message: why }) };
  }
  if (code === "GW_HTTP" && why.includes("speaks TLS")) return { fix: plainScheme(world) };
  if (!code.startsWith("GW_TIMEOUT_")) return {};
  const id = receipts.at(-1);
  const show =
    id === undefined ? "" : `; where the time went: ${world.command(`receipts show ${id}`)}`;
  // The tool may have a limit of its own: the error named the one that was in force.
  const setting = /(\S+\.timeout)\.(?:idle|max) is /.exec(why)?.[1] ?? `servers.${what}.timeout`;
  return { fix: `look at the log of "${what}", or raise ${setting}${show}` };
}

function plainScheme(world: World): string {
  const client = world.command("doctor client FILE");
  return `write http:// for https:// in the agent's config: ${client} looks at it`;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
