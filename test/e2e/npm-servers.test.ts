/**
 * U27 Servers from npm that are killed in the midst of calls, and come back as they were, with
 * other tools or in the other era: clients of both SDKs hold their sessions, get right answers or
 * are told why not, and hear of a changed list once.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type AdminClient, adminClient } from "../../src/admin/client.ts";
import { type GatewayStatus, paths } from "../../src/admin/contract.ts";
import { legacyAgent, modernAgent, textOf } from "../kit/clients.ts";
import { freePort } from "../kit/free-port.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import {
  everything,
  everythingHttp,
  filesystem,
  type HttpServer,
  memory,
  modern,
  type StdioEntry,
} from "../kit/servers.ts";

let folder: string;
let gateway: TestGateway;
let admin: AdminClient;
let agents: readonly Agent[];
let web: HttpServer;
let port: number;

interface Agent {
  readonly era: string;
  readonly session: () => string | undefined;
  names(): Promise<string[]>;
  call(name: string, args: Record<string, unknown>): Promise<string>;
  /** How often it was told that its tools changed. */
  changes: number;
  close(): Promise<void>;
}

/** A command whose program is written into a file: what `npx` gives after an upgrade is another. */
const upgraded = (place: string) => ["sh", "-c", 'exec $(cat "$0")', place];
const write = (place: string, { command, args }: StdioEntry) =>
  writeFileSync(place, [command, ...args].join(" "));
const place = () => join(folder, "command");

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "gw-npm-")));
  writeFileSync(join(folder, "a.txt"), "what is in a");
  write(place(), filesystem(folder));
  port = await freePort();
  web = await everythingHttp(port);
  gateway = await startGateway({
    program: "bun",
    policy: 'id: p\nallow: ["*"]\n',
    config: {
      servers: {
        every: everything(),
        files: filesystem(folder),
        memory: memory(join(folder, "graph.json")),
        web: { url: web.url },
        upgraded: { command: upgraded(place()) },
      },
    },
  });
  admin = adminClient({ socket: join(gateway.folder, "admin.sock") });
  await until(async () => (await servers()).every(({ state }) => state === "ready"), 20_000);
  const token = await gateway.key("executor", "agent");
  agents = [await overLegacy(token), await overModern(token)];
}, 60_000);
afterAll(async () => {
  for (const agent of agents ?? []) await agent.close();
  await gateway?.[Symbol.asyncDispose]();
  await web?.child.kill9();
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

interface Row {
  readonly server: string;
  readonly tool: string;
  readonly args: Record<string, unknown>;
  readonly says: string;
}

const rows: readonly Row[] = [
  { server: "every", tool: "echo", args: { message: "hello" }, says: "Echo: hello" },
  { server: "files", tool: "read_text_file", args: {}, says: "what is in a" },
  {
    server: "memory",
    tool: "search_nodes",
    args: { query: "Ada" },
    says: "wrote the first program",
  },
  { server: "web", tool: "echo", args: { message: "hello" }, says: "Echo: hello" },
];

const faults = /^GW_(UPSTREAM_(LOST|DOWN)|MAY_HAVE_RUN)\b/;

describe("killed in the midst of calls, three times", () => {
  for (const row of rows) {
    test(`server-${row.server}`, async () => {
      if (row.server === "memory") await remember();
      const before = await all(({ names }) => names());
      const [sessions, changes] = [agents.map(({ session }) => session()), changesOf()];
      let over = false;
      const seen = { right: 0, told: 0, wrong: [] as string[] };
      const calling = agents.flatMap((agent) => [0, 1].map(() => callOn(agent)));
      async function callOn(agent: Agent): Promise<void> {
        while (!over) {
          const text = await said(agent, row);
          if (text.includes(row.says)) seen.right += 1;
          else if (faults.test(text)) seen.told += 1;
          else seen.wrong.push(text);
          await Bun.sleep(5);
        }
      }
      for (let time = 0; time < 3; time += 1) {
        const right = seen.right;
        await until(() => seen.right > right + 4);
        await kill(row.server);
        const back = seen.right;
        // A child is started again after 500 ms or more, and longer each time.
        await until(() => seen.right > back + 4, 15_000);
      }
      over = true;
      await Promise.all(calling);
      expect(seen.wrong).toEqual([]);
      expect(agents.map(({ session }) => session())).toEqual(sessions);
      expect(await all(({ names }) => names())).toEqual(before);
      // What they see is what it was.
      expect(changesOf()).toEqual(changes);
      expect((await servers()).find(({ id }) => id === row.server)?.state).toBe("ready");
    }, 60_000);
  }
});

test("a call that runs as its server is killed is lost, said so, and not made again", async () => {
  for (const agent of agents) {
    const args = { duration: 20, steps: 4 };
    const running = agent.call("every__trigger-long-running-operation", args);
    await until(async () => (await calls("every")) > 0);
    await kill("every");
    expect(await running).toMatch(/^GW_UPSTREAM_LOST.*may have run/s);
    const again = await agent.call("every__trigger-long-running-operation", args);
    expect(again).toMatch(/^GW_MAY_HAVE_RUN/);
    await until(async () => (await said(agent, rows[0] as Row)).includes("Echo: hello"));
  }
}, 60_000);

test("a server that comes back with other tools: one list_changed, the new list, old names end", async () => {
  const sessions = agents.map(({ session }) => session());
  const changes = changesOf();
  write(place(), everything());
  await kill("upgraded");
  await toldOnce(changes);
  for (const agent of agents) {
    expect(await agent.names()).toContain("upgraded__echo");
    expect(await agent.names()).not.toContain("upgraded__read_text_file");
    expect(await agent.call("upgraded__echo", { message: "new" })).toBe("Echo: new");
    const old = await agent.call("upgraded__read_text_file", { path: join(folder, "a.txt") });
    expect(old).toContain("GW_");
  }
  expect(agents.map(({ session }) => session())).toEqual(sessions);
}, 60_000);

test("a server that comes back in the other era, and again as it was", async () => {
  const sessions = agents.map(({ session }) => session());
  const echo = async (agent: Agent) => agent.call("web__echo", { message: "which" });
  const turns = [
    { start: () => modern(port), has: "web__add" },
    { start: () => everythingHttp(port), has: "web__get-sum" },
  ];
  for (const { start, has } of turns) {
    const changes = changesOf();
    await kill("web", start);
    await toldOnce(changes);
    expect(await all(echo)).toEqual(["Echo: which", "Echo: which"]);
    const others = turns.filter((turn) => turn.has !== has).map((turn) => turn.has);
    for (const names of await all(({ names: list }) => list())) {
      expect(names).toContain(has);
      expect(others.filter((name) => names.includes(name))).toEqual([]);
    }
  }
  expect(agents.map(({ session }) => session())).toEqual(sessions);
}, 60_000);

const all = <R>(of: (agent: Agent) => Promise<R>): Promise<R[]> => Promise.all(agents.map(of));
const changesOf = (): readonly number[] => agents.map(({ changes }) => changes);

/** Nobody asks for a list meanwhile: who has seen the new one is not told of it. */
async function toldOnce(before: readonly number[]): Promise<void> {
  await until(() => changesOf().every((count, at) => count > (before[at] ?? 0)), 15_000);
  await Bun.sleep(500);
  expect(changesOf()).toEqual(before.map((count) => count + 1));
}

function said(agent: Agent, { server, tool, args }: Row): Promise<string> {
  // Its path is known when the folder is.
  const given = server === "files" ? { path: join(folder, "a.txt") } : args;
  return agent.call(`${server}__${tool}`, given);
}

async function remember(): Promise<void> {
  const entity = { name: "Ada", entityType: "person", observations: ["wrote the first program"] };
  await agents[0]?.call("memory__create_entities", { entities: [entity] });
}

async function servers(): Promise<GatewayStatus["servers"]> {
  return (await admin.get<GatewayStatus>(paths.status)).servers;
}

async function calls(id: string): Promise<number> {
  return (await servers()).find((one) => one.id === id)?.inFlight ?? 0;
}

/** With all that it was doing. What listens at its address afterwards is another. */
async function kill(id: string, next = () => everythingHttp(port)): Promise<void> {
  if (id === "web") {
    await web.child.kill9();
    web = await next();
    return;
  }
  const pid = (await servers()).find((one) => one.id === id)?.pid;
  process.kill(pid ?? 0, "SIGKILL");
}

async function until(holds: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  for (const end = performance.now() + ms; ; await Bun.sleep(10)) {
    if (await holds()) return;
    if (performance.now() > end) throw new Error(`not so within ${ms} ms: ${holds}`);
  }
}

const textOrError = (result: Promise<unknown>) =>
  result.then(textOf, (error: Error & { data?: { code?: string } }) =>
    `${error.data?.code ?? ""} ${error.message}`.trim(),
  );

async function overLegacy(token: string): Promise<Agent> {
  const client = await legacyAgent(gateway.url, token);
  const agent: Agent = {
    era: "legacy",
    changes: 0,
    session: () => client.transport?.sessionId,
    names: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: (name, args) => textOrError(client.callTool({ name, arguments: args })),
    close: () => client.close(),
  };
  client.fallbackNotificationHandler = async ({ method }) => {
    if (method === "notifications/tools/list_changed") agent.changes += 1;
  };
  // The SDK opens its stream after initialize.
  await until(async () => (await admin.get<GatewayStatus>(paths.status)).streams >= 1);
  return agent;
}

async function overModern(token: string): Promise<Agent> {
  const client = await modernAgent(gateway.url, token);
  const agent: Agent = {
    era: "modern",
    changes: 0,
    session: () => undefined,
    names: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: (name, args) => textOrError(client.callTool({ name, arguments: args })),
    async close() {
      await subscription.close();
      await client.close();
    },
  };
  client.fallbackNotificationHandler = async ({ method }) => {
    if (method === "notifications/tools/list_changed") agent.changes += 1;
  };
  const subscription = await client.listen({ toolsListChanged: true });
  return agent;
}
