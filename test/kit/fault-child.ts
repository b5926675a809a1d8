/** A stdio server that handshakes well and then does what its first argument says. */

import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, readdirSync, readlinkSync } from "node:fs";
import process from "node:process";

const [mode = "echo", file = ""] = process.argv.slice(2);

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly _meta?: { readonly progressToken?: number };
    readonly name?: string;
    /** `well`: this call is answered well. */
    readonly arguments?: { readonly well?: boolean };
  };
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
}

function result(id: number | undefined, text: string): void {
  say({ id, result: { content: [{ type: "text", text }] } });
}

/** What each mode does with a tools/call; without an entry it answers "ok". */
const modes: Record<string, (id: number | undefined, message: Message) => void> = {
  silent: () => undefined,
  dies: () => process.exit(3),
  killed: () => process.kill(process.pid, "SIGKILL"),
  env: (id) => result(id, JSON.stringify(process.env)),
  descriptors: (id) => result(id, JSON.stringify(descriptors())),
  huge: () => flood(),
  lines: () => void process.stdout.write("x".repeat(30 * 1024 * 1024)),
  twice(id) {
    result(id, "first");
    result(id, "second");
  },
  stray(id) {
    for (const other of [0, 1, 2, 3, (id ?? 0) + 1, 1e9]) result(other, "stray");
    say({ id: String(id), result: {} });
    result(id, "mine");
  },
  garbage(id) {
    process.stdout.write("Server listening…\n\n{\n[]\nnull\n{}\n\u001b[31mred\n");
    process.stdout.write(Buffer.from([0xff, 0xfe, 0x0a]));
    say({ result: {} });
    say({ id, method: 5 } as object);
  },
  tells(id) {
    process.stderr.write(`${Object.values(process.env).join(" ")} ${process.argv.join(" ")}\n`);
    result(id, "told");
  },
  /** One line of 300 MB that is an answer. */
  giant(id) {
    const block = Buffer.alloc(1024 * 1024, "x");
    process.stdout.write(`{"jsonrpc":"2.0","id":${id},"result":{"content":[{"text":"`);
    for (let count = 0; count < 300; count += 1) process.stdout.write(block);
    process.stdout.write('","type":"text"}]}}\n');
  },
  drip(id) {
    const text = `{"jsonrpc":"2.0","id":${id},"result":{"content":[]}}\n`;
    for (let at = 0; at < text.length; at += 1) {
      setTimeout(() => process.stdout.write(text.charAt(at)), at * 30);
    }
  },
  /** Tells of progress for ever, and never answers. */
  promises(_, { params }) {
    const progressToken = params?._meta?.progressToken;
    let progress = 0;
    const timer = setInterval(() => {
      progress += 1;
      say({ method: "notifications/progress", params: { progressToken, progress } });
      if (progress > 200) clearInterval(timer);
    }, 50);
  },
  /** A million progress notifications as fast as they are taken, then the answer. */
  storm(id, { params }) {
    const progressToken = params?._meta?.progressToken;
    const total = Number(file === "" ? 1_000_000 : file);
    let progress = 0;
    const more = () => {
      while (progress < total) {
        let text = "";
        for (let count = 0; count < 1_000; count += 1) {
          progress += 1;
          const told = { method: "notifications/progress", params: { progressToken, progress } };
          text += `${JSON.stringify({ jsonrpc: "2.0", ...told })}\n`;
        }
        if (process.stdout.write(text)) continue;
        process.stdout.once("drain", more);
        return;
      }
      result(id, "ok");
    };
    more();
  },
  /** The tool has another name from now on. */
  renames(id) {
    tool = "u";
    say({ method: "notifications/tools/list_changed" });
    result(id, "ok");
  },
  /** 10 MB without a line's end, then nothing. */
  endless: () => void process.stdout.write("x".repeat(10 * 1024 * 1024)),
  babble: () => forever(process.stdout, "y\n"),
  moans: () => forever(process.stderr, "err\n"),
  odd: () => forever(process.stdout, '{"jsonrpc":"2.0"}\n'),
  noise(id) {
    process.stdout.write("Server listening…\n\n{\n[]\nnull\n{}\n\u001b[31mred\n");
    process.stdout.write(Buffer.from([0xff, 0xfe, 0x0a]));
    result(id, "ok");
  },
  double: (id) =>
    void process.stdout.write(`{"jsonrpc":"2.0","id":${id},"result":{},"result":{}}\n`),
  asks(id) {
    say({ id: 1, method: "ping" });
    say({ id: "x", method: "roots/list" });
    pending = id;
  },
  /** What leaves the group: a session of its own, and one that was forked twice. */
  escapes(id) {
    result(id, `${escapee(true)} ${escapee(false)}`);
  },
  /** Holds the pipe to the gateway open and ignores TERM. */
  holds(id) {
    const script = "trap '' TERM; sleep 300 & wait; wait";
    const child = spawn("sh", ["-c", script], { detached: true, stdio: "inherit" });
    result(id, String(child.pid));
  },
  /** Forks, each in a session of its own, up to a bound. */
  bomb(id) {
    const script =
      "trap '' TERM; i=0; while [ $i -lt 60 ]; do setsid sleep 300 & i=$((i+1)); done; wait";
    spawn("sh", ["-c", script], { detached: true, stdio: "ignore" });
    result(id, "lit");
  },
  stops(id) {
    result(id, "stopped");
    setTimeout(() => process.kill(process.pid, "SIGSTOP"), 20);
  },
  /** Its own child is a zombie: nobody waits for it. */
  zombie(id) {
    const script = "sleep 0.05 & exec sleep 300";
    spawn("sh", ["-c", script], { stdio: "ignore" });
    result(id, "undead");
  },
  grandchild(id) {
    const child = spawn("/bin/sh", ["-c", "trap '' TERM; sleep 300"], { stdio: "ignore" });
    result(id, String(child.pid));
  },
};

function escapee(isChild: boolean): number {
  const script = "trap '' TERM; while :; do sleep 1; done";
  if (isChild) return spawn("sh", ["-c", script], { detached: true, stdio: "ignore" }).pid ?? 0;
  const twice = `setsid sh -c "${script}" >/dev/null 2>&1 & echo $!`;
  return Number(spawnSync("sh", ["-c", twice], { encoding: "utf8" }).stdout);
}

let tool = "t";
let pending: number | undefined;
const replies: unknown[] = [];

function descriptors(): [string, string][] {
  return readdirSync("/proc/self/fd").flatMap((fd): [string, string][] => {
    try {
      return [[fd, readlinkSync(`/proc/self/fd/${fd}`)]];
    } catch {
      // The folder's own descriptor, closed by now.
      return [];
    }
  });
}

function flood(): void {
  forever(process.stdout, "x");
}

function forever(to: NodeJS.WriteStream, text: string): void {
  const block = Buffer.alloc(1024 * 1024, text);
  const more = () => {
    while (to.write(block));
    to.once("drain", more);
  };
  more();
}

function receive(line: string): void {
  const message = JSON.parse(line) as Message;
  const { id, method } = message;
  if (file !== "") appendFileSync(file, `${line}\n`);
  if (method === "initialize") {
    const serverInfo = { name: mode, version: "1" };
    const capabilities = { tools: mode === "renames" ? { listChanged: true } : {} };
    say({ id, result: { protocolVersion: "2025-11-25", capabilities, serverInfo } });
  } else if (method === "server/discover") {
    if (mode === "exits-on-probe") process.exit(1);
    if (mode === "mute-on-probe") return;
    say({ id, error: { code: -32601, message: "Method not found" } });
  } else if (method === "ping") {
    say({ id, result: {} });
  } else if (method === "tools/list") {
    const inputSchema = { type: "object", properties: { n: {}, well: {} } };
    say({ id, result: { tools: [{ name: tool, inputSchema }] } });
  } else if (method === "tools/call") {
    const act = message.params?.arguments?.well === true ? undefined : modes[mode];
    if (act === undefined) result(id, "ok");
    else act(id, message);
  } else if (method === undefined) {
    replies.push(message);
    if (replies.length === 2) result(pending, JSON.stringify(replies));
  }
}

if (mode === "stays") process.on("SIGTERM", () => undefined);
if (mode === "deaf") setInterval(() => undefined, 1000);
else {
  let text = "";
  process.stdin.on("data", (chunk) => {
    text += String(chunk);
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) receive(line);
  });
  if (mode === "stays") setInterval(() => undefined, 1000);
}
console.error(`fault child in mode ${mode}`);
