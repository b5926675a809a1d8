import { describe, expect, test } from "bun:test";
import type { Identity } from "../../src/access/access.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { settle, someone } from "../kit/scripted.ts";
import { all, type Cell, cell, everything, form, type Made, textOf } from "./bridge/kit.ts";

const other: Identity = { ...someone, keyId: "k2", keyName: "other" };
const extension = { "io.modelcontextprotocol/tasks": {} };
const modern = { ...everything, extensions: extension };
const related = '"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"its"}}';
const task = '"taskId":"its","status":"working","createdAt":"c","lastUpdatedAt":"l","x":1.0';

/** A tasks/* request; its name and arguments mean nothing there. */
function about(at: Cell, method: string, taskId: string, more: object = {}): Promise<Made> {
  const params = `"taskId":${JSON.stringify(taskId)}`;
  return at.call({ method, params, capabilities: modern, ...more });
}

async function legacy(policy = all) {
  const at = await cell("legacy", "legacy", { policy });
  const made = await at.call({ params: '"task":{"ttl":1e3}' });
  expect(at.last().params).toContain('"task":{"ttl":1e3}');
  at.last().result(`{"task":{${task},"ttl":1.0},${related}}`);
  await settle();
  const id = String((made.result()["task"] as JsonObject)["taskId"]);
  return { at, made, id };
}

async function behindModern(policy = all) {
  const at = await cell("modern", "modern", { policy });
  const made = await at.call({ capabilities: modern });
  at.last().result(`{"resultType":"task",${task},"ttlMs":null}`);
  await settle();
  return { at, made, id: String(made.result()["taskId"]) };
}

describe("tasks between legacy ones", () => {
  test("F15 the id is the client's own, in all that is said of the task", async () => {
    const { at, made, id } = await legacy();
    expect(id).not.toContain("its");
    expect(made.reply.answer()?.text).not.toContain('"its"');
    expect(made.reply.answer()?.text).toContain('"x":1.0');
    const got = await about(at, "tasks/get", id);
    expect(JSON.parse(at.last().params)["taskId"]).toBe("its");
    at.last().result(`{${task},${related}}`);
    await settle();
    expect(got.result()).toMatchObject({ taskId: id, status: "working" });
    expect(got.reply.answer()?.text).not.toContain('"its"');
    const cancelled = await about(at, "tasks/cancel", id);
    at.last().result(`{${task.replace("working", "cancelled")}}`);
    await settle();
    expect(cancelled.result()).toMatchObject({ taskId: id, status: "cancelled" });
    const fields = { server: "s", tool: "do", effect: "allow" };
    const intents = at.at.records.filter(({ kind }) => kind === "intent");
    expect(intents).toMatchObject([
      { fields: { ...fields, method: "tools/call" } },
      { fields: { ...fields, method: "tasks/get" } },
      { fields: { ...fields, method: "tasks/cancel" } },
    ]);
    expect(at.outcomes().map(({ outcome }) => outcome)).toEqual(["ok", "ok", "ok"]);
  });

  test("tasks/result: questions, answers, notes and the result carry the client's id", async () => {
    const { at, id } = await legacy();
    const made = await about(at, "tasks/result", id);
    const asking = at.last().ask("elicitation/create", `{"message":"m",${related}}`);
    expect(made.reply.questions[0]?.params).toContain(id);
    const meta = { _meta: { "io.modelcontextprotocol/related-task": { taskId: id } } };
    await made.reply.questions[0]?.answer(JSON.stringify({ action: "decline", ...meta }));
    expect(asking.answers).toEqual([`{"action":"decline",${related}}`]);
    at.last().notify("notifications/tasks/status", '{"taskId":"its","status":"working"}');
    at.last().notify("notifications/tasks/status", '{"taskId":"another","status":"working"}');
    at.last().notify("notifications/message", `{"level":"info","data":1,${related}}`);
    expect(made.reply.notes.map((note) => JSON.stringify(note["params"]))).toEqual([
      `{"taskId":"${id}","status":"working"}`,
      expect.stringContaining(id),
    ]);
    at.last().result(`{"content":[],"isError":true,${related}}`);
    await settle();
    expect(made.reply.answer()?.text).toContain(id);
    expect(at.outcomes().at(-1)).toMatchObject({ outcome: "tool_error" });
  });

  test("tasks/list tells of this key's tasks, and of no other's", async () => {
    const { at, id } = await legacy();
    const got = await about(at, "tasks/get", id);
    at.last().result(`{${task.replace("working", "completed")}}`);
    await settle();
    expect(got.result()).toMatchObject({ status: "completed" });
    const listed = await at.call({ method: "tasks/list" });
    const mine = { taskId: id, status: "completed", createdAt: "c", lastUpdatedAt: "l" };
    expect(listed.result()).toEqual({ tasks: [mine] });
    const his = await at.call({ method: "tasks/list", identity: other });
    expect(his.result()).toEqual({ tasks: [] });
  });

  test("a task of another call is not told of on a call's stream", async () => {
    const at = await cell("legacy", "legacy");
    const made = await at.call();
    at.last().notify("notifications/tasks/status", '{"taskId":"x","status":"working"}');
    expect(made.reply.notes).toEqual([]);
  });

  test("2026-07-28's tasks/update is none of theirs", async () => {
    const { at, id } = await legacy();
    const made = await about(at, "tasks/update", id);
    expect(made.error()).toMatchObject({ code: -32601 });
  });
});

describe("tasks between modern ones", () => {
  test("F15 create, get, update, cancel: under the client's own id, Mcp-Name the server's", async () => {
    const { at, made, id } = await behindModern();
    expect(made.result()).toMatchObject({ resultType: "task", taskId: id, x: 1 });
    expect(made.reply.answer()?.text).not.toContain('"its"');
    for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
      const next = await about(at, method, id);
      expect(at.last()).toMatchObject({ method, name: "its" });
      expect(JSON.parse(at.last().params)).toMatchObject({ taskId: "its" });
      const flat = method === "tasks/get" ? `,${task}` : "";
      at.last().result(`{"resultType":"complete"${flat}}`);
      await settle();
      if (flat !== "") expect(next.result()).toMatchObject({ taskId: id });
      expect(next.result()).toMatchObject({ resultType: "complete" });
    }
  });

  test("what a task asks is what a call may ask", async () => {
    const denied = `${all}  - {id: no, effect: deny, methods: [elicitation/create]}\n`;
    const asks = `{"resultType":"complete",${task},"inputRequests":{"k":{"method":"elicitation/create","params":${form}}}}`;
    const open = await behindModern();
    const got = await about(open.at, "tasks/get", open.id);
    open.at.last().result(asks);
    await settle();
    expect(got.result()).toMatchObject({ inputRequests: { k: { method: "elicitation/create" } } });
    expect(open.at.outcomes().at(-1)?.asked).toMatchObject([{ end: "passed" }]);
    const shut = await behindModern(denied);
    const not = await about(shut.at, "tasks/get", shut.id);
    shut.at.last().result(asks);
    await settle();
    expect(not.error()).toMatchObject({ data: { code: "GW_UNANSWERED" } });
  });

  test("F24 P1 questions of a task that cannot be read pass nobody", async () => {
    const denied = `${all}  - {id: no, effect: deny, methods: [elicitation/create]}\n`;
    const its = `{"method":"elicitation/create","params":${form}}`;
    for (const requests of [`{"k":${its},"k":${its}}`, `[${its}]`, `{"__proto__":${its}}`]) {
      const { at, id } = await behindModern(denied);
      const got = await about(at, "tasks/get", id);
      at.last().result(`{"resultType":"complete",${task},"inputRequests":${requests}}`);
      await settle();
      expect(got.error()).toMatchObject({ data: { code: "GW_UPSTREAM_ERROR" } });
    }
  });

  test("a client that does not declare the extension: -32021, HTTP 400", async () => {
    const { at, id } = await behindModern();
    const sent = at.server.sent.length;
    const made = await about(at, "tasks/get", id, { capabilities: everything });
    expect(made.reply.answer()?.status).toBe(400);
    expect(made.error()).toMatchObject({
      code: -32021,
      data: { requiredCapabilities: { extensions: extension } },
    });
    expect(at.server.sent).toHaveLength(sent);
  });
});

describe("whose task it is", () => {
  for (const make of [legacy, behindModern]) {
    test(`F15 F23 another key's id, a forged one: -32602, nothing is sent (${make.name})`, async () => {
      const { at, id } = await make();
      const sent = at.server.sent.length;
      const cases = [[id, other] as const, [`${id}A`, someone] as const, ["its", someone] as const];
      for (const [name, identity] of cases) {
        const made = await about(at, "tasks/get", name, { identity });
        expect(made.error()).toMatchObject({ code: -32602, data: { code: "GW_TASK_UNKNOWN" } });
        expect(at.at.records.at(-1)).toMatchObject({
          kind: "refusal",
          fields: { method: "tasks/get", code: "GW_TASK_UNKNOWN", outcome: "denied" },
        });
      }
      expect(at.server.sent).toHaveLength(sent);
    });
  }

  test("P13 a key that may no more call the tool has no more of its tasks", async () => {
    const { at, id } = await legacy();
    at.at.setPolicy('id: t\nallow: ["*/*"]\ndeny: ["s/do"]\n');
    const sent = at.server.sent.length;
    const made = await about(at, "tasks/get", id);
    expect(made.error()).toMatchObject({ code: -31001, data: { code: "GW_DENIED" } });
    expect(at.server.sent).toHaveLength(sent);
  });

  test("conditions on arguments that are not here do not shut it out", async () => {
    const when =
      "id: t\nrules:\n  - {id: r, effect: allow, tools: [s/do], when: {args.a: {eq: 1}}}\n";
    const { at, id } = await legacy(when);
    const made = await about(at, "tasks/get", id);
    at.last().result(`{${task}}`);
    await settle();
    expect(made.result()).toMatchObject({ taskId: id });
  });

  test("across the eras a call is made at once: neither side hears of tasks", async () => {
    const at = await cell("legacy", "modern");
    const made = await at.call({ params: '"task":{"ttl":1}', capabilities: { tasks: {} } });
    expect(at.last().params).not.toContain("task");
    at.last().result(`{"resultType":"task",${task}}`);
    await settle();
    expect(textOf(made)).toContain("GW_NOT_BRIDGED");
  });
});
