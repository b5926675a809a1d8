/** Real servers of the older kind with all they offer, to agents of both eras. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answers, type FeatureAgent, featureAgent, roots } from "../kit/feature-agent.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { everything, everythingHttp, filesystem, type HttpServer, memory } from "../kit/servers.ts";

let folder: string;
let web: HttpServer;
let gateway: TestGateway;
let token: string;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "gw-peers-")));
  mkdirSync(join(folder, "files"));
  writeFileSync(join(folder, "files/a.txt"), "the content of a");
  web = await everythingHttp();
  gateway = await startGateway({
    config: {
      servers: {
        everything: everything(),
        own: { ...everything(), instance: "per-key" },
        web: { url: web.url },
        files: filesystem(join(folder, "files")),
        memory: memory(join(folder, "memory.jsonl")),
      },
    },
    policy: "id: all\nrules:\n  - id: all\n    effect: allow\n    methods: ['*']\n",
  });
  token = await gateway.key("executor", "peer");
}, 60_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await web.stop();
  rmSync(folder, { recursive: true, force: true });
});

for (const era of ["legacy", "modern"] as const) {
  describe(`a ${era} agent`, () => {
    let agent: FeatureAgent;
    beforeAll(async () => {
      agent = await featureAgent(era, gateway.url, { token });
      // What a server has only for clients that can be asked is found out when the first one comes.
      const found = async () => {
        const names = (await agent.client.listTools()).tools.map(({ name }) => name);
        return ["everything", "web", "own"].every((s) => names.includes(`${s}__get-roots-list`));
      };
      while (!(await found())) await Bun.sleep(50);
    }, 20_000);
    afterAll(() => agent.close());

    describe.each(["everything", "web"])("server-everything as %s", (server) => {
      test("tools, structured content and progress", async () => {
        expect(await agent.call(`${server}__echo`, { message: "hi" })).toBe("Echo: hi");
        const steps: number[] = [];
        const long = { duration: 0.2, steps: 2 };
        const progress = (at: number) => void steps.push(at);
        await agent.call(`${server}__trigger-long-running-operation`, long, { progress });
        expect(steps).toEqual([1, 2]);
      });

      test("resources, templates, prompts and completion", async () => {
        const { client } = agent;
        const { prompts } = await client.listPrompts();
        expect(prompts.map(({ name }) => name)).toContain(`${server}__args-prompt`);
        const prompt = { name: `${server}__args-prompt`, arguments: { city: "Ghent" } };
        expect(JSON.stringify((await client.getPrompt(prompt)).messages)).toContain("Ghent");
        const ref = { type: "ref/prompt" as const, name: `${server}__completable-prompt` };
        const argument = { name: "department", value: "E" };
        const { completion } = await client.complete({ ref, argument });
        expect(completion.values).toEqual(["Engineering"]);
      });

      test("sampling and elicitation in its calls", async () => {
        const asked = async (tool: string, args: object, method: string) => {
          const before = agent.asked.length;
          const text = await agent.call(`${server}__${tool}`, { ...args });
          // A third of a second after it was greeted the server asks for the roots by itself.
          const methods = agent.asked.slice(before).map((m) => m.method);
          expect(methods.filter((one) => one !== "roots/list")).toEqual([method]);
          return text;
        };
        const prompt = { prompt: "hi", maxTokens: 20 };
        const sampled = await asked("trigger-sampling-request", prompt, "sampling/createMessage");
        expect(sampled).toContain("A sampled answer");
        const form = await asked("trigger-elicitation-request", {}, "elicitation/create");
        expect(form).toContain(`Name: ${answers.name}`);
        const page = { url: "https://example.com/x" };
        const visited = await asked("trigger-url-elicitation", page, "elicitation/create");
        expect(visited).toContain("completed the URL elicitation");
      });
    });

    test("resources of server-everything: the list, a document, a template", async () => {
      const { client } = agent;
      const { resources } = await client.listResources();
      const document = "demo://resource/static/document/features.md";
      expect(resources.map(({ uri }) => uri)).toContain(document);
      expect((await client.readResource({ uri: document })).contents[0]).toMatchObject({
        uri: document,
      });
      const uri = "demo://resource/dynamic/text/1";
      expect((await client.readResource({ uri })).contents[0]).toMatchObject({ uri });
    });

    test("roots: a server that remembers them has a process a key (instance: per-key)", async () => {
      const tool = "own__get-roots-list";
      expect(await agent.call(tool)).toContain("file:///work");
      const other = await gateway.key("executor");
      const theirs = [{ uri: "file:///theirs", name: "theirs" }];
      const stranger = await featureAgent(era, gateway.url, { token: other, roots: theirs });
      const seen = await stranger.call(tool);
      expect(seen).toContain("file:///theirs");
      expect(seen).not.toContain("file:///work");
      expect(await agent.call(tool)).not.toContain("theirs");
      await stranger.close();
    });

    test("server-filesystem keeps its own folders: what it asks outside calls says none", async () => {
      const allowed = await agent.call("files__list_allowed_directories");
      expect(allowed).toContain(join(folder, "files"));
      expect(allowed).not.toContain(roots[0]?.uri.slice("file://".length) ?? "");
      const path = join(folder, "files/a.txt");
      expect(await agent.call("files__read_text_file", { path })).toBe("the content of a");
    });

    test("server-memory remembers, its graph is one of all agents", async () => {
      const entities = [{ name: era, entityType: "era", observations: ["seen"] }];
      await agent.call("memory__create_entities", { entities });
      expect(await agent.call("memory__read_graph")).toContain(`"${era}"`);
    });
  });
}
