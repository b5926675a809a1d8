/**
 * Servers that fail and heal, whole, on the compiled binary: what floods, hangs, flaps, dies or is
 * not there yet costs nobody else's calls, the gateway's memory or its processes; and reloads cost
 * no call. Flapping servers (heal) are in the full run.
 * `--only floods|lists|neighbours|heal|children|reload` runs one part.
 */

import process from "node:process";
import { binaryPath } from "../kit/binary.ts";
import { proof } from "../kit/proof.ts";
import { floods } from "./floods.ts";
import { lists } from "./lists.ts";
import { neighbours } from "./neighbours.ts";
import { otherProof } from "./other-proof.ts";

const run = proof("prove:upstreams");
await binaryPath();
run.say("the binary is built");
const parts: Readonly<Record<string, () => Promise<void>>> = {
  floods: () => floods(run),
  lists: () => lists(run, run.option("late", 2, 20)),
  neighbours: () => neighbours(run, run.option("windows", 10, 30)),
  heal: () =>
    otherProof(run, "heal.ts", {
      seconds: run.option("seconds", 10, 300),
      kills: run.option("kills", 20, 500),
    }),
  children: () => otherProof(run, "children.ts", { events: run.option("events", 12, 200) }),
  reload: () => otherProof(run, "reload.ts", { reloads: run.option("reloads", 12, 100) }),
};
const at = process.argv.indexOf("--only");
const part = async (name: string) => {
  if (at >= 0 && process.argv[at + 1] !== name) return;
  run.say(`== ${name}`);
  await parts[name]?.();
};
for (const name of ["floods", "lists", "neighbours"]) await part(name);
// Its windows take their time: `npm run prove:heal` is its own short run.
if (run.full || process.argv[at + 1] === "heal") await part("heal");
// No bar of these is about milliseconds.
await Promise.all(["children", "reload"].map(part));
run.end();
