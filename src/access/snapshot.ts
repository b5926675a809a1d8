/**
 * The keys as of the last refresh, in data_dir, so that a start without a database serves them
 * (O2). Signed with a key of this installation: what was edited or half written is not used.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { existsSync } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { fault } from "../base/errors.ts";
import { isObject, member } from "../base/json.ts";
import type { Random } from "../base/ports.ts";
import type { KeyRow } from "../store/store.ts";

export interface Snapshot {
  /** Place of the store it mirrors: the keys of another store are none of ours. */
  readonly place: string;
  readonly savedMs: number;
  readonly keys: readonly KeyRow[];
  /** Revoked here, not yet in the store. */
  readonly pending: readonly PendingRevocation[];
}

export interface PendingRevocation {
  readonly id: string;
  readonly atMs: number;
}

export interface SnapshotFile {
  /** undefined: there is none. Rejects with GW_SNAPSHOT when it does not check. */
  load(): Promise<Snapshot | undefined>;
  /** Durable when it resolves. Rejects with GW_DATA_DIR. */
  save(snapshot: Snapshot): Promise<void>;
}

/** Makes `snapshot.key` (0600) at the first start. Rejects GW_SECRET_MODE when others can read. */
export async function openSnapshot(dataDir: string, random: Random): Promise<SnapshotFile> {
  const key = await signingKey(dataDir, random);
  const path = snapshotPath(dataDir);
  const sign = (text: string) => createHmac("sha256", key).update(domain).update(text).digest();
  return {
    async load() {
      const text = await readIfThere(path);
      if (text === undefined) return undefined;
      const split = text.indexOf("\n");
      const given = Buffer.from(text.slice(0, Math.max(split, 0)), "hex");
      const payload = text.slice(split + 1);
      const made = sign(payload);
      if (given.length !== made.length || !timingSafeEqual(given, made)) {
        const message = `The key snapshot "${path}" does not check`;
        throw fault("GW_SNAPSHOT", { message, cause: "its signature is not of this data_dir" });
      }
      return readPayload(payload, path);
    },
    async save(snapshot) {
      const payload = JSON.stringify({ version: 1, ...snapshot });
      await replaceFile(path, `${sign(payload).toString("hex")}\n${payload}`);
    },
  };
}

/** A start without a database lets nobody in where there is none. */
export function hasSnapshot(dataDir: string): boolean {
  return existsSync(snapshotPath(dataDir));
}

function snapshotPath(dataDir: string): string {
  return join(dataDir, "keys.snapshot");
}

const domain = "authensor/keys/v1\0";

async function signingKey(dataDir: string, random: Random): Promise<Uint8Array> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 }).catch((thrown) => {
    throw dataDirFault(dataDir, thrown);
  });
  const path = join(dataDir, "snapshot.key");
  const found = await readIfThere(path);
  if (found !== undefined) {
    await refuseShared(path);
    const key = Buffer.from(found.trim(), "hex");
    if (key.length === keyBytes) return key;
    const message = `The key "${path}" is not ${keyBytes} bytes of hex`;
    throw fault("GW_SNAPSHOT", { message, fix: "remove snapshot.key and keys.snapshot" });
  }
  const key = random.bytes(keyBytes);
  await replaceFile(path, `${Buffer.from(key).toString("hex")}\n`);
  return key;
}

const keyBytes = 32;

/** O4: a secret that others can read is no secret. Modes mean nothing on Windows. */
async function refuseShared(path: string): Promise<void> {
  const { mode } = await stat(path);
  if (process.platform === "win32" || (mode & 0o077) === 0) return;
  const octal = (mode & 0o777).toString(8).padStart(4, "0");
  const message = `The key "${path}" has mode ${octal}`;
  throw fault("GW_SECRET_MODE", { message, fix: `chmod 600 ${path}` });
}

/** All or nothing, and durable: temporary file, fsync, rename, fsync of the folder (A17). */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await withFile(await open(temporary, "w", 0o600), async (file) => {
      await file.chmod(0o600);
      await file.writeFile(text);
      await file.sync();
    });
    await rename(temporary, path);
    await withFile(await open(dirname(path), "r"), (folder) => folder.sync());
  } catch (thrown) {
    throw dataDirFault(path, thrown);
  }
}

async function withFile(file: FileHandle, work: (file: FileHandle) => Promise<void>) {
  try {
    await work(file);
  } finally {
    await file.close();
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return undefined;
    throw dataDirFault(path, thrown);
  }
}

function dataDirFault(path: string, thrown: unknown) {
  const cause = thrown instanceof Error ? thrown.message : String(thrown);
  return fault("GW_DATA_DIR", { message: `Cannot use "${path}"`, cause });
}

/** Signed by us, so only its version can be a surprise: one of a later gateway. */
function readPayload(payload: string, path: string): Snapshot {
  const tree: unknown = JSON.parse(payload);
  if (isObject(tree) && member(tree, "version") === 1) return tree as unknown as Snapshot;
  throw fault("GW_SNAPSHOT", {
    message: `The key snapshot "${path}" does not check`,
    cause: "a later version of the gateway wrote it",
  });
}
