/**
 * The official conformance suite through the compiled gateway, one server behind it, nothing
 * renamed, everything allowed. By default a server of both eras is behind; `--cross` forces it to
 * the era that the front does not speak, `--client` puts the gateway between the suite as server
 * and a client, `--direct` leaves it out. `--only NAME` runs one scenario and prints its faults.
 *
 * What may fail is named with its reason in test/cases/conformance/expected-failures.yaml; a
 * failure that is not there, and an entry that no longer fails, end with exit code 1.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parse } from "yaml";
import { root } from "../kit/binary.ts";
import { type Expected, judge } from "../kit/expected-failures.ts";
import { startGateway } from "../kit/gateway.ts";
import { proof } from "../kit/proof.ts";
import { everyFeature } from "../kit/servers.ts";
import {
  type Outcome,
  type Revision,
  revisions,
  runClient,
  runServer,
  scenarios,
} from "../kit/suite.ts";

const run = proof("conformance");
const has = (flag: string) => process.argv.includes(flag);
const onlyAt = process.argv.indexOf("--only");
const only = onlyAt < 0 ? undefined : process.argv[onlyAt + 1];

/** By run. */
const expected = parse(
  readFileSync(join(root, "test/cases/conformance/expected-failures.yaml"), "utf8"),
) as Readonly<Record<string, Expected>>;

/** The gateway of a run: a config as an operator would write it who wants nothing in the way. */
async function gatewayOver(url: string, protocol: "auto" | "legacy" | "modern") {
  return startGateway({
    config: { auth: "none", naming: "bare", servers: { s: { url, protocol } } },
    policy: "id: all\nrules:\n  - id: all\n    effect: allow\n    methods: ['*']\n",
  });
}

/** One run of a set: `atLeast` of its scored scenarios must pass, every other is to be expected. */
interface Run {
  readonly name: string;
  readonly front: Revision;
  readonly era?: "legacy" | "modern";
  readonly atLeast: number;
}

/** Checks that must have passed where the suite skips, without a fault, what was not exercised. */
const least: Readonly<Record<string, number>> = {
  "http-custom-header-server-validation": 10,
  "http-header-validation": 14,
  "http-standard-headers": 9,
  "json-schema-2020-12": 8,
  "server-session-lifecycle": 3,
  "server-sse-polling": has("--direct") ? 3 : 2,
};

const [old, now] = revisions;
const direct: readonly Run[] = [
  { name: `${old} against the server itself`, front: old, atLeast: 30 },
  { name: `${now} against the server itself`, front: now, atLeast: 37 },
];
const through: readonly Run[] = [
  { name: `${old} through the gateway`, front: old, atLeast: 30 },
  { name: `${now} through the gateway`, front: now, atLeast: 37 },
  { name: `${old} over a server of ${old}`, front: old, era: "legacy", atLeast: 30 },
  { name: `${now} over a server of ${now}`, front: now, era: "modern", atLeast: 37 },
];
const cross: readonly Run[] = [
  { name: `${old} over a server of ${now}`, front: old, era: "modern", atLeast: 26 },
  { name: `${now} over a server of ${old}`, front: now, era: "legacy", atLeast: 34 },
];

async function serverRun({ name, front, era, atLeast }: Run): Promise<void> {
  if (only !== undefined && !scenarios("server", front).has(only)) return;
  run.say(name);
  // The gateway streams an answer that takes over 2 s, or that something precedes.
  const slow = has("--direct") ? [] : ["--reconnect", "4000"];
  await using server = await everyFeature(era, ...slow);
  await using gateway = has("--direct") ? undefined : await gatewayOver(server.url, era ?? "auto");
  const url = gateway === undefined ? server.url : `${gateway.url}/mcp`;
  const outcomes = await runServer(url, front, only);
  report(name, outcomes, atLeast, { ...expected[front], ...expected[name] });
}

/** Scenarios of authorization need an OAuth client behind; the rest is the gateway itself. */
async function clientRun(front: Revision): Promise<void> {
  const name = `${front} with ${has("--direct") ? "the agent" : "the gateway"} as the client`;
  run.say(name);
  const script = join(root, "test/prove/conformance-client.ts");
  const command = [process.execPath, script, ...(has("--direct") ? ["--direct"] : [])].join(" ");
  const names = [...scenarios("client", front).keys()].filter((n) => !n.startsWith("auth/"));
  const outcomes: Outcome[] = [];
  for (const scenario of names.filter((n) => only === undefined || n === only)) {
    outcomes.push(await runClient(command, front, scenario));
  }
  const scored = outcomes.filter((o) => o.scored);
  if (outcomes.length > 0) report(name, outcomes, scored.length, expected[name] ?? {});
}

function report(name: string, all: readonly Outcome[], atLeast: number, may: Expected): void {
  const outcomes = all.map(whole);
  const { surprising, stale } = judge(outcomes, may);
  const width = Math.max(...outcomes.map(({ scenario }) => scenario.length));
  for (const { scenario, scored, passed, faults } of outcomes) {
    const surprises = surprising.includes(scenario);
    const verdict = surprises ? "FAILED" : faults.length === 0 ? "ok" : "expected";
    const count = `${passed}/${passed + faults.length}`;
    const note = scored ? "" : "  not scored";
    process.stdout.write(`  ${scenario.padEnd(width)}  ${count.padStart(7)}  ${verdict}${note}\n`);
    if (only === undefined && !surprises) continue;
    for (const { check, message } of faults) process.stdout.write(`      ${check}: ${message}\n`);
  }
  const scored = outcomes.filter((o) => o.scored);
  const passed = scored.filter(({ faults }) => faults.length === 0).length;
  const enough = only !== undefined || passed >= atLeast;
  run.bar(name, `${passed}/${scored.length} scenarios`, enough);
  const strange = surprising.length === 0;
  run.bar(`${name}: failures nobody expects`, surprising.join(", ") || 0, strange);
  if (only !== undefined) return;
  run.bar(`${name}: expected failures that are stale`, stale.join(", ") || 0, stale.length === 0);
}

function whole(outcome: Outcome): Outcome {
  const wanted = least[outcome.scenario] ?? 0;
  if (outcome.passed + outcome.faults.length >= wanted) return outcome;
  const message = `${outcome.passed} checks were made, not ${wanted}`;
  return { ...outcome, faults: [...outcome.faults, { check: "run", message }] };
}

if (has("--client")) for (const revision of revisions) await clientRun(revision);
else if (has("--cross")) for (const each of cross) await serverRun(each);
else for (const each of has("--direct") ? direct : through) await serverRun(each);
run.end();
