/**
 * `authensor-gw demo`: the main job in twenty seconds with nothing but this program. Each step is
 * done for real and checked; the narration says what was seen, and a step that fails ends the demo.
 */

import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fault } from "../base/errors.ts";
import { type DemoAgent, demoAgent } from "./demo-agent.ts";
import {
  type DemoFolder,
  type DemoGateway,
  demoFolder,
  endGateways,
  startGateway,
} from "./demo-gateway.ts";
import { interruption } from "./demo-interrupt.ts";
import { flipOneByte, makeKey, receiptsOf, serverPid, verify } from "./demo-tools.ts";

/** Writes lines to `say`; resolves with the exit code. Everything it made is removed again. */
export async function runDemo(say: (line: string) => void): Promise<number> {
  const signals = interruption();
  const folder = demoFolder(mkdtempSync(join(tmpdir(), "authensor-demo-")), 0);
  try {
    return await Promise.race([demonstrate(folder, say), signals.code]);
  } finally {
    await endGateways();
    rmSync(folder.path, { recursive: true, force: true });
    signals.end();
  }
}

async function demonstrate(folder: DemoFolder, say: (line: string) => void): Promise<number> {
  const show = narrator(say);
  const first = await startGateway(folder);
  const token = await makeKey(folder, "executor", "demo-agent");
  show.title("a gateway, an MCP server behind it, an agent with a key");
  const agent = await demoAgent(first.url, token);
  show.seen(`the agent sees ${(await agent.tools()).join(", ")}`);

  await allowed(agent, show);
  await denied(agent, folder, show);
  await deadline(agent, show);
  await serverDies(agent, folder, show);
  await agent.close();
  const second = await gatewayDies(first, folder, token, show);
  await second.kill("SIGTERM");
  await tampering(folder, show);
  say("");
  say("That was the main job. Next: authensor-gw init");
  return 0;
}

interface Narrator {
  title(text: string): void;
  seen(text: string): void;
}

function narrator(say: (line: string) => void): Narrator {
  let step = 0;
  return {
    title(text) {
      say(`${step === 0 ? "" : "\n"}${++step}. ${text}`);
    },
    seen(text) {
      for (const line of wrapped(text)) say(`   ${line}`);
    },
  };
}

/** Lines of at most 96 columns with their margin; what continues a line is set in by two. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.trim().split(" ")) {
      if (line.length + word.length + 1 > 93 && line.trim() !== "") {
        lines.push(line);
        line = `  ${word}`;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}

async function allowed(agent: DemoAgent, show: Narrator): Promise<void> {
  show.title("an allowed call");
  const answer = await agent.call("notes__read_note", { title: "groceries" });
  expectThat(!answer.failed, "the allowed call went through", answer.text);
  show.seen(`read_note groceries → ${answer.text}`);
}

async function denied(agent: DemoAgent, folder: DemoFolder, show: Narrator): Promise<void> {
  show.title("a denied call, and its hint");
  const answer = await agent.call("notes__delete_note", { title: "groceries" });
  expectThat(answer.failed && answer.text.includes("GW_DENIED"), "the call is denied", answer.text);
  expectThat(!existsSync(join(folder.path, "deleted.txt")), "nothing was deleted", "it was");
  show.seen(`delete_note groceries → ${answer.text}`);
  const body = "(archived)";
  const followed = await agent.call("notes__write_note", { title: "groceries", body });
  expectThat(!followed.failed, "the hint can be followed", followed.text);
  show.seen(`the agent follows the hint: write_note → ${followed.text}`);
}

async function deadline(agent: DemoAgent, show: Narrator): Promise<void> {
  show.title("a call that takes too long");
  const answer = await agent.call("notes__slow_report", { seconds: 30 });
  expectThat(answer.text.includes("GW_TIMEOUT_MAX"), "the deadline cuts the call", answer.text);
  show.seen(`slow_report → ${answer.text}`);
}

async function serverDies(agent: DemoAgent, folder: DemoFolder, show: Narrator): Promise<void> {
  show.title("the server dies, and heals");
  const lost = await agent.call("notes__flaky", {});
  expectThat(lost.text.includes("GW_UPSTREAM_LOST"), "the loss is told", lost.text);
  show.seen(`flaky → ${lost.text}`);
  const healed = await agent.callUntilOk("notes__read_note", { title: "travel" }, 10_000);
  expectThat(!healed.failed, "the server is back", healed.text);
  show.seen(`the gateway started it again: read_note travel → ${healed.text}`);
  const before = await serverPid(folder);
  process.kill(before, "SIGKILL");
  const answer = await agent.callUntilOk("notes__read_note", { title: "travel" }, 10_000);
  expectThat(!answer.failed, "the server is back", answer.text);
  const after = await serverPid(folder);
  expectThat(after !== before, "it is a new process", `pid ${after} is the old one`);
  show.seen(`killed from outside, it is back too: read_note travel → ${answer.text}`);
}

async function gatewayDies(
  gateway: DemoGateway,
  folder: DemoFolder,
  token: string,
  show: Narrator,
): Promise<DemoGateway> {
  show.title("the gateway dies by SIGKILL in the middle of a call, and resumes");
  const before = await receiptsOf(folder);
  const agent = await demoAgent(gateway.url, token);
  // On its way to the server when the gateway is killed; not the one of before that may have run.
  const cut = agent.call("notes__slow_report", { seconds: 29 }).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await gateway.kill("SIGKILL");
  await cut;
  const resumed = await startGateway(folder);
  const after = await receiptsOf(folder);
  const kept = before.every((old) => after.some((receipt) => receipt.id === old.id));
  expectThat(kept, "no receipt is lost", "some are gone");
  const open = after.find((receipt) => !before.some((old) => old.id === receipt.id));
  expectThat(open?.outcome === "unknown", "the cut call has a receipt", String(open?.outcome));
  show.seen(`${before.length} receipts before, ${after.length} after: none lost`);
  show.seen(`the call that was cut: ${open?.tool}, outcome ${open?.outcome}`);
  const again = await demoAgent(resumed.url, token);
  const answer = await again.callUntilOk("notes__read_note", { title: "ideas" }, 10_000);
  expectThat(!answer.failed, "the same key works again", answer.text);
  show.seen(`read_note ideas → ${answer.text}`);
  await again.close();
  return resumed;
}

async function tampering(folder: DemoFolder, show: Narrator): Promise<void> {
  show.title("somebody changes one byte of a copy of the receipts");
  const good = await verify(join(folder.path, "data"));
  expectThat(good.code === 0, "the receipts verify", good.text);
  show.seen(`the originals: ${good.text}`);
  const copy = join(folder.path, "copy");
  cpSync(join(folder.path, "data"), copy, { recursive: true });
  flipOneByte(copy);
  const bad = await verify(copy);
  expectThat(bad.code === 1, "the change is found", bad.text);
  show.seen(`the copy: ${bad.text}`);
}

function expectThat(holds: boolean, what: string, saw: string): void {
  if (holds) return;
  throw fault("GW_INTERNAL", { message: `The demo expected that ${what}`, cause: saw });
}
