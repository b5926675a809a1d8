/** `authensor-gw doctor`: which link is at fault, why, and what to do. */

import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { DoctorOptions, Report } from "../doctor/doctor.ts";
import type { Finding } from "../doctor/finding.ts";
import type { Config } from "../gateway/config-model.ts";
import type { ConfigProblem } from "../gateway/config-problem.ts";
import { readConfig } from "../gateway/config-read.ts";
import { durationMs } from "../gateway/config-units.ts";
import type { Invocation } from "./command.ts";
import { commandLine, commandsHere } from "./command-line.ts";
import { findAgentKey } from "./key.ts";
import type { Io } from "./print.ts";
import { runningWith } from "./reach.ts";
import { counted } from "./words.ts";

/** Exit 0 well, 1 findings (what is over does not count). */
export async function run(call: Invocation): Promise<number> {
  const { options } = call;
  const { config, problems, ofGateway } = await readBoth(call);
  const { examine } = await import("../doctor/doctor.ts");
  const report = await examine({
    config,
    problems,
    env: call.io.env,
    agentKey: agentKey(call),
    key: keyName(call),
    server: ofGateway ? undefined : options.text("server"),
    sinceMs: since(call),
    command: commandLine(call),
  });
  const unread = "servers were not looked at one by one: the config does not load";
  return show(call, ofGateway ? { ...report, notes: [...report.notes, unread] } : report);
}

/**
 * The config as the service would read it, and as far as it can be read here; `ofGateway`: no more
 * of it is known than what the gateway says that runs with an earlier state of the file.
 */
export async function readBoth(call: Invocation): Promise<{
  readonly config: Config | undefined;
  readonly problems: readonly ConfigProblem[];
  readonly ofGateway: boolean;
}> {
  const { options, io } = call;
  const where = { path: options.text("config"), env: io.env, cwd: io.cwd };
  const strict = readConfig(where);
  const usable = strict.ok ? strict : readConfig({ ...where, lenient: true });
  const problems = strict.ok ? [] : strict.error;
  if (usable.ok) return { config: usable.value, problems, ofGateway: false };
  const config = await runningWith(call);
  return { config, problems, ofGateway: config !== undefined };
}

/** The key an agent would send, as `tools call` does. */
export function agentKey(call: Invocation): DoctorOptions["agentKey"] {
  const key = findAgentKey(call);
  if (key === undefined) return undefined;
  return { token: key.token, named: key.from === "--key-file", from: key.from };
}

function keyName({ options }: Invocation): string | undefined {
  const name = options.text("key");
  if (name === undefined || !name.startsWith("agw_")) return name;
  throw fault("GW_USAGE", {
    message: "--key takes the name of a key, and this looks like a token",
    cause: "what is on a command line can be seen by other users of this machine",
    fix: "write the token into a file of mode 0600 and name that with --key-file",
  });
}

function since({ options }: Invocation): number {
  const text = options.text("since") ?? "1h";
  const ms = durationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  const message = `--since "${printable(text)}" is no duration`;
  throw fault("GW_USAGE", { message, fix: "write --since 30m, 1h or 24h" });
}

/** Prints it and gives the exit code; shared with `doctor client`. */
export function show(call: Invocation, report: Report): number {
  const { options, io } = call;
  const { ok, notes } = report;
  // Fixes of the catalogue and of the gateway know nothing of this command's config.
  const here = (words: string) => commandsHere(words, call);
  const findings = report.findings.map((one) => {
    return { ...one, cause: here(one.cause), fix: here(one.fix) };
  });
  const code = ok ? 0 : 1;
  if (options.has("json")) {
    io.out(JSON.stringify({ ok, findings, notes, took_ms: report.tookMs }));
  } else showText(io, { ...report, findings });
  io.leave?.(code);
  return code;
}

function showText(io: Io, { ok, findings, notes, tookMs }: Report): void {
  const now = findings.filter(({ severity }) => severity !== "info");
  const past = findings.filter(({ severity }) => severity === "info");
  for (const one of now) io.out(`${textOf(one)}\n`);
  if (past.length > 0) io.out(`Over by now, or no fault:\n`);
  for (const one of past) io.out(`${textOf(one)}\n`);
  for (const note of notes) io.err(`note: ${printable(note)}`);
  io.out(
    ok
      ? `Well: agent, gateway and servers, in ${tookMs} ms`
      : `${counted(now.length, "finding")} in ${tookMs} ms`,
  );
}

function textOf(one: Finding): string {
  const mark = one.severity === "error" ? "✗" : one.severity === "warning" ? "!" : "·";
  const row = (name: string, text: string) => (text === "" ? [] : [`  ${name.padEnd(7)} ${text}`]);
  return [
    `${mark} ${one.link}  ${one.code}`,
    ...row("saw", one.saw),
    ...row("since", one.since),
    ...row("cause", one.cause),
    ...row("effect", one.effect),
    ...row("fix", one.fix),
  ].join("\n");
}
