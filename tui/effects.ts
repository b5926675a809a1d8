/** What the reducer asked for, done: questions to the gateway, actions, the clipboard, files. */

import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import {
  type GatewayStatus,
  type ListedKey,
  type ListedTool,
  paths,
  type ReceiptDetail,
  type ToolWhy,
} from "../src/admin/contract.ts";
import { GatewayError } from "../src/base/errors.ts";
import { foreignKey } from "../src/base/foreign-key.ts";
import { limits } from "../src/base/limits.ts";
import { actionRequest } from "./actions.ts";
import type { Tone } from "./cells.ts";
import type { Source, Store } from "./live.ts";
import type { Effect } from "./ui.ts";

export interface Hands {
  readonly source: Source & { reconnect?(): void };
  readonly store: Store;
  toast(text: string, tone: Tone): void;
  /** Straight to the terminal, between two frames. */
  write(text: string): void;
  /** The screen as text. */
  screenText(): string;
  redraw(): void;
  suspend(): void;
  leave(stopGateway: boolean): void;
}

/** Never throws: what goes wrong is a toast. */
export async function perform(effect: Effect, hands: Hands): Promise<void> {
  try {
    await doIt(effect, hands);
  } catch (thrown) {
    hands.toast(sentence(thrown), "bad");
  }
}

async function doIt(effect: Effect, hands: Hands): Promise<void> {
  const { source, toast } = hands;
  switch (effect.run) {
    case "leave":
      return hands.leave(effect.stopGateway);
    case "redraw":
      return hands.redraw();
    case "suspend":
      return hands.suspend();
    case "reconnect":
      return source.reconnect?.();
    case "save":
      return toast(`saved as ${writeFile("screen.txt", hands.screenText())}`, "ok");
    case "export": {
      const { file, screen, rows, text } = effect;
      const path = file === "" ? writeFile(`${screen}.jsonl`, text) : resolve(file);
      // A file that somebody named is made, never written over.
      if (file !== "") writeFileSync(path, text, { mode: 0o600, flag: "wx" });
      return toast(`${rows} rows are in ${path}`, "ok");
    }
    case "copy":
      return await copy(effect.text, effect.label, hands);
    case "receipt":
      return await askReceipt(effect.id, hands);
    case "tools":
      return await askTools(effect.key, hands);
    case "why": {
      const { tool, key } = effect;
      const answer = await source.get<ToolWhy>(paths.why, { tool, key });
      return toast(answer.why, answer.visible ? "ok" : "warn");
    }
    case "act": {
      const { path, body } = actionRequest(effect.action);
      await source.post(path, body).catch(async (thrown: unknown) => {
        throw await withStore(thrown, source);
      });
      return toast(effect.done, "ok");
    }
  }
}

/** A key that is unknown here: which gateway that is, and what to do. */
async function withStore(thrown: unknown, source: Source): Promise<unknown> {
  if (!(thrown instanceof GatewayError) || thrown.code !== "GW_KEY_UNKNOWN") return thrown;
  const { dataDir } = await source.get<GatewayStatus>(paths.status);
  return foreignKey(thrown, "this interface", `the gateway with data_dir "${dataDir}"`);
}

async function askReceipt(id: string, { source, store }: Hands): Promise<void> {
  store.answer({ receipt: { id, state: "waiting" } });
  try {
    const value = await source.get<ReceiptDetail>(paths.receipt, { id });
    store.answer({ receipt: { id, state: "here", value } });
  } catch (thrown) {
    store.answer({ receipt: { id, state: "failed", why: sentence(thrown) } });
  }
}

async function askTools(key: string, { source, store }: Hands): Promise<void> {
  store.answer({ toolsFor: key, tools: { state: "waiting" } });
  try {
    const query = key === "" ? {} : { key };
    const value = await source.get<readonly ListedTool[]>(paths.tools, query);
    const keys = await source.get<readonly ListedKey[]>(paths.keys);
    store.answer({ tools: { state: "here", value }, keys: { state: "here", value: keys } });
  } catch (thrown) {
    store.answer({ tools: { state: "failed", why: sentence(thrown) } });
  }
}

/** Code, what was attempted, cause and what to do, in one line. */
function sentence(thrown: unknown): string {
  if (!(thrown instanceof GatewayError)) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
  const why = thrown.why === "" ? "" : `: ${thrown.why}`;
  return `${thrown.code} ${thrown.message}${why}. Try: ${thrown.fix}`;
}

/**
 * OSC 52 is the terminal's own clipboard, also over ssh; Apple's Terminal has none. What is too
 * large for either goes to a file that only this user reads.
 */
async function copy(text: string, label: string, { write, toast }: Hands): Promise<void> {
  const size = Buffer.byteLength(text);
  if (process.platform === "darwin" && process.env["SSH_CONNECTION"] === undefined) {
    await pipeTo("pbcopy", text);
    return toast(`copied: ${label} (pbcopy, ${size} B)`, "ok");
  }
  if (size > limits.tuiCopyBytes) {
    return toast(`too large for the terminal: ${label} is in ${writeFile("copy", text)}`, "warn");
  }
  write(`\u001b]52;c;${Buffer.from(text).toString("base64")}\u0007`);
  const tmux = process.env["TMUX"] === undefined ? "" : "; tmux needs set-clipboard on";
  toast(`copied: ${label} (OSC 52, ${size} B${tmux})`, "ok");
}

function pipeTo(command: string, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [], { stdio: ["pipe", "ignore", "ignore"] });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ended with ${code}`));
    });
    child.stdin.on("error", reject);
    child.stdin.end(text);
  });
}

/** In the user's cache, mode 0600. Gives the path. */
function writeFile(name: string, text: string): string {
  const base = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const folder = join(base, "authensor-gw");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}
