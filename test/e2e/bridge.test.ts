/** What waits in the bridge between the eras ends with whom it waits for. */

import { expect, test } from "bun:test";
import { startGateway } from "../kit/gateway.ts";
import { rawAgent } from "../kit/raw-agent.ts";
import { everyFeatureStdio } from "../kit/servers.ts";

const policy = "id: all\nrules:\n  - {id: all, effect: allow, methods: ['*'], other_args: any}\n";
const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} };

test("F11 a key that ends takes its parked calls with it: the server is free for others", async () => {
  await using gateway = await startGateway({
    config: { servers: { s: { ...everyFeatureStdio("legacy"), protocol: "legacy" } } },
    policy,
  });
  const agent = async (name: string) =>
    rawAgent(gateway.url, await gateway.key("executor", name), { era: "modern", capabilities });
  const [a, b] = [await agent("a"), await agent("b")];
  const asked = await a.ask("tools/call", { name: "s__test_elicitation", arguments: asks });
  expect(asked.text).toContain("input_required");
  // One at a time there, as questions do not say whose they are.
  const waiting = b.ask("tools/call", { name: "s__test_simple_text", arguments: {} });
  expect(await Promise.race([waiting, Bun.sleep(300)])).toBeUndefined();
  await gateway.cli("keys", "revoke", "a");
  const began = performance.now();
  expect((await waiting).text).toContain("simple text response");
  expect(performance.now() - began).toBeLessThan(1_000);
  const receipts = (await gateway.cli("receipts", "list", "--json")).stdout.trim().split("\n");
  const ends = receipts.map((line) => JSON.parse(line) as { key: string; outcome: string });
  expect(ends.find(({ key }) => key === "a")?.outcome).toBe("cancelled");
});

const asks = { message: "Who?" };
