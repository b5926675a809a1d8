import { expect, test } from "bun:test";
import { scriptedUpstream, settle, world } from "../kit/scripted.ts";

const all = 'id: t\nrules:\n  - {id: all, effect: allow, methods: ["*"], other_args: any}\n';
const tool = { name: "read", inputSchema: {} };

for (const [naming, exposed] of [
  ["prefix", "a__read"],
  ["auto", "read"],
  ["bare", "read"],
] as const) {
  test(`a tool of a disabled server is known as that, naming ${naming}`, async () => {
    const one = scriptedUpstream("a", [tool], { resources: [{ uri: "x:1", name: "r" }] });
    const other = scriptedUpstream("b", [{ name: "other", inputSchema: {} }]);
    const { catalog } = (await world([one, other], { policy: all, naming })).ports;
    expect(catalog.tool(exposed)?.server).toBe("a");
    expect(catalog.guess("x:1", "resource")).toBeUndefined();
    one.setState("disabled");
    await settle();
    expect(catalog.tool(exposed)).toBeUndefined();
    for (const [name, kind, own] of [
      [exposed, "tool", "read"],
      ["x:1", "resource", "x:1"],
    ] as const) {
      const guess = catalog.guess(name, kind);
      expect(guess).toMatchObject({ server: "a", tool: own });
      expect(guess?.unlisted).toMatchObject({
        code: "GW_SERVER_DISABLED",
        message: 'Server "a" is disabled',
        why: expect.stringMatching(/since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        fix: "authensor-gw servers enable a",
      });
    }
    expect(catalog.guess("none", "tool")).toBeUndefined();
    // Enabled again it is on its way, and then there.
    one.setState("starting");
    expect(catalog.guess(exposed)?.unlisted?.code).toBe("GW_UPSTREAM_DOWN");
    one.setState("ready");
    await settle();
    expect(catalog.tool(exposed)?.server).toBe("a");
    expect(catalog.guess("x:1", "resource")).toBeUndefined();
  });
}
