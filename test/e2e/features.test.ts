/** Every feature of MCP in every cell: agents and servers of both eras, over HTTP and stdio. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  type AgentOptions,
  answers,
  type Era,
  type FeatureAgent,
  featureAgent,
  roots,
} from "../kit/feature-agent.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { everyFeature, everyFeatureStdio, type HttpServer } from "../kit/servers.ts";

const eras = ["legacy", "modern"] as const;
const transports = ["http", "stdio"] as const;
type Transport = (typeof transports)[number];

const watched = "test://watched-resource";

interface Feature {
  readonly name: string;
  /** What the agent cannot be asked for. */
  readonly without?: AgentOptions["without"];
  works(agent: FeatureAgent): Promise<void>;
}

const features: readonly Feature[] = [
  {
    name: "tools: all are listed, contents arrive, a failure is the tool's own",
    async works({ client, call }) {
      const { tools } = await client.listTools();
      const names = tools.map(({ name }) => name);
      expect(names).toContain("test_simple_text");
      expect(names).toContain("json_schema_2020_12_tool");
      expect(await call("test_simple_text")).toContain("simple text response");
      expect(await call("test_error_handling")).toContain("intentionally returns an error");
      expect(await call("test_mirrored_header", { region: "Ängelholm" })).toBe("Region: Ängelholm");
    },
  },
  {
    name: "resources: lists, templates, text and binary contents, and one that is not there",
    async works({ client }) {
      const { resources } = await client.listResources();
      expect(resources.map(({ uri }) => uri)).toContain("test://static-text");
      const { resourceTemplates } = await client.listResourceTemplates();
      expect(resourceTemplates.map((t) => t.uriTemplate)).toEqual(["test://template/{id}/data"]);
      const read = async (uri: string) => (await client.readResource({ uri })).contents[0];
      expect(await read("test://static-text")).toMatchObject({ mimeType: "text/plain" });
      expect(await read("test://static-binary")).toMatchObject({ mimeType: "image/png" });
      expect(await read("test://template/123/data")).toMatchObject({
        uri: "test://template/123/data",
        text: expect.stringContaining('"id":"123"') as string,
      });
      expect(read("test://nothing")).rejects.toMatchObject({ code: expect.any(Number) as number });
    },
  },
  {
    name: "prompts: the list, arguments, and one that asks",
    async works({ client, asked }) {
      const { prompts } = await client.listPrompts();
      expect(prompts.map(({ name }) => name)).toContain("test_simple_prompt");
      const filled = { arg1: "one", arg2: "two" };
      const named = { name: "test_prompt_with_arguments", arguments: filled };
      const { messages } = await client.getPrompt(named);
      expect(JSON.stringify(messages)).toContain("arg1='one', arg2='two'");
      const asking = await client.getPrompt({ name: "test_input_required_result_prompt" });
      expect(JSON.stringify(asking.messages)).toContain(`context: ${answers.context}`);
      expect(asked.map(({ method }) => method)).toEqual(["elicitation/create"]);
    },
  },
  {
    name: "completion: of a prompt's argument and of a template's",
    async works({ client }) {
      const prompt = { type: "ref/prompt" as const, name: "test_prompt_with_arguments" };
      const ofPrompt = { ref: prompt, argument: { name: "arg1", value: "par" } };
      expect((await client.complete(ofPrompt)).completion.values).toEqual([
        "paris",
        "park",
        "party",
      ]);
      const template = { type: "ref/resource" as const, uri: "test://template/{id}/data" };
      const ofTemplate = { ref: template, argument: { name: "id", value: "12" } };
      expect((await client.complete(ofTemplate)).completion.values).toEqual(["123", "124"]);
    },
  },
  {
    name: "elicitation by form: the question and its schema, and two rounds of one call",
    async works({ call, asked }) {
      const text = await call("test_elicitation", { message: "Who are you?" });
      expect(text).toContain("action=accept");
      expect(text).toContain(answers.email);
      expect(asked).toHaveLength(1);
      expect(asked[0]?.params).toMatchObject({
        message: "Who are you?",
        requestedSchema: { required: ["username", "email"] },
      });
      expect(await call("test_input_required_result_multi_round")).toContain(answers.color);
      expect(asked).toHaveLength(3);
      expect(await call("test_input_required_result_request_state")).toContain("state-ok");
    },
  },
  {
    name: "elicitation by URL: in the call, and as the error of older servers",
    async works({ call, asked }) {
      expect(await call("test_url_elicitation")).toBe("Consent: accept");
      expect(asked[0]?.params).toMatchObject({ mode: "url", url: "https://example.com/consent" });
    },
  },
  {
    name: "sampling: the model's words reach the server",
    async works({ call, asked }) {
      const text = await call("test_sampling", { prompt: "Say something" });
      expect(text).toBe("LLM response: A sampled answer");
      expect(JSON.stringify(asked[0]?.params)).toContain("Say something");
    },
  },
  {
    name: "roots: the agent's folders reach the server, beside other questions",
    async works({ call, asked }) {
      const uri = roots[0]?.uri ?? "";
      expect(await call("test_input_required_result_list_roots")).toBe(`Roots: ${uri}`);
      expect(asked.map(({ method }) => method)).toEqual(["roots/list"]);
      const three = await call("test_input_required_result_multiple_inputs");
      expect(three).toBe(`${answers.name}: A sampled answer (Roots: ${uri})`);
    },
  },
  {
    name: "logging: lines of the call that wants them, none for another",
    async works({ call, heard }) {
      const lines = () => heard.filter(({ method }) => method === "notifications/message");
      await call("test_simple_text");
      expect(lines()).toHaveLength(0);
      await call("test_tool_with_logging", {}, { logLevel: "info" });
      const data = lines().map(({ params }) => params["data"]);
      expect(data).toEqual(
        ["started", "processing data", "completed"].map((step) => `Tool execution ${step}`),
      );
    },
  },
  {
    name: "progress: each step, before the answer",
    async works({ call }) {
      const steps: number[] = [];
      await call("test_tool_with_progress", {}, { progress: (at) => steps.push(at) });
      expect(steps).toEqual([0, 50, 100]);
    },
  },
  {
    name: "cancel: the server is told, and stops",
    // It has a process of its own: what a cancelled call may still ask is nobody's.
    without: ["sampling"],
    async works({ call }) {
      const before = Number(await call("test_cancelled"));
      const abort = new AbortController();
      const waiting = call("test_wait", {}, { signal: abort.signal });
      setTimeout(() => abort.abort(), 300);
      expect(waiting).rejects.toThrow();
      await waiting.catch(() => undefined); // judged above
      await eventually(async () => Number(await call("test_cancelled")) === before + 1);
    },
  },
  {
    name: "subscriptions: changes of lists and of a watched resource",
    // All calls of an agent that can be asked nothing go to the process that is listened to.
    without: ["elicitation", "sampling", "roots"],
    async works({ call, client, heard, watch }) {
      const told = (method: string) => () =>
        Promise.resolve(heard.some((m) => m.method === method));
      await watch(watched);
      await call("test_trigger_resource_update");
      await eventually(told("notifications/resources/updated"));
      const updated = heard.find(({ method }) => method === "notifications/resources/updated");
      expect(updated?.params["uri"]).toBe(watched);
      const size = async () => (await client.listTools()).tools.length;
      const before = await size();
      await call("test_trigger_tool_change");
      await eventually(told("notifications/tools/list_changed"));
      await eventually(async () => (await size()) !== before);
      await call("test_trigger_prompt_change");
      await eventually(told("notifications/prompts/list_changed"));
    },
  },
];

interface World {
  readonly gateway: TestGateway;
  readonly server?: HttpServer;
}

const worlds = new Map<string, World>();

async function world(era: Era, transport: Transport): Promise<World> {
  const server = transport === "http" ? await everyFeature(era) : undefined;
  const entry = server === undefined ? everyFeatureStdio(era) : { url: server.url };
  const gateway = await startGateway({
    config: { auth: "none", naming: "bare", servers: { s: { ...entry, protocol: era } } },
    policy: "id: all\nrules:\n  - id: all\n    effect: allow\n    methods: ['*']\n",
  });
  return server === undefined ? { gateway } : { gateway, server };
}

beforeAll(async () => {
  for (const era of eras) {
    for (const transport of transports) {
      worlds.set(`${era} ${transport}`, await world(era, transport));
    }
  }
}, 60_000);

afterAll(async () => {
  for (const { gateway, server } of worlds.values()) {
    await gateway[Symbol.asyncDispose]();
    await server?.stop();
  }
});

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (const until = performance.now() + 5_000; performance.now() < until; await Bun.sleep(20)) {
    if (await holds()) return;
  }
  expect("not seen in 5 s").toBe("");
}

for (const front of eras) {
  for (const behind of eras) {
    for (const transport of transports) {
      describe(`a ${front} agent, a ${behind} server over ${transport}`, () => {
        test.each(features)("$name", async ({ works, without = [] }) => {
          const { gateway } = worlds.get(`${behind} ${transport}`) as World;
          const agent = await featureAgent(front, gateway.url, { without });
          try {
            await works(agent);
          } finally {
            await agent.close();
          }
        });
      });
    }
  }
}
