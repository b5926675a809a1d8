/** The file system as the spool uses it: a port, so that a test can cut the power (A17). */

import fs from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import type { Sys } from "../runtime/runtime.ts";

/** One directory. All promises reject with the runtime's errno error (`code`: ENOSPC, EIO…). */
export interface SpoolFs {
  list(): Promise<readonly string[]>;
  /** A new file, blocks reserved, name durable; ENOSPC shows here, and then no file is left. */
  create(name: string, bytes: number): Promise<SpoolFile>;
  open(name: string): Promise<SpoolFile>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Makes creations, renames and removals durable. */
  syncDir(): Promise<void>;
}

export interface SpoolFile {
  size(): Promise<number>;
  /** Bytes read, less than asked for only at the end. */
  read(into: Uint8Array, at: number): Promise<number>;
  /** Resolves when all bytes are on disk. */
  write(bytes: Uint8Array, at: number): Promise<void>;
  sync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  /** Reserves blocks up to this size. */
  reserve(bytes: number): Promise<void>;
  close(): Promise<void>;
}

/** A real directory; made with mode 0700 when it is not there. */
export function nodeSpoolFs(dir: string, sys: Pick<Sys, "fallocate">): SpoolFs {
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  return {
    list: async () => (await fs.promises.readdir(dir)).sort(),
    async create(name, bytes) {
      const path = join(dir, name);
      const fd = await open(path, C.O_RDWR | C.O_CREAT | C.O_EXCL, 0o600);
      try {
        await reserve(fd, bytes, sys);
        await fsync(fd);
        await syncDir(dir);
        return spoolFile(await durableFd(path, fd), sys);
      } catch (thrown) {
        await close(fd);
        await fs.promises.unlink(path);
        throw thrown;
      }
    },
    async open(name) {
      const path = join(dir, name);
      return spoolFile(await durableFd(path, await open(path, C.O_RDWR, 0)), sys);
    },
    rename: (from, to) => fs.promises.rename(join(dir, from), join(dir, to)),
    remove: (name) => fs.promises.unlink(join(dir, name)),
    syncDir: () => syncDir(dir),
  };
}

async function syncDir(dir: string): Promise<void> {
  const fd = await open(dir, C.O_RDONLY, 0);
  try {
    await fsync(fd);
  } finally {
    await close(fd);
  }
}

const C = fs.constants;
const open = promisify<string, number, number, number>(fs.open);
const close = promisify(fs.close);
const fsync = promisify(fs.fsync);
const fdatasync = promisify(fs.fdatasync);
const ftruncate = promisify(fs.ftruncate);

interface Fd {
  readonly fd: number;
  /** A write returns when it is on disk: no second trip through the thread pool. */
  readonly dsync: boolean;
}

/**
 * Measured, compiled, CPU µs per sync at 1 / 32 concurrent and p50 of 560 B (raw: 0.11 ms):
 * write + fdatasync 84 / 83, 0.143 ms; O_DSYNC 64 / 70, 0.118 ms. A worker: 57 to 94, 0.12 ms.
 */
async function durableFd(path: string, plain: number): Promise<Fd> {
  if (process.platform !== "linux") return { fd: plain, dsync: false };
  const fd = await open(path, C.O_RDWR | C.O_DSYNC, 0);
  if (!hasDsync(fd)) {
    await close(fd);
    return { fd: plain, dsync: false };
  }
  await close(plain);
  return { fd, dsync: true };
}

/** Asks the kernel whether the runtime passed the flag on: trusting it would lose records. */
function hasDsync(fd: number): boolean {
  try {
    const info = fs.readFileSync(`/proc/self/fdinfo/${fd}`, "latin1");
    const line = info.split("\n").find((one) => one.startsWith("flags:")) ?? "";
    return (Number.parseInt(line.slice(6).trim(), 8) & C.O_DSYNC) !== 0;
  } catch {
    // Without /proc nobody can say: the slower way is always right.
    return false;
  }
}

function spoolFile({ fd, dsync }: Fd, sys: Pick<Sys, "fallocate">): SpoolFile {
  return {
    size: async () => (await promisify<number, fs.Stats>(fs.fstat)(fd)).size,
    async read(into, at) {
      let done = 0;
      while (done < into.length) {
        const count = await readSome(fd, into.subarray(done), at + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    },
    async write(bytes, at) {
      await writeAll(fd, bytes, at);
      if (!dsync) await fdatasync(fd);
    },
    sync: () => fdatasync(fd),
    truncate: (bytes) => ftruncate(fd, bytes),
    reserve: (bytes) => reserve(fd, bytes, sys),
    close: () => close(fd),
  };
}

function readSome(fd: number, into: Uint8Array, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, 0, into.length, at, (error, count) =>
      error ? reject(error) : resolve(count),
    );
  });
}

/** A short write is a failure, not a reason to go on (L4). */
function writeAll(fd: number, bytes: Uint8Array, at: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.write(fd, bytes, 0, bytes.length, at, (error, count) => {
      if (error) reject(error);
      else if (count !== bytes.length) reject(shortWrite(count, bytes.length));
      else resolve();
    });
  });
}

function shortWrite(count: number, wanted: number): Error {
  return new Error(`short write: ${count} of ${wanted} bytes`);
}

/** Zeros where the platform cannot reserve; that also brings the ENOSPC which fallocate hid. */
async function reserve(fd: number, bytes: number, sys: Pick<Sys, "fallocate">): Promise<void> {
  const size = (await promisify<number, fs.Stats>(fs.fstat)(fd)).size;
  if (size >= bytes || sys.fallocate(fd, bytes)) return;
  const zeros = new Uint8Array(Math.min(bytes, 1024 * 1024));
  for (let at = size; at < bytes; at += zeros.length) {
    await writeAll(fd, zeros.subarray(0, Math.min(zeros.length, bytes - at)), at);
  }
}
