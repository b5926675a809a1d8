/** Runs every check at once, each with its own deadline, and says which link is at fault. */

import { asFault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import type { Config } from "../gateway/config-model.ts";
import type { ConfigProblem } from "../gateway/config-problem.ts";
import { type HistoryEntry, readHistory } from "../gateway/history.ts";
import { checkAgent } from "./check-agent.ts";
import { type AskedClient, checkClient } from "./check-client.ts";
import { checkDatabase } from "./check-database.ts";
import { checkGateway } from "./check-gateway.ts";
import { checkKeys } from "./check-keys.ts";
import { checkPast } from "./check-past.ts";
import { checkResources } from "./check-resources.ts";
import { serverChecks } from "./check-servers.ts";
import { checkStrays } from "./check-strays.ts";
import { type Finding, findingOf } from "./finding.ts";
import { gatewayState } from "./gateway-state.ts";
import { readKeys } from "./key-fix.ts";
import type { Check, World } from "./world.ts";

export interface DoctorOptions {
  readonly config: Config | undefined;
  readonly problems: readonly ConfigProblem[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly agentKey: World["agentKey"];
  readonly key: string | undefined;
  readonly server: string | undefined;
  /** ms back from now. */
  readonly sinceMs: number;
  /** See World. */
  command(words: string): string;
}

export interface Report {
  /** Nothing is wrong now; what is over does not count. */
  readonly ok: boolean;
  /** By link, the worst first. */
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  readonly tookMs: number;
}

export async function examine(options: DoctorOptions): Promise<Report> {
  return report(options, (world) => [...ownChecks, ...serverChecks(world)]);
}

/** An agent's config file, and whether the gateway it should lead to runs. */
export async function examineClient(options: DoctorOptions, asked: AskedClient): Promise<Report> {
  return report(options, () => [
    { name: "client", run: (world) => checkClient(world, asked) },
    { name: "gateway", run: checkGateway },
  ]);
}

async function report(
  options: DoctorOptions,
  checksOf: (world: World) => readonly Check[],
): Promise<Report> {
  const began = performance.now();
  const notes: string[] = [];
  const world = await worldOf(options, (text) => notes.push(printable(text)));
  const spent = performance.now() - began;
  // All of it is over within 5 s, however long the first question took.
  const ms = Math.min(limits.doctorCheckMs, limits.doctorAllMs - spent);
  const found = await Promise.all(checksOf(world).map((check) => runCheck(check, world, ms)));
  const findings = inOrder(withoutRepeats(found.flat()));
  return {
    ok: findings.every(({ severity }) => severity === "info"),
    findings,
    notes: [...new Set(notes)],
    tookMs: Math.round(performance.now() - began),
  };
}

const ownChecks: readonly Check[] = [
  { name: "agent", run: checkAgent },
  { name: "keys", run: checkKeys },
  { name: "gateway", run: checkGateway },
  { name: "database", run: checkDatabase },
  { name: "resources", run: checkResources },
  { name: "past", run: checkPast },
  { name: "strays", run: checkStrays },
];

async function worldOf(options: DoctorOptions, note: (text: string) => void): Promise<World> {
  const { config, problems, env, agentKey, key, server } = options;
  const gateway = await gatewayState(config);
  const nowMs = Date.now();
  const history = config === undefined ? [] : historyOf(config, nowMs, note);
  let keys: ReturnType<World["keys"]> | undefined;
  return {
    keys: () => (keys ??= readKeys(gateway, config)),
    ...{ config, problems, gateway, history, nowMs, env, agentKey, key, server, note },
    sinceMs: nowMs - options.sinceMs,
    command: options.command,
  };
}

function historyOf(
  config: Config,
  nowMs: number,
  note: (text: string) => void,
): readonly HistoryEntry[] {
  try {
    return readHistory(config.dataDir, nowMs - dayMs);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    note(`the history in data_dir cannot be read, so nothing is known of before: ${why}`);
    return [];
  }
}

const dayMs = 24 * 60 * 60 * 1000;

/** A check that fails or is late is said, and hides no other. */
async function runCheck(check: Check, world: World, ms: number): Promise<readonly Finding[]> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<readonly Finding[]>((resolve) => {
    timer = setTimeout(() => {
      world.note(`${check.name}: not finished within ${Math.round(ms)} ms`);
      resolve([]);
    }, ms);
  });
  try {
    return await Promise.race([check.run(world), late]);
  } catch (thrown) {
    return [findingOf("gateway", asFault(thrown, `The check "${check.name}" failed`))];
  } finally {
    clearTimeout(timer);
  }
}

/** A server that is away now was also away before; the same words of two checks are one finding. */
function withoutRepeats(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ link, code, saw }) => {
    const key = `${link} ${code} ${saw}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

const links = ["agent", "gateway", "server"];
const severities = ["error", "warning", "info"];

function inOrder(findings: readonly Finding[]): readonly Finding[] {
  const rank = ({ link, severity }: Finding) =>
    severities.indexOf(severity) * links.length + links.indexOf(link);
  return findings.toSorted((a, b) => rank(a) - rank(b));
}
