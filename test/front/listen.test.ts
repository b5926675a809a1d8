import { describe, expect, test } from "bun:test";
import { settle } from "../kit/scripted.ts";
import { codeOf, follow, messagesOf, modern, type World, world } from "./kit.ts";
import { scriptedResources } from "./scripted.ts";

const silent = () => {};
const prefix = "io.modelcontextprotocol";

/** A gateway that offers everything. */
const all = {
  serverInfo: { name: "authensor-gw", version: "0.0.0" },
  capabilities: {
    tools: { listChanged: true },
    prompts: { listChanged: true },
    resources: { listChanged: true, subscribe: true },
  },
  instructions: undefined,
};

describe("subscriptions/listen", () => {
  const listen = (notifications: object, id: string | number = "sub") =>
    modern("subscriptions/listen", { notifications }, {}, id);
  const meta = `"_meta":{"${prefix}/subscriptionId":"sub"}`;

  test("acknowledges the part it honours, first", async () => {
    const made = world();
    const asked = {
      toolsListChanged: true,
      promptsListChanged: true,
      resourcesListChanged: "yes",
      resourceSubscriptions: ["a:b"],
      taskIds: ["t"],
    };
    const answer = await made.ask(listen(asked));
    const stream = follow(answer);
    await settle();
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    const first = stream.text().split("data: ")[1];
    expect(first).toStartWith(
      [
        '{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged"',
        `"params":{"notifications":{"toolsListChanged":true},${meta}}}`,
      ].join(),
    );
    expect(made.peer.kept).toBe(1);
  });
  test("tells this key's changes with its own id, and nothing it did not ask for", async () => {
    const made = world();
    const asking = follow(await made.ask(listen({ toolsListChanged: true })));
    const number = follow(await made.ask(listen({ toolsListChanged: true }, 5)));
    const silentOne = follow(await made.ask(listen({})));
    made.lists.set("alice", "second");
    await made.changed();
    const changed = '"method":"notifications/tools/list_changed"';
    expect(asking.text()).toContain(`${changed},"params":{${meta}}`);
    expect(number.text()).toContain(`${changed},"params":{"_meta":{"${prefix}/subscriptionId":5}}`);
    expect(silentOne.text()).not.toContain(changed);
  });
  test("says its result when the gateway stops", async () => {
    const made = world();
    const stream = follow(await made.ask(listen({ toolsListChanged: true })));
    made.front.drain();
    await settle();
    expect(stream.text()).toContain(
      `{"jsonrpc":"2.0","id":"sub","result":{"resultType":"complete",${meta}}}`,
    );
    expect(stream.over()).toBe(true);
  });
  test("needs params and a client that reads streams", async () => {
    const made = world();
    expect(await codeOf(await made.ask(modern("subscriptions/listen")))).toBe("GW_PARAMS");
    const json = modern(
      "subscriptions/listen",
      { notifications: {} },
      { accept: "application/json" },
    );
    expect((await made.ask(json)).status).toBe(406);
  });
  test("R6 what is over a key's streams is refused before anything is watched for it", async () => {
    const scripted = scriptedResources();
    const ready = Promise.withResolvers<boolean>();
    let watches = 0;
    const watch = () => {
      watches += 1;
      return ready.promise;
    };
    const resources = { ...scripted.ports, watch };
    const made = world(silent, { hello: async () => all, resources });
    const asking = Array.from({ length: 70 }, () =>
      made.ask(listen({ resourceSubscriptions: ["a:b"] })),
    );
    await settle();
    expect(watches).toBe(64);
    ready.resolve(true);
    const answers = await Promise.all(asking);
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(6);
    made.front.drain();
    const next = await made.ask(listen({}));
    expect(await codeOf(next)).toBe("GW_DRAINING");
  });
  test("F11 ends with its key", async () => {
    const made = world();
    const stream = follow(await made.ask(listen({ toolsListChanged: true })));
    made.revoke("alice");
    await settle();
    expect([stream.over(), made.front.status().streams]).toEqual([true, 0]);
  });
  test("tells of what it was asked for, if it is offered", async () => {
    const made = world(silent, { hello: async () => all });
    const prompts = follow(await made.ask(listen({ promptsListChanged: true }, 1)));
    const resources = follow(await made.ask(listen({ resourcesListChanged: true }, 2)));
    await settle();
    made.lists.set("alice prompts/list", "second");
    await made.changed("prompts/list");
    made.lists.set("alice resources/list", "second");
    made.lists.set("alice resources/templates/list", "second");
    await made.changed("resources/list", "resources/templates/list");
    const methods = (text: string) => messagesOf(text).map((message) => message["method"]);
    const acknowledged = "notifications/subscriptions/acknowledged";
    expect(methods(prompts.text())).toEqual([acknowledged, "notifications/prompts/list_changed"]);
    // Resources and templates share one notification.
    expect(methods(resources.text())).toEqual([
      acknowledged,
      "notifications/resources/list_changed",
    ]);
    expect(messagesOf(prompts.text())[1]?.["params"]).toEqual({
      _meta: { [`${prefix}/subscriptionId`]: 1 },
    });
  });
  test("watches resources, each decided as read, and gives them back at its end", async () => {
    const made = world(silent, { hello: async () => all });
    made.resources.denied.add("alice a:2");
    made.resources.refused.add("a:3");
    const uris = ["a:1", "a:2", "a:3", "a:1"];
    const stream = follow(await made.ask(listen({ resourceSubscriptions: uris })));
    await settle();
    await made.resources.updated("a:1", { uri: "a:1", extra: 1, _meta: { "x/y": 2 } });
    await made.resources.updated("a:2");
    await made.resources.updated("a:4");
    const [first, ...rest] = messagesOf(stream.text());
    expect(first?.["params"]).toMatchObject({ notifications: { resourceSubscriptions: ["a:1"] } });
    const _meta = { "x/y": 2, [`${prefix}/subscriptionId`]: "sub" };
    expect(rest).toEqual([
      {
        jsonrpc: "2.0",
        method: "notifications/resources/updated",
        params: { uri: "a:1", extra: 1, _meta },
      },
    ]);
    expect([...made.resources.watched]).toEqual([["a:1", 1]]);
    await stream.leave();
    expect([...made.resources.watched]).toEqual([]);
  });
  test("a change before the acknowledgement is told after it", async () => {
    let watched = () => {};
    let updated = () => {};
    const made: World = world(silent, {
      hello: async () => all,
      resources: {
        ...scriptedResources().ports,
        watch: () => new Promise((resolve) => (watched = () => resolve(true))),
        onUpdated: (listener) => {
          updated = () => listener("a:1", { uri: "a:1" });
          return () => {};
        },
      },
    });
    const waiting = made.ask(listen({ resourceSubscriptions: ["a:1"] }));
    await settle();
    updated();
    watched();
    const stream = follow(await waiting);
    await settle();
    expect(messagesOf(stream.text()).map((message) => message["method"])).toEqual([
      "notifications/subscriptions/acknowledged",
      "notifications/resources/updated",
    ]);
  });
  test.each([["a:1"], [[1]], [Array.from({ length: 300 }, (_, at) => `a:${at}`)]])(
    "R6 resourceSubscriptions are bounded URIs %#",
    async (resourceSubscriptions) => {
      const made = world();
      const answer = await made.ask(listen({ resourceSubscriptions: resourceSubscriptions as [] }));
      expect(await codeOf(answer)).toBe("GW_PARAMS");
      expect(made.resources.watched.size).toBe(0);
    },
  );
});
