/** System calls that no runtime offers, through Bun's ffi, loaded at the first use. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import type { Sys } from "./runtime.ts";

const PR_SET_DUMPABLE = 4;
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;
/** A reader that is behind must not stop the loop. */
const MSG_DONTWAIT = 0x40;
const MADV_DONTNEED = 4;
const WNOHANG = 1;
const CLOCK_MONOTONIC = 1;
const [IPPROTO_TCP, TCP_INFO, TCP_ESTABLISHED, SHUT_RDWR] = [6, 11, 1, 2];
/** In struct tcp_info (linux/tcp.h): ms since data came, and how much ever did. */
const [lastDataAt, receivedAt] = [52, 128];

type LinuxSys = Omit<Sys, "ended"> & {
  /** Something came over this connection, read or not; true where nobody can tell. */
  hasSent(handle: number): boolean;
};

/** Linux, glibc or musl; elsewhere everything answers that it cannot. */
export function linuxSys(): LinuxSys {
  const linux = process.platform === "linux";
  const libc = linux ? lazily() : undefined;
  return {
    fallocate: (fd, bytes) => libc?.posix_fallocate?.(fd, 0, bytes) === 0,
    trimText: () => libc !== undefined && trimText(libc),
    heapBytes: () => jsc().heapSize(),
    // fullGC leaves the sweep for later, which each young collection puts off again: under load the
    // heap kept 31 MB for 13 MB that live, instead of 26.
    collect: () => jsc().gcAndSweep(),
    collectYoung: () => jsc().edenGC(),
    reap: (pid) => libc?.waitpid?.(pid, null, WNOHANG) === pid,
    giveWay: () => libc?.sched_yield?.() === 0,
    notDumpable: () => libc?.prctl?.(PR_SET_DUMPABLE, 0, 0, 0, 0) === 0,
    closeSilent: (ports, most, ms) => (libc === undefined ? 0 : closeSilent(libc, ports, most, ms)),
    hasSent: (handle) => libc === undefined || (tcpInfo(libc, handle)?.received ?? 1n) > 0n,
    notify(state) {
      const { NOTIFY_SOCKET: path } = process.env;
      if (path === undefined || path === "") return false;
      // Type=notify-reload wants to know that it is not from before it asked.
      const since = state.startsWith("RELOADING=1") ? `\nMONOTONIC_USEC=${monotonicUs(libc)}` : "";
      return sendDatagram(libc, path, `${state}${since}`);
    },
  };
}

interface Jsc {
  heapSize(): number;
  gcAndSweep(): number;
  edenGC(): number;
}

/** Not at the top: a start does not need it. */
function jsc(): Jsc {
  engine ??= createRequire(import.meta.url)("bun:jsc") as Jsc;
  return engine;
}

let engine: Jsc | undefined;

function trimText({ madvise }: Partial<Libc>): boolean {
  if (madvise === undefined) return false;
  let trimmed = false;
  try {
    text ??= textOf(readFileSync("/proc/self/smaps", "utf8"));
  } catch {
    return false; // no file is left, or no /proc
  }
  for (const [at, bytes] of text) {
    trimmed = madvise(at, bytes, MADV_DONTNEED) === 0;
  }
  return trimmed;
}

let text: readonly (readonly [at: number, bytes: number])[] | undefined;

/**
 * What is mapped from the program's file, cannot be written and never was, so that no page can be
 * lost: its code and constants. Relocated data that was made read-only has pages of its own.
 */
function textOf(smaps: string): [number, number][] {
  const found: [number, number][] = [];
  // Each mapping: a line with its range and mode, then lines of figures.
  for (const mapping of smaps.split(/\n(?=[0-9a-f]+-)/)) {
    const [first = "", ...figures] = mapping.split("\n");
    const [range = "", mode] = first.split(" ", 2);
    if ((mode !== "r-xp" && mode !== "r--p") || !first.endsWith(process.execPath)) continue;
    if (!figures.some((line) => line.startsWith("Anonymous:") && line.endsWith(" 0 kB"))) continue;
    const [from = "", to = ""] = range.split("-");
    const at = Number.parseInt(from, 16);
    found.push([at, Number.parseInt(to, 16) - at]);
  }
  return found;
}

/** Needs no file of its own, as there may be none left. The runtime sees their end as any other. */
function closeSilent(
  libc: Partial<Libc>,
  ports: readonly number[],
  most: number,
  ms: number,
): number {
  const { getsockname, shutdown } = libc;
  if (!getsockname || !shutdown) return 0;
  const name = new Uint8Array(128);
  let closed = 0;
  for (let handle = 3; handle < most; handle += 1) {
    const tcp = tcpInfo(libc, handle);
    if (!tcp?.established || tcp.received > 0n || tcp.quietMs < ms) continue;
    // Those that the gateway opened itself are not at its doors.
    if (getsockname(handle, name, new Uint32Array([name.length])) !== 0) continue;
    if (!ports.includes(new DataView(name.buffer).getUint16(2))) continue;
    if (shutdown(handle, SHUT_RDWR) === 0) closed += 1;
  }
  return closed;
}

interface TcpInfo {
  readonly established: boolean;
  /** Since data came. */
  readonly quietMs: number;
  readonly received: bigint;
}

const info = new DataView(new ArrayBuffer(256));
const infoBytes = new Uint8Array(info.buffer);

/** undefined: no TCP socket, or a kernel that says less. */
function tcpInfo({ getsockopt }: Partial<Libc>, handle: number): TcpInfo | undefined {
  const size = new Uint32Array([info.byteLength]);
  if (getsockopt?.(handle, IPPROTO_TCP, TCP_INFO, infoBytes, size) !== 0) return undefined;
  if ((size[0] ?? 0) < receivedAt + 8) return undefined;
  return {
    established: info.getUint8(0) === TCP_ESTABLISHED,
    quietMs: info.getUint32(lastDataAt, true),
    received: info.getBigUint64(receivedAt, true),
  };
}

/** The machine's own clock; those of the runtimes begin with the process. */
function monotonicUs(libc: Partial<Libc> | undefined): bigint {
  const time = new BigInt64Array(2);
  libc?.clock_gettime?.(CLOCK_MONOTONIC, new Uint8Array(time.buffer));
  const [seconds = 0n, nanoseconds = 0n] = time;
  return seconds * 1_000_000n + nanoseconds / 1_000n;
}

/** sd_notify(3): one datagram to a unix socket; a leading @ names an abstract one. */
function sendDatagram(libc: Partial<Libc> | undefined, path: string, text: string): boolean {
  const { socket: open, sendto, close } = libc ?? {};
  if (open === undefined || sendto === undefined || close === undefined) return false;
  const name = Buffer.from(path);
  if (name[0] === 0x40) name[0] = 0;
  const address = Buffer.concat([
    new Uint8Array(new Uint16Array([AF_UNIX]).buffer),
    name,
    // A path ends with a zero byte, an abstract name does not.
    Buffer.alloc(name[0] === 0 ? 0 : 1),
  ]);
  const socket = open(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (socket < 0) return false;
  const data = Buffer.from(text);
  const flags = MSG_NOSIGNAL | MSG_DONTWAIT;
  const sent = sendto(socket, data, data.length, flags, address, address.length);
  close(socket);
  return Number(sent) === data.length;
}

interface Libc {
  posix_fallocate(fd: number, offset: number, bytes: number): number;
  sched_yield(): number;
  prctl(option: number, a: number, b: number, c: number, d: number): number;
  socket(domain: number, type: number, protocol: number): number;
  sendto(
    fd: number,
    data: Uint8Array,
    size: number,
    flags: number,
    address: Uint8Array,
    addressSize: number,
  ): number | bigint;
  close(fd: number): number;
  getsockopt(fd: number, level: number, name: number, to: Uint8Array, size: Uint32Array): number;
  getsockname(fd: number, to: Uint8Array, size: Uint32Array): number;
  shutdown(fd: number, how: number): number;
  madvise(address: number, bytes: number, advice: number): number;
  clock_gettime(clock: number, time: Uint8Array): number;
  waitpid(pid: number, status: null, options: number): number;
}

interface Ffi {
  dlopen(name: string, functions: unknown): { readonly symbols: Libc };
}

const functions = {
  posix_fallocate: { args: ["i32", "i64", "i64"], returns: "i32" },
  sched_yield: { args: [], returns: "i32" },
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  madvise: { args: ["u64", "u64", "i32"], returns: "i32" },
};

/** Each function at its first use: binding one costs a millisecond of a start. */
function lazily(): Partial<Libc> {
  const bound: Partial<Libc> = {};
  for (const name of Object.keys(functions) as (keyof Libc)[]) {
    Object.defineProperty(bound, name, {
      configurable: true,
      get() {
        const value = bind(name);
        Object.defineProperty(bound, name, { value });
        return value;
      },
    });
  }
  return bound;
}

function bind<K extends keyof Libc>(name: K): Libc[K] | undefined {
  for (const library of ["libc.so.6", `libc.musl-${muslName()}.so.1`]) {
    try {
      const ffi = createRequire(import.meta.url)("bun:ffi") as Ffi;
      return ffi.dlopen(library, { [name]: functions[name] }).symbols[name];
    } catch {
      // The other C library, or none: Sys answers that it cannot, and doctor says so.
    }
  }
  return undefined;
}

function muslName(): string {
  return process.arch === "arm64" ? "aarch64" : "x86_64";
}
