/**
 * One gateway owns data_dir. The lock is an exclusive SQLite transaction held open for life: the
 * kernel frees it when the process ends, however it ends. `owner.json` beside it is for people.
 */

import fs from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { fault, type GatewayError } from "../base/errors.ts";
import { isObject, member } from "../base/json.ts";
import { randomHex } from "../base/node-crypto.ts";
import { dataDirFault } from "./data-dir.ts";

export interface Owner {
  readonly dir: string;
  /** DATADIR.RUN: what the marks of this run's children begin with (upstream/marked.ts). */
  readonly run: string;
  /** Gives data_dir free; the next owner may start. */
  release(): void;
}

/** What owner.json says: the owner, or the last one if it is gone. */
export interface OwnerNote {
  readonly pid: number;
  /** ISO time. */
  readonly started: string;
  /** Path of the admin socket, "" while there is none. */
  readonly socket: string;
  /** As Owner.run; "" in notes of older versions. */
  readonly run: string;
}

/** A handle that nothing refers to is collected, and its lock with it. */
const held = new Set<DatabaseSync>();

/**
 * `socket`: where the admin API will listen, for owner.json. Makes the directory (0700). Rejects
 * GW_OWNED (naming the owner) or GW_DATA_DIR.
 */
export async function ownDataDir(dir: string, socket = ""): Promise<Owner> {
  const database = openLock(dir);
  try {
    // Somebody who only asks (isOwned) holds it for a moment.
    database.exec("PRAGMA busy_timeout = 250");
    database.exec("BEGIN EXCLUSIVE");
  } catch (thrown) {
    database.close();
    throw isBusy(thrown) ? ownedBy(dir) : dataDirFault(dir, thrown);
  }
  held.add(database);
  const release = (): void => {
    if (!held.delete(database)) return;
    fs.rmSync(notePath(dir), { force: true });
    database.close();
  };
  let run: string;
  try {
    run = `${await dataDirMark(dir)}.${randomHex(8)}`;
    writeNote(dir, { pid: process.pid, started: new Date().toISOString(), socket, run });
  } catch (thrown) {
    release();
    throw dataDirFault(dir, thrown);
  }
  return { dir, run, release };
}

/** undefined: no gateway was here, or it ended in order. Says nothing about whether it lives. */
export function readOwner(dir: string): OwnerNote | undefined {
  let tree: unknown;
  try {
    tree = JSON.parse(fs.readFileSync(notePath(dir), "utf8"));
  } catch {
    // The note is for people; the lock decides.
    return undefined;
  }
  if (!isObject(tree)) return undefined;
  const pid = member(tree, "pid");
  const started = member(tree, "started");
  const [socket, run] = [member(tree, "socket"), member(tree, "run")];
  if (typeof pid !== "number" || typeof started !== "string") return undefined;
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  return { pid, started, socket: text(socket), run: text(run) };
}

/** Is a gateway alive on this data_dir? Takes the lock for a moment where there is none. */
export function isOwned(dir: string): boolean {
  if (!fs.existsSync(lockPath(dir))) return false;
  const database = openLock(dir);
  try {
    database.exec("PRAGMA busy_timeout = 0");
    database.exec("BEGIN EXCLUSIVE");
    return false;
  } catch (thrown) {
    if (isBusy(thrown)) return true;
    throw dataDirFault(dir, thrown);
  } finally {
    database.close();
  }
}

/**
 * Of this folder and no other, not even a copy of it: what is in `owner.id`, and which file
 * that is. undefined: no gateway was here.
 */
export async function markOfDataDir(dir: string): Promise<string | undefined> {
  try {
    const path = idPath(dir);
    const { dev, ino } = fs.statSync(path);
    const text = `${fs.readFileSync(path, "utf8")} ${dev} ${ino}`;
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return Buffer.from(hash).toString("hex").slice(0, 16);
  } catch {
    return undefined;
  }
}

async function dataDirMark(dir: string): Promise<string> {
  if (!fs.existsSync(idPath(dir))) {
    fs.writeFileSync(idPath(dir), randomHex(16), { mode: 0o600, flag: "wx" });
  }
  const mark = await markOfDataDir(dir);
  if (mark === undefined) throw new Error(`cannot read ${idPath(dir)}`);
  return mark;
}

function openLock(dir: string): DatabaseSync {
  try {
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
    fs.accessSync(dir, fs.constants.W_OK | fs.constants.X_OK);
    const path = lockPath(dir);
    makeClosed(path);
    return new DatabaseSync(path);
  } catch (thrown) {
    throw dataDirFault(dir, thrown);
  }
}

/**
 * Who may read it could hold the lock, and SQLite itself would make it as open as umask allows.
 * Only made, never opened: closing a descriptor of a file ends this process's locks on it.
 */
function makeClosed(path: string): void {
  if (fs.existsSync(path)) return;
  try {
    fs.closeSync(fs.openSync(path, "wx", 0o600));
  } catch (thrown) {
    // Another start was faster.
    if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
  }
}

function writeNote(dir: string, note: OwnerNote): void {
  const spare = `${notePath(dir)}.tmp`;
  fs.writeFileSync(spare, `${JSON.stringify(note)}\n`, { mode: 0o600 });
  fs.renameSync(spare, notePath(dir));
}

/** GW_OWNED, naming the owner. */
export function ownedBy(dir: string): GatewayError {
  const note = readOwner(dir);
  const who = note === undefined ? "another process" : `process ${note.pid}`;
  const since = note === undefined ? "" : `, since ${note.started}`;
  return fault("GW_OWNED", {
    message: `Cannot use data_dir "${dir}"`,
    cause: `${who} owns it${since}`,
    data: note === undefined ? {} : { ...note },
  });
}

/** SQLITE_BUSY is 5; Bun and Deno word the error differently. */
function isBusy(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const code = "errcode" in thrown ? thrown.errcode : undefined;
  return code === 5 || thrown.message.includes("database is locked");
}

function lockPath(dir: string): string {
  return join(dir, "owner.db");
}

function idPath(dir: string): string {
  return join(dir, "owner.id");
}

function notePath(dir: string): string {
  return join(dir, "owner.json");
}
