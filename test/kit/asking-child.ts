/**
 * A legacy stdio server whose calls do what their arguments say: ask, log, wait. It tells of each
 * call what was answered, as the lines came.
 */

import process from "node:process";

export interface Step {
  /** A request to the client: the id as JSON text. Waits for the answer unless `go`. */
  readonly ask?: string;
  readonly method?: string;
  readonly params?: object;
  readonly go?: boolean;
  readonly sleep?: number;
  /** Any message without an answer. */
  readonly say?: object;
  /** Adds something of the server itself to what is told: its capabilities, pid, log level. */
  readonly tell?: "capabilities" | "pid" | "level" | "subscribed" | "after";
  readonly exit?: boolean;
}

interface Message {
  id?: string | number;
  method?: string;
  params?: Record<string, unknown>;
}

const [mode = ""] = process.argv.slice(2);
const about: Record<string, unknown> = { pid: process.pid, subscribed: [] };
const waiting = new Map<string, (line: string) => void>();
const cancelled = new Set<unknown>();

function say(message: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
}

/** `after`: what is done when the call is answered already. */
async function run(
  id: Message["id"],
  steps: readonly Step[],
  after: readonly Step[] = [],
): Promise<void> {
  const told = await stepsDone(steps);
  // As the SDKs do: what was cancelled is not answered.
  if (cancelled.has(id)) return;
  say({ id, result: { content: [{ type: "text", text: JSON.stringify(told) }] } });
  if (after.length > 0) about["after"] = await stepsDone([{ sleep: 20 }, ...after]);
}

async function stepsDone(steps: readonly Step[]): Promise<unknown[]> {
  const told: unknown[] = [];
  for (const step of steps) {
    if (step.sleep !== undefined) await Bun.sleep(step.sleep);
    if (step.say !== undefined) say(step.say);
    if (step.tell !== undefined) told.push(about[step.tell]);
    if (step.exit === true) process.exit(3);
    if (step.ask === undefined) continue;
    const { ask, method = "elicitation/create", params } = step;
    const answer = new Promise<string>((resolve) =>
      waiting.set(JSON.stringify(JSON.parse(ask)), resolve),
    );
    const rest = params === undefined ? "" : `,"params":${JSON.stringify(params)}`;
    process.stdout.write(`{"jsonrpc":"2.0","id":${ask},"method":"${method}"${rest}}\n`);
    if (step.go !== true) told.push(await answer);
  }
  return told;
}

function receive(line: string): void {
  const { id, method, params = {} } = JSON.parse(line) as Message;
  if (method === "initialize") {
    about["capabilities"] = params["capabilities"];
    if (mode === "one-only" && JSON.stringify(about["capabilities"]) !== "{}") process.exit(5);
    const capabilities = {
      ...{ tools: { listChanged: true }, logging: {}, resources: { subscribe: true } },
      ...{ prompts: {}, completions: {} },
    };
    const serverInfo = { name: "asking", version: "1" };
    say({ id, result: { protocolVersion: "2025-11-25", capabilities, serverInfo } });
  } else if (method === "notifications/initialized") {
    const early: Step = { ask: '"early"', method: "roots/list" };
    if (mode.includes("roots-at-start"))
      void stepsDone([early]).then((told) => (about["after"] = told));
  } else if (method === "tools/call") {
    const { arguments: args } = params as { arguments: Record<"steps" | "after", Step[]> };
    void run(id, args.steps ?? [], args.after);
  } else if (method === "logging/setLevel") {
    about["level"] = params["level"];
    say({ id, result: {} });
  } else if (method === "resources/subscribe" || method === "resources/unsubscribe") {
    const list = about["subscribed"] as unknown[];
    if (method === "resources/unsubscribe")
      about["subscribed"] = list.filter((uri) => uri !== params["uri"]);
    else if (params["uri"] !== "bad://") list.push(params["uri"]);
    if (params["uri"] === "bad://") say({ id, error: { code: -32602, message: "no such thing" } });
    else say({ id, result: {} });
  } else if (method === "notifications/cancelled") cancelled.add(params["requestId"]);
  else if (method === "ping") say({ id, result: {} });
  else if (method === "tools/list" && mode.includes("conditional")) {
    const asks = "elicitation" in (about["capabilities"] as object);
    say({ id, result: { tools: [{ name: "t" }, ...(asks ? [{ name: "asks" }] : [])] } });
  } else if (method?.endsWith("/list") === true) {
    say({ id, result: { [method.split("/")[0] as string]: [] } });
  } else if (method !== undefined && id !== undefined) {
    say({ id, error: { code: -32601, message: "Method not found" } });
  } else if (method === undefined) waiting.get(JSON.stringify(id))?.(line);
}

let text = "";
process.stdin.on("data", (chunk) => {
  text += String(chunk);
  const lines = text.split("\n");
  text = lines.pop() ?? "";
  for (const line of lines) receive(line);
});
