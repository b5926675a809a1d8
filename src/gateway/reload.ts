/**
 * Config and policy anew, as one step: all of it comes into force, or nothing. What a restart alone
 * can change stays as it is and is told, as PostgreSQL does it: one changed port must not hold up
 * the policy.
 */

import path from "node:path";
import process from "node:process";
import type { ReloadReport, ReloadState } from "../admin/contract-reload.ts";
import { asFault, fault, type GatewayError } from "../base/errors.ts";
import { firstLines, tellsAll } from "../base/first-lines.ts";
import { limits } from "../base/limits.ts";
import { diffConfigs, inForce } from "./config-diff.ts";
import type { Config } from "./config-model.ts";
import type { ConfigProblem } from "./config-problem.ts";
import { loadPolicy } from "./load-policy.ts";
import { callAudit, type Parts } from "./parts.ts";
import { type Loaded, reportOf, withNotUp } from "./reload-report.ts";
import { createFileWatch } from "./reload-watch.ts";

export interface Reloads {
  /**
   * One after another. Resolves when what changed is in force and new servers are up or have
   * failed once, at the latest after limits.serverActionMs; the report says which are not up.
   * Rejects with a GatewayError when the files are bad: then nothing changed, and status says why
   * until one is good.
   */
  reload(by: string, options: { readonly dryRun: boolean }): Promise<ReloadReport>;
  /** What each one runs within from now on, whoever asked for it; a dry run does not. */
  within(around: Around): void;
  close(): void;
}

type Around = <T>(run: () => Promise<T>) => Promise<T>;

export function createReloads(parts: Parts): Reloads {
  let last: Promise<unknown> = Promise.resolve();
  const over = { isOver: false };
  let around: Around = (run) => run();
  /** Those that have not begun: who asks for the same gets the same. */
  const waiting = new Map<string, Promise<ReloadReport>>();
  const watch = createFileWatch({
    clock: parts.calls.clock,
    files: () => parts.config.files,
    changed: () => enqueue("file watch", false),
  });
  watch.set(parts.config.reload.watch);

  function enqueue(by: string, dryRun: boolean): Promise<ReloadReport> {
    const name = `${dryRun} ${by}`;
    const same = waiting.get(name);
    if (same !== undefined) return same;
    const own = last.then(async () => {
      waiting.delete(name);
      if (dryRun) return look(parts);
      const watched = parts.config.reload.watch;
      const report = await around(() => reload(parts, by, over));
      if (parts.config.reload.watch !== watched) watch.set(!watched);
      return report;
    });
    waiting.set(name, own);
    last = own.catch(() => undefined);
    return own;
  }
  return {
    reload: (by, { dryRun }) => enqueue(by, dryRun),
    within(how) {
      around = how;
    },
    close() {
      over.isOver = true;
      watch.set(false);
    },
  };
}

interface Read extends Loaded {
  readonly config: Config;
}

/** Throws what is wrong with the files. */
async function read(parts: Parts): Promise<Read> {
  const config = await readAgain(parts.config.file);
  const policy = await loadPolicy(config);
  return { config, policy, diff: diffConfigs(parts.config, config) };
}

async function look(parts: Parts): Promise<ReloadReport> {
  const found = await read(parts);
  parts.servers.prepare(found.config.servers, found.diff.servers).drop();
  return reportOf(parts, found, true);
}

async function reload(
  parts: Parts,
  by: string,
  over: { readonly isOver: boolean },
): Promise<ReloadReport> {
  let found: Read;
  let prepared: ReturnType<Parts["servers"]["prepare"]>;
  const readMs = parts.calls.clock.now();
  try {
    found = await read(parts);
    prepared = parts.servers.prepare(found.config.servers, found.diff.servers);
  } catch (thrown) {
    throw refused(parts, asFault(thrown, "Cannot load config and policy"), by);
  }
  const { config, diff } = found;
  const { restart } = diff;
  const report = reportOf(parts, found, false);
  const before = parts.reload;
  // Before new servers are waited for: what they fail with is of this config, and no newer one.
  const isRead = () => {
    parts.reload = { readMs, fault: null, restart };
  };
  if (report.changed) {
    try {
      if (over.isOver) throw stopping();
      // Recorded first: nothing must come into force without a record of it.
      await parts.audit.admin("reload", by, recordOf(parts, report)).durable;
      if (over.isOver) throw stopping();
    } catch (thrown) {
      prepared.drop();
      throw thrown;
    }
    isRead();
    await apply(parts, found, prepared);
  } else {
    parts.config = inForce(parts.config, config);
    isRead();
  }
  told(parts, report, by, before);
  return withNotUp(parts, report);
}

/** What it would start now nobody would stop. */
function stopping(): GatewayError {
  return fault("GW_DRAINING", { message: "The gateway is stopping: nothing is loaded any more" });
}

/** Resolves when the new servers are up or have failed, at the latest after some seconds. */
async function apply(
  parts: Parts,
  { config, policy }: Read,
  prepared: ReturnType<Parts["servers"]["prepare"]>,
): Promise<void> {
  const { calls, catalog, logLevel } = parts;
  // Lists that new servers change are told with those that the policy changes.
  const release = catalog.hold();
  const next = inForce(parts.config, config);
  if (next.log.access !== parts.config.log.access) {
    Object.assign(calls, { audit: callAudit(next, parts.audit) });
  }
  calls.board.callsPerKey = next.limits.callsPerKey;
  logLevel.configure(next.log.level);
  parts.config = next;
  parts.policy.current = policy;
  catalog.policyChanged();
  const { settled } = prepared.apply();
  void settled.then(release);
  const late = new Promise<void>((resolve) => calls.clock.after(limits.serverActionMs, resolve));
  await Promise.race([settled, late]);
}

function refused(parts: Parts, error: GatewayError, by: string): GatewayError {
  const { code, message, why, data } = error;
  const first = firstLines(why, tellsAll(code));
  const cause = [message, first].filter(Boolean).join("; ");
  const at = data["at"] ?? "";
  parts.log.error("reload refused: what was in force stays", { code, at, cause, by });
  parts.reload = { ...parts.reload, fault: cause };
  return error;
}

function recordOf({ policy }: Parts, report: ReloadReport): Readonly<Record<string, unknown>> {
  const { servers, settings, restart } = report;
  return {
    policy_before: policy.current.hash,
    policy_after: report.policy.hash,
    servers: servers.map(({ id, action, keys }) => ({ id, action, keys })),
    settings,
    restart,
  };
}

function told({ log }: Parts, report: ReloadReport, by: string, before: ReloadState): void {
  if (before.fault !== null) log.info("config and policy load again", { by });
  const { changed, servers, settings, restart, policy } = report;
  if (changed) {
    const acted = servers.map(({ id, action }) => `${action} ${id}`);
    log.info("reloaded", { by, servers: acted, settings, policy: policy.hash.slice(0, 12) });
  }
  if (restart.length === 0 || restart.join() === before.restart.join()) return;
  log.warn("changed keys need a restart of the gateway: they stay as they were", {
    code: "GW_RELOAD_RESTART",
    keys: restart,
  });
}

/** The file that is in use, with the environment of the start. */
async function readAgain(file: string): Promise<Config> {
  const { loadConfig } = await import("./config-read.ts");
  const found = loadConfig({ path: file, env: process.env, cwd: path.dirname(file) });
  if (found.ok && Object.keys(found.value.source.tree ?? {}).length > 0) return found.value.config;
  const problems = found.ok ? [nothingIn(file)] : found.error;
  const [first] = problems;
  const count = problems.length;
  throw fault(first?.code ?? "GW_CONFIG", {
    message: `Cannot load the config: ${count} problem${count === 1 ? "" : "s"}`,
    cause: `\n${problems.map(line).join("\n")}`,
    fix: "correct the file: `authensor-gw check` says the same",
    data: { at: first === undefined ? "" : placeOf(first) },
  });
}

/** A start takes it for the defaults; here it would end all servers, and was cut as a rule. */
function nothingIn(file: string): ConfigProblem {
  const message = "The config has no keys: it was cut short, or is just being written";
  return { code: "GW_CONFIG", message, file, line: 1, column: 1 };
}

function line(problem: ConfigProblem): string {
  const fix = problem.fix === undefined ? "" : ` (${problem.fix})`;
  return `  ${placeOf(problem)} ${problem.code}: ${problem.message}${fix}`;
}

function placeOf({ file, line: at, column }: ConfigProblem): string {
  return at === 0 ? file : `${file}:${at}:${column}`;
}
