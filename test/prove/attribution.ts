/**
 * F14: two clients that can be asked, on one shared server of the older kind, all calls at once;
 * every question carries its call's nonce. It reaches the client whose call asked, or nobody, never
 * the other.
 */

import { type Era, featureAgent } from "../kit/feature-agent.ts";
import { startGateway } from "../kit/gateway.ts";
import type { Proof } from "../kit/proof.ts";
import { everyFeature, everyFeatureStdio } from "../kit/servers.ts";

interface World {
  readonly clients: readonly [Era, Era];
  readonly server: "stdio" | "http";
}

const worlds: readonly World[] = [
  { clients: ["legacy", "legacy"], server: "stdio" },
  { clients: ["modern", "modern"], server: "stdio" },
  { clients: ["legacy", "modern"], server: "stdio" },
  { clients: ["legacy", "modern"], server: "http" },
];

export async function attribution(run: Proof, calls: number): Promise<void> {
  for (const world of worlds) await inWorld(run, world, calls);
}

async function inWorld(run: Proof, { clients, server }: World, calls: number): Promise<void> {
  const name = `${clients.join(" and ")} client, ${server}`;
  await using http = server === "http" ? await everyFeature("legacy") : undefined;
  const entry = http === undefined ? everyFeatureStdio("legacy") : { url: http.url };
  await using gateway = await startGateway({
    config: { servers: { s: { ...entry, max_in_flight: calls, timeout: "10m" } } },
    policy: "id: all\nrules:\n  - id: all\n    effect: allow\n    methods: ['*']\n",
  });
  run.say(`${name}: ${calls} calls that ask`);
  const seen = { strange: 0, right: 0, wrong: 0, failed: 0 };
  const agents = await Promise.all(
    clients.map(async (era, n) => {
      const who = n === 0 ? "ann" : "bob";
      const form = (message: string) => {
        if (!message.startsWith(`${who} `)) seen.strange++;
        return { username: who, email: message };
      };
      const token = await gateway.key("executor", who);
      return { who, agent: await featureAgent(era, gateway.url, { token, form }) };
    }),
  );
  const one = async (n: number): Promise<void> => {
    const { who, agent } = agents[n % 2]!;
    const message = `${who} ${n}`;
    try {
      const text = await agent.call("s__test_elicitation", { message }, { timeout: 300_000 });
      const right = text.includes(`"username":"${who}"`) && text.includes(`"email":"${message}"`);
      if (right) seen.right++;
      else if (text.includes("action=accept")) seen.wrong++;
      else if (seen.failed++ === 0) run.say(text.slice(0, 200));
    } catch (error) {
      if (seen.failed++ === 0) run.say(String(error).slice(0, 200));
    }
  };
  await Promise.all(Array.from({ length: calls }, (_, n) => one(n)));
  for (const { agent } of agents) await agent.close();
  run.bar(`${name}: questions that reached the other client`, seen.strange, seen.strange === 0);
  run.bar(`${name}: answers that reached the other call`, seen.wrong, seen.wrong === 0);
  // Over HTTP all calls ask at once, and more than a session or key may have open get an error.
  const least = calls * (server === "stdio" ? 0.9 : 0.3);
  run.bar(`${name}: calls answered, of ${calls}`, seen.right, seen.right >= least);
  run.bar(`${name}: calls ended by an error`, seen.failed, seen.failed + seen.right === calls);
}
