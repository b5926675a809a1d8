/**
 * `demo --stay`, which `npm start` runs: the same gateway on port 3100, in a folder that is kept.
 * Shows the main job once, then stays and prints the line to paste into an agent.
 */

import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { isOwned } from "../gateway/owner.ts";
import { selfCommand } from "../runtime/self.ts";
import { demoAgent } from "./demo-agent.ts";
import {
  alreadyRuns,
  type DemoFolder,
  demoFolder,
  startGateway,
  stopGateways,
} from "./demo-gateway.ts";
import { interruption } from "./demo-interrupt.ts";
import { adminKeyOf, agentKeyOf, keptKey, receiptsOf, verifyLive } from "./demo-tools.ts";

/** Runs until a signal, or until its gateway ends; resolves with the exit code. */
export async function runDemoStay(say: (line: string) => void, port: number): Promise<number> {
  const signals = interruption();
  const state = process.env["XDG_STATE_HOME"] || join(homedir(), ".local/state");
  const path = join(state, "authensor-gw", "demo");
  // Before anything is written: the config there is that of the one that runs.
  if (isOwned(join(path, "data"))) throw alreadyRuns(path);
  const folder = demoFolder(path, port);
  const told = signals.code.then(() => 0);
  try {
    return await Promise.race([stay(folder, say), told]);
  } finally {
    await stopGateways();
    signals.end();
  }
}

async function stay(folder: DemoFolder, say: (line: string) => void): Promise<number> {
  const gateway = await startGateway(folder);
  const token = await keptKey(folder, "my-agent");
  say(`gateway   ${gateway.url}/mcp, with the example server "notes" behind it`);
  say(`key       my-agent (executor): ${token}`);
  const agent = await demoAgent(gateway.url, token);
  const read = await agent.callUntilOk("notes__read_note", { title: "groceries" }, 10_000);
  say(`allowed   read_note groceries → ${read.text}`);
  const denied = await agent.call("notes__delete_note", { title: "groceries" });
  say(`denied    delete_note groceries → ${denied.text}`);
  await agent.close();
  for (const receipt of (await receiptsOf(folder)).slice(0, 2).reverse()) {
    const rule = receipt.rule === null ? "" : ` by rule ${receipt.rule}`;
    say(`receipt   ${receipt.id} ${receipt.tool} ${receipt.effect}${rule}: ${receipt.outcome}`);
  }
  say(`verified  ${(await verifyLive(folder)).text}`);
  say("");
  say("It stays running (ctrl-c ends it). For an agent such as Claude Code, paste:");
  const header = `--header "Authorization: Bearer ${token}"`;
  say(`  claude mcp add --transport http authensor ${gateway.url}/mcp ${header}`);
  say("");
  say(`Config, policy, keys and receipts are in ${folder.path}.`);
  // Elsewhere npx would ask the registry for a package of this name, and run what it finds.
  say(`In another terminal${isCheckout() ? ", in this folder" : ""}:`);
  say(`  ${program()} receipts list --config ${folder.config}`);
  say(`  ${program()} status --config ${folder.config}`);
  say(`  ${program()} logs -f --config ${folder.config}`);
  const call = `tools call notes/read_note --args '{"title":"travel"}'`;
  say(`  ${program()} ${call} --key-file ${agentKeyOf(folder)} --config ${folder.config}`);
  say(`What changes something needs the demo's admin key: --key-file ${adminKeyOf(folder)}`);
  const code = await gateway.ended;
  say(`The gateway ended; its log is ${folder.log}`);
  return code ?? 70;
}

/** As a person starts it: a compiled binary by its path, a checkout by the name npm knows. */
function program(): string {
  const [binary = "authensor-gw"] = selfCommand();
  return isCheckout() ? "npx authensor-gw" : binary;
}

function isCheckout(): boolean {
  return selfCommand().length > 1;
}
