/** `demo --tui`: the gateway of `demo --stay` in the terminal interface, with an agent at work. */

import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { isOwned } from "../gateway/owner.ts";
import type { Invocation } from "./command.ts";
import { type DemoAgent, demoAgent } from "./demo-agent.ts";
import { type DemoFolder, demoFolder, startGateway, stopGateways } from "./demo-gateway.ts";
import { adminKeyOf, keptKey } from "./demo-tools.ts";
import { loadTui, looksOf } from "./tui.ts";

/** A demo that runs already is shown as it is; one that is started here ends with the screen. */
export async function runDemoTui(call: Invocation, port: number): Promise<number> {
  const open = await loadTui(call);
  const state = process.env["XDG_STATE_HOME"] || join(homedir(), ".local/state");
  const path = join(state, "authensor-gw", "demo");
  const socket = join(path, "admin.sock");
  const looks = looksOf(call);
  const place = (folder: DemoFolder) =>
    ({ kind: "gateway", socket, key: keyIn(adminKeyOf(folder)) }) as const;
  if (isOwned(join(path, "data"))) {
    const folder = { path, config: "", log: "", port };
    return await open({ ...looks, place: place(folder) });
  }
  const folder = demoFolder(path, port);
  try {
    const gateway = await startGateway(folder);
    const agent = await demoAgent(gateway.url, await keptKey(folder, "my-agent"));
    const stop = keepCalling(agent);
    const code = await open({ ...looks, place: place(folder) });
    stop();
    return code;
  } finally {
    await stopGateways();
  }
}

function keyIn(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

/** One of each kind that there is to see: answered, denied, too slow, failing now and then. */
const script: readonly (readonly [tool: string, args: Record<string, unknown>])[] = [
  ["notes__read_note", { title: "groceries" }],
  ["notes__write_note", { title: "groceries", body: "tea" }],
  ["notes__delete_note", { title: "groceries" }],
  ["notes__slow_report", {}],
  ["notes__read_note", { title: "no such note" }],
];

/** Never the same one twice: a call that may have run is refused when it is repeated. */
const slower = (at: number) => ({ seconds: 4 + at / 1_000 });

const everyMs = 1_500;

/** The returned function ends it; a call under way is left to the gateway's end. */
function keepCalling(agent: DemoAgent): () => void {
  let at = 0;
  const timer = setInterval(() => {
    const [tool, args] = script[at % script.length] ?? ["notes__read_note", {}];
    at += 1;
    const given = tool === "notes__slow_report" ? slower(at) : args;
    // What the gateway answers is what the screen shows.
    agent.call(tool, given).catch(() => undefined);
  }, everyMs);
  return () => clearInterval(timer);
}
