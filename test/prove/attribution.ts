/**
 * F14: two clients that can be asked, on one shared stdio server, all calls at once; every question
 * carries its call's nonce. It reaches the client whose call asked, or nobody, never the other.
 */

import { featureAgent } from "../kit/feature-agent.ts";
import { startGateway } from "../kit/gateway.ts";
import type { Proof } from "../kit/proof.ts";
import { everyFeatureStdio } from "../kit/servers.ts";

export async function attribution(run: Proof, calls: number): Promise<void> {
  for (const era of ["legacy", "modern"] as const) {
    const server = { ...everyFeatureStdio("legacy"), max_in_flight: calls };
    await using gateway = await startGateway({
      config: { servers: { s: { ...server, timeout: "10m" } } },
      policy: "id: all\nrules:\n  - id: all\n    effect: allow\n    methods: ['*']\n",
    });
    run.say(`2 ${era} clients, one stdio process of the older kind, ${calls} calls that ask`);
    const seen = { strange: 0, right: 0, wrong: 0, failed: 0 };
    const agents = await Promise.all(
      ["ann", "bob"].map(async (who) => {
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
    const name = `${era} clients`;
    run.bar(`${name}: questions that reached the other client`, seen.strange, seen.strange === 0);
    run.bar(`${name}: answers that reached the other call`, seen.wrong, seen.wrong === 0);
    run.bar(`${name}: calls answered, of ${calls}`, seen.right, seen.right >= calls * 0.9);
    run.bar(`${name}: calls ended by an error`, seen.failed, seen.failed + seen.right === calls);
  }
}
