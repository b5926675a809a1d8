/**
 * Becomes a program inside the walls of the unit that systemd would put up: without new privileges
 * and with its system call filter. `bun walls.ts FILTER… -- PROGRAM ARG…`, FILTER as in
 * SystemCallFilter=. Caps, user and mounts are for setpriv and unshare around it.
 */

import { dlopen, ptr } from "bun:ffi";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";

const end = process.argv.indexOf("--");
const allowed = numbersOf(process.argv.slice(2, end));
const program = process.argv.slice(end + 1);
become(program, filterOf([...allowed].sort((a, b) => a - b)));

/** Numbers of the calls that the filters leave, each a list of sets; `~` takes away. */
function numbersOf(filters: readonly string[]): Set<number> {
  const header = readFileSync("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "utf8");
  const numbers = new Map(
    [...header.matchAll(/^#define __NR_(\w+) (\d+)/gm)].map(([, name = "", no]) => [
      name,
      Number(no),
    ]),
  );
  const left = new Set<string>();
  for (const filter of filters) {
    const names = filter.replace("~", "").split(" ").flatMap(callsOf);
    for (const name of names) {
      if (filter.startsWith("~")) left.delete(name);
      else left.add(name);
    }
  }
  // systemd always leaves these, or no process could even begin.
  for (const name of callsOf("@default")) left.add(name);
  const known = [...left].map((name) => numbers.get(name));
  return new Set(known.filter((number) => number !== undefined));
}

function callsOf(set: string): string[] {
  if (!set.startsWith("@")) return [set];
  const text = execFileSync("systemd-analyze", ["syscall-filter", "--no-pager", set], {
    encoding: "utf8",
  });
  const words = text.split("\n").map((line) => line.trim());
  return words
    .filter((word) => word !== "" && !word.startsWith("#") && word !== set)
    .flatMap(callsOf);
}

/** Classic BPF: another architecture ends the process, a call that is not listed is EPERM. */
function filterOf(numbers: readonly number[]): Buffer {
  const [load, equal, give] = [0x20, 0x15, 0x06];
  const [allow, refuse, kill] = [0x7fff0000, 0x00050001, 0x80000000];
  const rows: [number, number, number, number][] = [
    [load, 0, 0, 4],
    [equal, 1, 0, 0xc000003e],
    [give, 0, 0, kill],
    [load, 0, 0, 0],
    ...numbers.flatMap((number): [number, number, number, number][] => [
      [equal, 0, 1, number],
      [give, 0, 0, allow],
    ]),
    [give, 0, 0, refuse],
  ];
  const code = Buffer.alloc(rows.length * 8);
  for (const [at, [op, yes, no, value]] of rows.entries()) {
    code.writeUInt16LE(op, at * 8);
    code.writeUInt8(yes, at * 8 + 2);
    code.writeUInt8(no, at * 8 + 3);
    code.writeUInt32LE(value >>> 0, at * 8 + 4);
  }
  return code;
}

function become(command: readonly string[], filter: Buffer): void {
  const libc = dlopen("libc.so.6", {
    prctl: { args: ["i32", "u64", "ptr", "u64", "u64"], returns: "i32" },
    execvp: { args: ["ptr", "ptr"], returns: "i32" },
  }).symbols;
  const words = command.map((word) => Buffer.from(`${word}\0`));
  const list = new BigUint64Array([...words.map((word) => BigInt(ptr(word))), 0n]);
  const fprog = Buffer.alloc(16);
  fprog.writeUInt16LE(filter.length / 8, 0);
  fprog.writeBigUInt64LE(BigInt(ptr(filter)), 8);
  const [noNewPrivileges, seccomp, mode] = [38, 22, 2];
  if (libc.prctl(noNewPrivileges, 1, null, 0, 0) !== 0) throw new Error("no_new_privs");
  if (libc.prctl(seccomp, mode, ptr(fprog), 0, 0) !== 0) throw new Error("seccomp");
  libc.execvp(ptr(words[0]!), ptr(list));
  throw new Error(`cannot run ${command[0]}`);
}
