/** Runs the official conformance suite and reads what it found. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { parse } from "yaml";
import { startChild } from "./child.ts";

export const revisions = ["2025-11-25", "2026-07-28"] as const;
export type Revision = (typeof revisions)[number];
type Role = "server" | "client";

export interface Outcome {
  readonly scenario: string;
  /** Required by the revision; the others are run and reported by the suite. */
  readonly scored: boolean;
  readonly passed: number;
  readonly faults: readonly Fault[];
}

interface Fault {
  readonly check: string;
  readonly message: string;
}

const manifest = "@modelcontextprotocol/conformance/package.json";
const suite = dirname(createRequire(import.meta.url).resolve(manifest));

/** Names of a revision's scenarios: what it requires, then what it runs without scoring. */
export function scenarios(role: Role, revision: Revision): Map<string, boolean> {
  const file = join(suite, `requirements/${revision}.yaml`);
  const required = parse(readFileSync(file, "utf8")) as Requirements;
  const unscored = required.not_scored.filter(({ leg }) => leg === role);
  return new Map([
    ...required[role].map((name): [string, boolean] => [name, true]),
    ...unscored.map(({ scenario }): [string, boolean] => [scenario, false]),
  ]);
}

interface Requirements {
  readonly server: readonly string[];
  readonly client: readonly string[];
  readonly not_scored: readonly { readonly scenario: string; readonly leg: string }[];
}

/** The whole set of a revision against a server, or one scenario of it. */
export async function runServer(url: string, revision: Revision, only?: string) {
  const which =
    only === undefined
      ? ["--requirements", revision]
      : ["--scenario", only, "--spec-version", revision];
  const found = await run(["server", "--url", url, ...which]);
  const names = scenarios("server", revision);
  const asked = only === undefined ? [...names.keys()] : [only];
  return asked.map((name) => outcome(name, names.get(name) ?? false, found.get(name)));
}

/** One scenario of a revision against a client that `command` starts. */
export async function runClient(command: string, revision: Revision, scenario: string) {
  const which = ["--scenario", scenario, "--spec-version", revision];
  const found = await run(["client", "--command", command, ...which]);
  const scored = scenarios("client", revision).get(scenario) ?? false;
  return outcome(scenario, scored, found.get(scenario));
}

interface Check {
  readonly id: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  readonly errorMessage?: string;
}

function outcome(scenario: string, scored: boolean, checks: readonly Check[] = []): Outcome {
  // A warning is a SHOULD that does not hold; a scenario that could check nothing shows nothing.
  const failed = checks.filter(({ status }) => status === "FAILURE" || status === "WARNING");
  const faults = failed.map(({ id, errorMessage }) => ({ check: id, message: errorMessage ?? "" }));
  const passed = checks.filter(({ status }) => status === "SUCCESS").length;
  if (passed + faults.length === 0) faults.push({ check: "run", message: "nothing was checked" });
  return { scenario, scored, passed, faults };
}

/** Checks by scenario. The suite writes a folder a scenario: `[role-]name-time/checks.json`. */
async function run(args: readonly string[]): Promise<Map<string, readonly Check[]>> {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  const command = [process.execPath, join(suite, "dist/index.js"), ...args, "-o", folder];
  const child = startChild(command, { env: { ...process.env } as Record<string, string> });
  await child.ended;
  const found = new Map<string, readonly Check[]>();
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  for (const file of files.filter((name) => name.endsWith("checks.json"))) {
    const name = dirname(file).replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, "");
    const checks = JSON.parse(readFileSync(join(folder, file), "utf8")) as Check[];
    found.set(name.replace(new RegExp(`^${args[0]}-`), ""), checks);
  }
  rmSync(folder, { recursive: true, force: true });
  if (found.size === 0)
    throw new Error(`The suite ran nothing: ${child.stdout()}${child.stderr()}`);
  return found;
}
