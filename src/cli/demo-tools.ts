/** What the demo asks of the product: always by its own commands, as a person would. */

import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fault } from "../base/errors.ts";
import { selfCommand } from "../runtime/self.ts";
import type { ReceiptRow } from "../store/store.ts";
import type { DemoFolder } from "./demo-gateway.ts";

export interface Ran {
  readonly code: number | null;
  readonly text: string;
}

/** Makes a key and gives its token. */
export async function makeKey(folder: DemoFolder, role: string, name: string): Promise<string> {
  const made = await run(folder, ["keys", "create", "--role", role, "--name", name, "--json"]);
  const { token }: { token: string } = JSON.parse(must(made, "make a key"));
  return token;
}

/**
 * The token of an executor key that outlives this run: made once, kept in the folder. The first
 * time an admin key is made before it; both stay in the demo's own folder.
 */
export async function keptKey(folder: DemoFolder, name: string): Promise<string> {
  const file = agentKeyOf(folder);
  const kept = read(file);
  if (kept !== undefined) return kept.toString().trim();
  const admin = await makeKey(folder, "admin", "local-admin");
  const place = adminKeyOf(folder);
  mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
  writeFileSync(place, `${admin}\n`, { mode: 0o600 });
  const token = await makeKey(folder, "executor", name);
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  return token;
}

export function agentKeyOf(folder: DemoFolder): string {
  return join(folder.path, "agent.key");
}

/** Where `run` makes the demo's own commands look for an admin key. */
export function adminKeyOf(folder: DemoFolder): string {
  return join(folder.path, "authensor-gw", "admin.key");
}

/** All receipts, newest first. */
export async function receiptsOf(folder: DemoFolder): Promise<readonly ReceiptRow[]> {
  const listed = must(await run(folder, ["receipts", "list", "--json"]), "list the receipts");
  const lines = listed.split("\n").filter((line) => line !== "");
  return lines.map((line): ReceiptRow => JSON.parse(line));
}

export async function serverPid(folder: DemoFolder): Promise<number> {
  const text = must(await run(folder, ["status", "--json"]), "read the status");
  const status: { servers: { id: string; pid?: number }[] } = JSON.parse(text);
  return status.servers.find((server) => server.id === "notes")?.pid ?? 0;
}

/** `receipts verify` on a copy: exit code and what it says. */
export async function verify(dir: string): Promise<Ran> {
  return setIn(await spawned(["receipts", "verify", "--dir", dir]));
}

/** The same of the folder itself, while its gateway runs. */
export async function verifyLive(folder: DemoFolder): Promise<Ran> {
  return setIn(await run(folder, ["receipts", "verify"]));
}

function setIn({ code, text, error }: Ran & Spawned): Ran {
  return { code, text: (text.trim() || error.trim()).split("\n").join("\n   ") };
}

/** Changes one byte inside a receipt of the copy, as somebody with the files could. */
export function flipOneByte(dir: string): void {
  const files = [join(dir, "store.db"), join(dir, "store.db-wal"), ...spoolFiles(dir)];
  for (const file of files) {
    const bytes = read(file);
    if (bytes === undefined) continue;
    // One bit makes delete_note deletd_note; SQLite may keep an old copy of the page, so in each.
    for (;;) {
      const at = bytes.indexOf('"tool":"delete_note"');
      if (at < 0) break;
      bytes[at + 13] = (bytes[at + 13] ?? 0) ^ 1;
    }
    writeFileSync(file, bytes);
  }
}

function spoolFiles(dir: string): string[] {
  return readdirSync(join(dir, "spool")).map((name) => join(dir, "spool", name));
}

function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined; // not there: SQLite has a -wal file only while it needs one
  }
}

async function run(folder: DemoFolder, args: readonly string[]): Promise<Ran & Spawned> {
  return spawned([...args, "--config", folder.config], folder.path);
}

interface Spawned {
  readonly error: string;
}

function spawned(args: readonly string[], home?: string): Promise<Ran & Spawned> {
  const [command, ...rest] = [...selfCommand(), ...args];
  // The first admin key of the demo belongs to the demo, not into the user's own folder.
  const env = home === undefined ? process.env : { ...process.env, XDG_CONFIG_HOME: home };
  return new Promise((resolve, reject) => {
    const child = spawn(command ?? process.execPath, rest, {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    let error = "";
    child.stdout.on("data", (chunk) => {
      text += String(chunk);
    });
    child.stderr.on("data", (chunk) => {
      error += String(chunk);
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, text, error }));
  });
}

function must(ran: Ran & Spawned, what: string): string {
  if (ran.code === 0) return ran.text;
  throw fault("GW_INTERNAL", { message: `The demo could not ${what}`, cause: ran.error.trim() });
}
