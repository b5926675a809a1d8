/**
 * F15: clients of both eras, all using id 1 and progress token 1, over one stdio server; every
 * result and every progress notification carries its caller's nonce, so one misrouted message is
 * seen.
 */

import { join } from "node:path";
import process from "node:process";
import { startGateway } from "../kit/gateway.ts";
import type { Proof } from "../kit/proof.ts";
import { type RawAgent, rawAgent } from "../kit/raw-agent.ts";

const clients = 50;

export async function interleaved(run: Proof, calls: number): Promise<void> {
  const server = join(import.meta.dir, "../kit/servers/nonce-stdio.ts");
  await using gateway = await startGateway({
    config: { servers: { s: { command: [process.execPath, server] } } },
    policy: 'id: p\nallow: ["s/*"]\n',
  });
  const tokens = [await gateway.key("executor", "one"), await gateway.key("executor", "two")];
  const agents: RawAgent[] = [];
  for (let i = 0; i < clients; i++) {
    const era = i % 4 < 2 ? "legacy" : "modern";
    agents.push(await rawAgent(gateway.url, tokens[i % 2] ?? "", { era }));
  }
  run.say(`${clients} clients of 2 keys and both eras, ${calls} calls, id 1 and token 1 for all`);

  let misrouted = 0;
  let progressSeen = 0;
  let done = 0;
  let failed = 0;
  const began = performance.now();
  async function client(agent: RawAgent, index: number): Promise<void> {
    for (let i = 0; i < calls / clients; i++) {
      const nonce = `client ${index} call ${i}`;
      try {
        const answer = await agent.call("s__nonce", { nonce }, { id: 1, progressToken: 1 });
        const strange = answer.progress.some((p) => p.message !== nonce || p.token !== 1);
        if (answer.text !== nonce || answer.id !== 1 || strange) misrouted++;
        progressSeen += answer.progress.length;
      } catch (thrown) {
        if (failed++ === 0) run.say(String(thrown));
      }
      done++;
    }
  }
  await Promise.all(agents.map(client));
  run.say(`${Math.round(done / ((performance.now() - began) / 1000))} calls/s`);
  run.bar("calls made", done, done === Math.floor(calls / clients) * clients);
  run.bar("failed calls", failed, failed === 0);
  run.bar("misrouted answers or notifications", misrouted, misrouted === 0);
  run.bar("progress notifications that came back", progressSeen, progressSeen >= done * 0.99);
}
