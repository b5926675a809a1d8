/**
 * F14 to F16, F23: what the gateway gave key A is worth nothing to key B: session, stream, cursor,
 * requestState of both kinds, task. B gets what garbage gets, to the byte, and A goes on.
 */

import { join } from "node:path";
import process from "node:process";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import type { Proof } from "../kit/proof.ts";
import { type RawAgent, type RawReply, rawAgent } from "../kit/raw-agent.ts";
import { everyFeature, everything } from "../kit/servers.ts";

const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} };

export async function strangers(run: Proof): Promise<void> {
  await using modern = await everyFeature("modern");
  await using legacy = await everyFeature("legacy");
  const many = join(import.meta.dir, "../kit/servers/nonce-stdio.ts");
  await using gateway = await startGateway({
    config: {
      servers: {
        modern: { url: modern.url, protocol: "modern" },
        legacy: { url: legacy.url, protocol: "legacy" },
        everything: everything(),
        many: { command: [process.execPath, many, "1200"] },
      },
    },
    policy: "id: all\nrules:\n  - id: all\n    effect: allow\n    methods: ['*']\n",
  });
  const keys = [await gateway.key("executor", "a"), await gateway.key("executor", "b")] as const;
  const agents = async (era: "legacy" | "modern"): Promise<Pair> => {
    const make = (key: string) => rawAgent(gateway.url, key, { era, capabilities });
    return { a: await make(keys[0]), b: await make(keys[1]) };
  };
  const sessions = await agents("legacy");
  const plain = await agents("modern");
  await session(run, gateway, sessions);
  await stream(run, gateway, sessions);
  await cursor(run, sessions, "a session's");
  await cursor(run, plain, "a stateless");
  await task(run, sessions);
  await state(run, plain, "wrapped", "modern__test_input_required_result_request_state");
  await state(run, plain, "of a parked call", "legacy__test_input_required_result_request_state");
}

interface Pair {
  readonly a: RawAgent;
  readonly b: RawAgent;
}

/**
 * Compares what B got for A's secret with what B gets for garbage, but for the receipt that each
 * refusal has; nothing of A may be in it.
 */
function refused(run: Proof, what: string, theirs: RawReply, garbage: RawReply, secret: string) {
  const bare = ({ status, text }: RawReply) =>
    `${status} ${text.replace(/"receipt":"[^"]*"/g, "")}`;
  const denied = theirs.status >= 400 || theirs.answer?.error !== undefined;
  const like = bare(theirs) === bare(garbage);
  if (!like) run.say(`${bare(theirs)}\n${bare(garbage)}`);
  const leaks = theirs.text.includes(secret);
  const said = `${theirs.status} ${theirs.answer?.error?.message ?? theirs.text.slice(0, 100)}`;
  run.bar(`B with A's ${what}: refused like garbage`, said, denied && like && !leaks);
}

async function session(run: Proof, gateway: TestGateway, { a, b }: Pair): Promise<void> {
  const as = async (method: string, id: string): Promise<RawReply> => {
    const reply = await fetch(`${gateway.url}/mcp`, {
      method,
      headers: { ...b.headers, "mcp-session-id": id },
      ...(method === "POST" && { body: '{"jsonrpc":"2.0","id":7,"method":"tools/list"}' }),
    });
    return { status: reply.status, answer: undefined, text: await reply.text() };
  };
  const theirs = a.headers["mcp-session-id"] ?? "";
  for (const method of ["POST", "GET", "DELETE"]) {
    const got = await as(method, theirs);
    refused(run, `session by ${method}`, got, await as(method, "garbage"), "__nonce");
  }
  const goesOn = (await a.ask("tools/list")).answer?.result !== undefined;
  run.bar("A's session goes on", goesOn ? "yes" : "no", goesOn);
}

/** A's event id, in B's own session. */
async function stream(run: Proof, gateway: TestGateway, { a, b }: Pair): Promise<void> {
  const { text } = await a.ask("tools/call", {
    name: "modern__test_tool_with_progress",
    arguments: {},
    _meta: { progressToken: "secret-token" },
  });
  const id = /^id: ?(\S+)/m.exec(text)?.[1] ?? "";
  run.bar("A's stream has event ids", id === "" ? "none" : "yes", id !== "");
  const resume = async (headers: Readonly<Record<string, string>>, last: string) => {
    const abort = AbortSignal.timeout(1_000);
    const sent = { ...headers, accept: "text/event-stream", "last-event-id": last };
    const reply = await fetch(`${gateway.url}/mcp`, { headers: sent, signal: abort });
    let got = "";
    try {
      for await (const chunk of reply.body ?? []) got += Buffer.from(chunk).toString();
    } catch {
      // The stream stays open until the time is over.
    }
    return { status: reply.status, answer: undefined, text: got };
  };
  const theirs = await resume(b.headers, id);
  const made = await resume(b.headers, id.replace(/^[^.]+/, "A".repeat(16)));
  const same = theirs.status === made.status && theirs.text === made.text;
  const said = `${theirs.status}, ${theirs.text.length} bytes`;
  run.bar("B with A's event id: what a made up one gets", said, same);
  const mine = await resume(a.headers, id);
  const again = mine.text.includes("secret-token");
  run.bar("A's stream is resumed by A", again ? "yes" : mine.text.slice(0, 120), again);
}

async function cursor(run: Proof, { a, b }: Pair, whose: string): Promise<void> {
  const first = (await a.ask("tools/list")).answer?.result?.nextCursor;
  run.bar(`${whose} list has pages`, first === undefined ? "no" : "yes", first !== undefined);
  const theirs = await b.ask("tools/list", { cursor: first }, 7);
  refused(run, `${whose} cursor`, theirs, await b.ask("tools/list", { cursor: "no" }, 7), "nonce");
  const goesOn = (await a.ask("tools/list", { cursor: first })).answer?.result !== undefined;
  run.bar(`A goes on with ${whose} cursor`, goesOn ? "yes" : "no", goesOn);
}

async function state(run: Proof, { a, b }: Pair, kind: string, name: string): Promise<void> {
  const asked = (await a.ask("tools/call", { name, arguments: {} })).answer?.result;
  const requestState = asked?.requestState;
  run.bar(`requestState ${kind}`, requestState ? "given" : "none", requestState !== undefined);
  const [key = ""] = Object.keys(asked?.inputRequests ?? {});
  const inputResponses = { [key]: { action: "accept", content: { ok: true } } };
  const retry = (agent: RawAgent, given: unknown) =>
    agent.ask("tools/call", { name, arguments: {}, inputResponses, requestState: given }, 7);
  const garbage = await retry(b, "garbage");
  refused(run, `requestState ${kind}`, await retry(b, requestState), garbage, "state-ok");
  const changed = await retry(a, `${requestState}x`);
  refused(run, `requestState ${kind}, changed`, changed, await retry(a, "garbage"), "state-ok");
  const mine = await retry(a, requestState);
  const done = mine.text.includes("state-ok");
  run.bar(`A goes on with its requestState ${kind}`, done ? "yes" : mine.text.slice(0, 160), done);
}

/** A task of 2025-11-25 at a real server. */
async function task(run: Proof, { a, b }: Pair): Promise<void> {
  const call = {
    name: "everything__simulate-research-query",
    arguments: { topic: "secret-topic" },
    task: { ttl: 60_000 },
  };
  const made = (await a.ask("tools/call", call)).answer?.result?.task?.taskId;
  run.bar("A's task", made === undefined ? "none" : "made", made !== undefined);
  for (const method of ["tasks/get", "tasks/result", "tasks/cancel"]) {
    // The refusal repeats the beginning of the id it was given.
    const as = async (taskId: string) => {
      const reply = await b.ask(method, { taskId }, 7);
      return { ...reply, text: reply.text.replaceAll(taskId.slice(0, 128), "") };
    };
    refused(
      run,
      `task by ${method}`,
      await as(made ?? ""),
      await as("x".repeat(made?.length ?? 0)),
      "secret",
    );
  }
  const listed = await b.ask("tasks/list", {}, 7);
  const hidden = !listed.text.includes(made ?? "none");
  run.bar("B's list of tasks has none of A's", hidden ? "none" : listed.text, hidden);
  const goesOn = (await a.ask("tasks/get", { taskId: made })).answer?.result !== undefined;
  run.bar("A's task goes on", goesOn ? "yes" : "no", goesOn);
}
