/** Tasks of a real server (server-everything, 2025-11-25) through a real gateway. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { CallToolResultSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { everything } from "../kit/servers.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway({
    config: { servers: { s: { ...everything(), required: true } } },
    policy: "id: all\nrules:\n  - {id: all, effect: allow, methods: ['*'], other_args: any}\n",
  });
}, 60_000);
afterAll(() => gateway.stop());

async function agent(name: string, asked: string[] = []): Promise<Client> {
  const token = await gateway.key("executor", name);
  const client = new Client({ name, version: "1" }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push(params.message);
    return { action: "accept", content: { interpretation: "technical" } };
  });
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  const transport = new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp`), {
    requestInit,
  });
  await client.connect(transport as Transport);
  return client;
}

/** Names of the messages of a call that is made as a task, and its id. */
async function research(client: Client, ambiguous: boolean) {
  const seen = new Set<string>();
  let id = "";
  let text = "";
  const { tools } = await client.listTools();
  const name = tools.find((tool) => tool.execution?.taskSupport === "required")?.name ?? "";
  const stream = client.experimental.tasks.callToolStream(
    { name, arguments: { topic: "x", ambiguous } },
    CallToolResultSchema,
    { task: { ttl: 60_000 } },
  );
  for await (const message of stream) {
    seen.add(message.type);
    if (message.type === "taskCreated") id = message.task.taskId;
    if (message.type === "result") text = JSON.stringify(message.result);
    if (message.type === "error") throw message.error;
  }
  return { seen: [...seen], id, text };
}

test("a call is made as a task, asks in the middle, and gives its result", async () => {
  const asked: string[] = [];
  const client = await agent("ann", asked);
  const { seen, id, text } = await research(client, true);
  expect(seen).toEqual(["taskCreated", "taskStatus", "result"]);
  expect(asked).toHaveLength(1);
  expect(text).toContain(id);
  expect(text).toContain("technical");
  const { tasks } = await client.experimental.tasks.listTasks();
  expect(tasks.map(({ taskId }) => taskId)).toEqual([id]);
  await client.close();
}, 60_000);

test("F15 another key's task is unknown", async () => {
  const [ann, bob] = await Promise.all([agent("ann-2"), agent("bob")]);
  const { id } = await research(ann, false);
  const own = await ann.experimental.tasks.getTask(id);
  expect(own.taskId).toBe(id);
  await expect(bob.experimental.tasks.getTask(id)).rejects.toThrow("Unknown task");
  expect((await bob.experimental.tasks.listTasks()).tasks).toEqual([]);
  await Promise.all([ann.close(), bob.close()]);
}, 60_000);
