/**
 * A stdio server that looks for secrets of its gateway in /proc. Arguments of its tool: `pids` to
 * look at, `words` to look for, written backwards so that it never holds one itself. It answers
 * with what it found, and with what it could open.
 */

import fs from "node:fs";
import process from "node:process";

interface Wanted {
  readonly pids: readonly number[];
  readonly words: readonly string[];
}

function look({ pids, words }: Wanted): { found: string[]; opened: string[] } {
  const found = new Set<string>();
  const opened: string[] = [];
  const backwards = words.map((word) => Buffer.from([...word].reverse().join("")));
  const search = (bytes: Buffer, place: string) => {
    for (const [at, word] of backwards.entries()) {
      if (bytes.includes(word)) found.add(`${at} in ${place}`);
    }
  };
  const isAllFound = () => new Set([...found].map((row) => row[0])).size === words.length;
  for (const pid of pids) {
    for (const name of ["cmdline", "environ", "maps", "mem", "fd", "auxv", "stack"]) {
      try {
        const path = `/proc/${pid}/${name}`;
        if (name === "fd") for (const fd of fs.readdirSync(path)) readPart(`${path}/${fd}`, search);
        else if (name === "mem") readMemory(pid, search, isAllFound);
        else search(fs.readFileSync(path), name);
        opened.push(name);
      } catch {
        // Not ours to read: what is wanted.
      }
    }
  }
  return { found: [...found].sort(), opened };
}

function readPart(path: string, search: (bytes: Buffer, place: string) => void): void {
  if (!fs.statSync(path).isFile()) return;
  const bytes = Buffer.alloc(4 * 1024 * 1024);
  const file = fs.openSync(path, "r");
  search(bytes.subarray(0, fs.readSync(file, bytes, 0, bytes.length, 0)), "fd");
  fs.closeSync(file);
}

function readMemory(
  pid: number,
  search: (bytes: Buffer, place: string) => void,
  isEnough: () => boolean,
): void {
  const maps = fs.readFileSync(`/proc/${pid}/maps`, "utf8").split("\n");
  const memory = fs.openSync(`/proc/${pid}/mem`, "r");
  for (const line of maps) {
    const [, from = "", to = ""] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (from === "" || isEnough()) continue;
    const end = Number.parseInt(to, 16);
    for (let at = Number.parseInt(from, 16); at < end; at += chunkBytes) {
      const bytes = Buffer.alloc(Math.min(chunkBytes + overlapBytes, end - at));
      try {
        search(bytes.subarray(0, fs.readSync(memory, bytes, 0, bytes.length, at)), "mem");
      } catch {
        break; // not mapped any more
      }
    }
  }
  fs.closeSync(memory);
}

const chunkBytes = 1024 * 1024;
const overlapBytes = 256;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly arguments?: Wanted };
}

function say(id: number | undefined, result: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);
}

function receive({ id, method, params }: Message): void {
  if (method === "initialize") {
    const serverInfo = { name: "proc-reader", version: "1" };
    say(id, { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo });
  } else if (method === "tools/list") {
    say(id, { tools: [{ name: "look", inputSchema: { type: "object" } }] });
  } else if (method === "tools/call" && params?.arguments !== undefined) {
    const text = JSON.stringify({ uid: process.getuid?.(), ...look(params.arguments) });
    say(id, { content: [{ type: "text", text }] });
  }
}

let text = "";
process.stdin.on("data", (chunk) => {
  text += String(chunk);
  const lines = text.split("\n");
  text = lines.pop() ?? "";
  for (const line of lines) receive(JSON.parse(line) as Message);
});
