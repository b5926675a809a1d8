/**
 * Live debugging, whole, on the compiled binary: each fault of the three links is broken for real,
 * found by `doctor` within 5 s, and mended where the fix is a command, run as printed; set-ups in
 * which nothing is wrong have no finding. `--full`: three rounds, one case at a time.
 */

import { type FaultCase, runFault } from "../doctor/cases.ts";
import { agentFaults } from "../doctor/faults-agent.ts";
import { databaseFaults, gatewayFaults } from "../doctor/faults-gateway.ts";
import { insideFaults } from "../doctor/faults-inside.ts";
import { pastDatabase, pastFaults } from "../doctor/faults-over.ts";
import { answerFaults, connectionFaults } from "../doctor/faults-server.ts";
import {
  type Healthy,
  healthyAgents,
  healthyDatabases,
  healthySetups,
  runHealthy,
} from "../doctor/healthy.ts";
import { binaryPath } from "../kit/binary.ts";
import { startPostgres, type TestPostgres } from "../kit/postgres.ts";
import { proof } from "../kit/proof.ts";

const run = proof("prove:debugging");
const rounds = run.option("rounds", 1, 3);
await binaryPath();
run.say("the binary is built");

const wrong: string[] = [];
const took: number[] = [];
const links = { agent: 0, gateway: 0, server: 0 };
let [found, over, mended, printed, told, well, findings] = [0, 0, 0, 0, 0, 0, 0];

async function fault(one: FaultCase): Promise<void> {
  if (one.possible === false) return run.say(`left out, not possible here: ${one.name}`);
  try {
    const ran = await runFault(one, "binary");
    found += 1;
    links[ran.finding.link] += 1;
    if (ran.finding.severity === "info") over += 1;
    if (ran.mended === "by hand") mended += 1;
    if (ran.mended === "as printed") printed += 1;
    if (one.agentSays !== undefined) told += 1;
    took.push(ran.tookMs);
    run.say(`${ran.finding.link} ${ran.finding.code}: ${one.name}`);
  } catch (thrown) {
    wrong.push(one.name);
    run.say(`WRONG ${one.name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

async function healthy(one: Healthy): Promise<void> {
  if (one.possible === false) return run.say(`left out, not possible here: ${one.name}`);
  try {
    const reports = await runHealthy(one, "binary");
    well += 1;
    for (const report of reports) {
      findings += report.findings.length;
      took.push(report.tookMs);
      for (const one of report.findings) run.say(`FOUND ${one.link} ${one.code}: ${one.saw}`);
    }
    run.say(`well: ${one.name}`);
  } catch (thrown) {
    wrong.push(one.name);
    run.say(`WRONG ${one.name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

type Work = () => Promise<void>;
const faults = (cases: readonly FaultCase[]) =>
  cases.map(
    (one): Work =>
      () =>
        fault(one),
  );
const setups = (cases: readonly Healthy[]) =>
  cases.map(
    (one): Work =>
      () =>
        healthy(one),
  );

/** One database for breaking and one for those that have to be well. */
const broken: TestPostgres = await startPostgres({ durable: false });
const good: TestPostgres = await startPostgres({ durable: false });
/** Cases of one lane may share what they break. */
const lanes: readonly (readonly Work[])[] = [
  [...faults(agentFaults), ...faults(answerFaults), ...faults(insideFaults)],
  [...faults(connectionFaults), ...faults(gatewayFaults)],
  [...faults(databaseFaults(() => broken)), ...faults(pastDatabase(() => broken))],
  [...faults(pastFaults), ...setups(healthyAgents)],
  [...setups(healthySetups), ...setups(healthyDatabases(() => good))],
];
const total = lanes.flat().length * rounds;

async function inTurn(lane: readonly Work[]): Promise<void> {
  for (const work of lane) await work();
}

for (let round = 0; round < rounds; round++) {
  if (run.full) await inTurn(lanes.flat());
  else await Promise.all(lanes.map(inTurn));
}
await broken.stop();
await good.stop();

took.sort((a, b) => a - b);
const worst = Math.round(took.at(-1) ?? Number.NaN);
const middle = Math.round(took[Math.floor(took.length / 2)] ?? Number.NaN);
run.bar("cases that did not go as they must", `${wrong.length} of ${total}`, wrong.length === 0);
run.bar("faults found (>= 24)", found, found >= 24 * rounds);
run.bar(
  "  of agent, gateway, server",
  Object.values(links).join(", "),
  Math.min(...Object.values(links)) > 0,
);
run.bar("  over when doctor ran (>= 6)", over, over >= 6 * rounds);
run.bar("  cleared by the printed command or SQL, run as it is", printed, printed > 0);
run.bar("  cleared by what the fix says, by hand", mended, mended > 0);
run.bar("  with the agent's own error compared", told, told > 0);
run.bar("healthy set-ups (>= 10)", well, well >= 10 * rounds);
run.bar("findings in them", findings, findings === 0);
run.bar("slowest doctor, ms (<= 5000)", `${worst}, median ${middle}`, worst <= 5_000);
run.end();
