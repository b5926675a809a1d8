/** `authensor-gw service install`: writes the unit, and has systemd start it now and at boot. */

import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { asFault, fault } from "../base/errors.ts";
import type { Invocation } from "./command.ts";
import { type ServiceFacts, serviceFacts } from "./service-facts.ts";
import { needReadable } from "./service-readable.ts";
import { systemUser, unitText } from "./service-text.ts";
import { unitFile, unitName } from "./service-unit.ts";
import { runProgram, systemctl } from "./systemctl.ts";

const accountFile = "/etc/sysusers.d/authensor-gw.conf";

export async function run(call: Invocation): Promise<number> {
  const { io, options } = call;
  const user = options.has("user");
  if (!user) needRoot("install");
  const facts = await serviceFacts(call, user);
  const problem = facts.faults[0];
  if (problem !== undefined) {
    throw fault("GW_SERVICE", { message: "The service would not start well", ...problem });
  }
  const control = systemctl(call, user);
  // Before anything is written: without systemd there is nothing to install into.
  await control("--version");
  if (!user) await makeAccount(call, facts);
  for (const note of facts.notes) io.err(note);
  const file = unitFile(user, io.env);
  io.out(`${write(file, unitText(facts.unit)) ? "wrote" : "kept "} ${file}`);
  await control("daemon-reload");
  await control("enable", unitName);
  if (options.has("at-boot")) return 0;
  // Starting waits for READY; a start that was up already takes the new unit.
  await control("restart", unitName).catch((thrown) => {
    throw fault("GW_SERVICE", {
      message: "The service does not start",
      cause: asFault(thrown, "systemctl failed").why,
      fix: `authensor-gw logs --lines 20; systemctl ${user ? "--user " : ""}status ${unitName}`,
    });
  });
  io.out(`started; \`authensor-gw service status${user ? " --user" : ""}\` shows it`);
  if (user) io.out("To have it run without a login: loginctl enable-linger");
  else io.out(`Who may use the admin socket: usermod -aG ${facts.unit.group ?? systemUser} NAME`);
  return 0;
}

export function needRoot(what: string): void {
  if (process.getuid?.() === 0) return;
  throw fault("GW_SERVICE", {
    message: `Only root may ${what} a service of the system`,
    fix: `sudo authensor-gw service ${what}, or authensor-gw service ${what} --user`,
  });
}

/** A user of its own, through systemd-sysusers; then all that it reads must be readable to it. */
async function makeAccount({ io }: Invocation, { settings }: ServiceFacts): Promise<void> {
  const line = `u ${systemUser} - "authensor-gw MCP gateway" /var/lib/authensor-gw/home\n`;
  if (write(accountFile, line)) io.out(`wrote ${accountFile}`);
  await runProgram("systemd-sysusers", [accountFile], io.env);
  const { tls } = settings;
  const keys = tls === undefined ? [] : [tls.cert, tls.key];
  needReadable([settings.file, ...settings.policy, ...keys.filter(path.isAbsolute)], systemUser);
}

/** False: it is there as it should be. The new one takes the place of the old one at once. */
function write(file: string, text: string): boolean {
  try {
    if (existsSync(file) && readFileSync(file, "utf8") === text) return false;
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, text, { mode: 0o644 });
    chmodSync(`${file}.new`, 0o644);
    renameSync(`${file}.new`, file);
    return true;
  } catch (thrown) {
    const cause = (thrown as NodeJS.ErrnoException).code ?? String(thrown);
    throw fault("GW_SERVICE", { message: `Cannot write "${file}"`, cause });
  }
}
