/** Does the gateway run, and would it start: config, policy, data_dir, owner, port. */

import { asFault, type GatewayError } from "../base/errors.ts";
import { checkStart } from "../gateway/config-check.ts";
import { changedMs } from "../gateway/config-find.ts";
import type { Config } from "../gateway/config-model.ts";
import { loadPolicy } from "../gateway/load-policy.ts";
import { sealFingerprint } from "../gateway/seal-key.ts";
import { type Finding, finding, findingOf } from "./finding.ts";
import { processState } from "./gateway-state.ts";
import { openFileFindings } from "./open-files.ts";
import { runsOf } from "./periods.ts";
import { isConfigStale, restartFix } from "./stale.ts";
import { sinceText } from "./times.ts";
import type { GatewayState, World } from "./world.ts";

export async function checkGateway(world: World): Promise<readonly Finding[]> {
  const { config, gateway } = world;
  const ofConfig = configFindings(world);
  if (config === undefined) return ofConfig;
  if (gateway.kind === "closed") return [...ofConfig, gateway.finding];
  if (gateway.kind === "silent") {
    // It takes no connection because it can have no more: found by the check of resources.
    const full = openFileFindings(world).some(({ severity }) => severity === "error");
    return full ? ofConfig : [...ofConfig, silent(world, gateway.pid)];
  }
  if (gateway.kind === "up") return [...ofConfig, ...(await stale(world, config, gateway))];
  const ofStart = await startFindings(config);
  const found = [...ofConfig, ...ofStart];
  return found.some(({ severity }) => severity === "error") ? found : [...found, down(world)];
}

/** The same reading as `check`; a running service has variables that this process may lack. */
function configFindings(world: World): Finding[] {
  const runs = world.gateway.kind === "up";
  return world.problems.flatMap((problem) => {
    if (runs && problem.code === "GW_VARIABLE") {
      world.note(`${problem.message} here; the running gateway has its own environment`);
      return [];
    }
    const { code, message, file, line, column } = problem;
    const saw = line === 0 ? message : `${file}:${line}:${column} ${message}`;
    const effect = runs ? "the gateway runs on, but will not start again" : notStarting;
    const fix = problem.fix === undefined ? {} : { fix: problem.fix };
    return [finding({ link: "gateway", code, saw, effect, ...fix })];
  });
}

const notStarting = "the gateway does not start; no agent can connect";

/** What `serve` would do, tried and undone. The database has a check of its own (database.ts). */
async function startFindings(config: Config): Promise<Finding[]> {
  const postgres = config.database.kind === "postgres";
  const { problems } = await checkStart(postgres ? { ...config, databaseProblems: [] } : config);
  return problems.map((problem: GatewayError) =>
    findingOf("gateway", problem, { effect: notStarting }),
  );
}

function down(world: World): Finding {
  const last = runsOf(world.history).at(-1);
  const at = last === undefined ? "" : sinceText(last.to, world.nowMs);
  const killed = last !== undefined && !last.stopped;
  const ended = killed
    ? `process ${last.pid} ended without being told to: killed, out of memory, or the machine`
    : "it was stopped";
  return finding({
    link: "gateway",
    code: "GW_NOT_RUNNING",
    saw: `no gateway runs on data_dir "${world.config?.dataDir ?? ""}"`,
    since: at,
    cause: last === undefined ? "it was not started, or has not run for a day" : ended,
    effect: "no agent can connect",
    fix: world.command("serve"),
  });
}

function silent(world: World, pid: number | undefined): Finding {
  const state = pid === undefined ? undefined : processState(pid);
  const stopped = state === "T" || state === "t";
  const named = pid === undefined ? "its process" : `process ${pid}`;
  const last = world.history.at(-1);
  const since = last === undefined ? "" : `worked until ${sinceText(last.at, world.nowMs)}`;
  return finding({
    link: "gateway",
    code: "GW_SILENT",
    saw: `${named} owns data_dir and its admin socket does not answer`,
    since,
    cause: stopped
      ? `${named} is stopped by a signal (STOP), or by a debugger`
      : "its loop hangs, or the machine is overloaded",
    effect: "every agent waits and gets no answer",
    ...(pid === undefined
      ? {}
      : { fix: stopped ? `kill -CONT ${pid}` : `kill -KILL ${pid}; ${world.command("serve")}` }),
  });
}

type Up = Extract<GatewayState, { kind: "up" }>;

/** Files that changed since they were read, and no policy at all. */
/** The key is a credential: it may change without the config. */
function sealFindings(world: World, config: Config, status: Up["status"]): Finding[] {
  const { fingerprint } = status.sealKey;
  if (config.database.kind === "postgres") {
    world.note(
      `sessions are sealed with key ${fingerprint}: another gateway on this Postgres takes them ` +
        "up if its `status` shows the same",
    );
  }
  const meant = config.sealKey === undefined ? fingerprint : sealFingerprint(config.sealKey);
  if (meant === fingerprint) return [];
  const saw = `\`seal_key\` is key ${meant}, in use is ${fingerprint}`;
  const effect = "after a restart every open session has to be initialized again";
  const cause = "the key was changed after the gateway had started";
  const fix = restartFix(world);
  return [
    finding({ link: "gateway", severity: "warning", code: "GW_STALE", saw, cause, effect, fix }),
  ];
}

async function stale(world: World, config: Config, { status }: Up): Promise<Finding[]> {
  const found: Finding[] = reloadFindings(world, status);
  const reload = world.command("reload");
  if (config.policy.length === 0) {
    found.push(
      finding({
        link: "gateway",
        code: "GW_NO_POLICY",
        saw: `no \`policy\` in ${config.file}`,
        effect: "every call of every key is denied",
      }),
    );
  }
  try {
    const policy = await loadPolicy(config);
    if (policy.hash !== status.policy.hash) {
      found.push(
        finding({
          link: "gateway",
          severity: "warning",
          code: "GW_STALE",
          saw: `the files say ${short(policy.hash)}, in force is ${short(status.policy.hash)}`,
          cause: "they were changed, and the policy was not loaded anew",
          effect: "calls are decided by the old policy",
          fix: reload,
        }),
      );
    }
  } catch (thrown) {
    const effect = "the old policy stays in force; the gateway will not start again";
    found.push(findingOf("gateway", asFault(thrown, "Cannot load the policy"), { effect }));
  }
  found.push(...sealFindings(world, config, status));
  if (isConfigStale(world)) {
    found.push(
      finding({
        link: "gateway",
        severity: "warning",
        code: "GW_STALE",
        saw: `${config.file} was changed after the gateway had started`,
        since: sinceText(changedMs(config.file), world.nowMs),
        cause: "it was not loaded anew",
        effect: "what was changed is not in force",
        fix: reload,
      }),
    );
  }
  return found;
}

/** What the last reload left: refused files that were corrected since are no news. */
function reloadFindings(world: World, { reload }: Up["status"]): Finding[] {
  const found: Finding[] = [];
  if (reload.fault !== null) {
    found.push(
      finding({
        ...{ link: "gateway", code: "GW_RELOAD", severity: "warning" },
        saw: "the last reload was refused",
        cause: reload.fault,
        effect: "the gateway runs on with what it had; it may not start again",
        fix: `${world.command("check")}; then ${world.command("reload")}`,
      }),
    );
  }
  if (reload.restart.length > 0) {
    found.push(
      finding({
        ...{ link: "gateway", code: "GW_RELOAD_RESTART", severity: "warning" },
        saw: `changed in the config and not in force: ${reload.restart.join(", ")}`,
        effect: "they are as they were at the start",
        fix: restartFix(world),
      }),
    );
  }
  return found;
}

function short(hash: string): string {
  return hash.slice(0, 12);
}
