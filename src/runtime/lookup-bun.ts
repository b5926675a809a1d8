/** The two ways in which Bun finds addresses, for Linux; elsewhere its own blocks no thread. */

import dns from "node:dns";
import { statSync } from "node:fs";
import process from "node:process";
import type { Lookup } from "../base/ports.ts";
import { createLookup } from "./lookup.ts";

export function bunLookup(bunDns: BunDns): Lookup {
  const system: Lookup = async (host) => addresses(await dns.promises.lookup(host, { all: true }));
  if (process.platform !== "linux") return system;
  const follow = createFollow();
  return createLookup({
    system,
    async ask(host) {
      follow();
      return addresses(await bunDns.lookup(host, { backend: "c-ares" }));
    },
    mono: () => performance.now(),
  });
}

/** The part of Bun.dns that is used here. */
export interface BunDns {
  lookup(host: string, options: { backend: "c-ares" }): Promise<readonly Found[]>;
}

interface Found {
  readonly address: string;
}

function addresses(found: readonly Found[]): readonly string[] {
  return found.map(({ address }) => address);
}

/** c-ares reads its file once, and a gateway may run longer than the network has its servers. */
function createFollow(): () => void {
  let seen: string | undefined;
  return () => {
    const now = stamp();
    if (seen !== undefined && now !== seen) dns.setServers(new dns.Resolver().getServers());
    seen = now;
  };
}

function stamp(): string {
  try {
    const { ino, mtimeMs, size } = statSync("/etc/resolv.conf");
    return `${ino} ${mtimeMs} ${size}`;
  } catch {
    return ""; // there is none, or it is not ours to read
  }
}
