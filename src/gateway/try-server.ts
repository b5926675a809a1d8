/** One attempt at a server with the gateway's own code: `doctor` asks whether it would go. */

import process from "node:process";
import { asFault } from "../base/errors.ts";
import { createLog } from "../base/log.ts";
import { systemClock, systemRandom } from "../base/system.ts";
import { version } from "../base/version.ts";
import { currentRuntime } from "../runtime/current.ts";
import { openUpstream } from "../upstream/open.ts";
import type { Config, ServerConfig } from "./config-model.ts";

export type Tried =
  | { readonly kind: "ready"; readonly protocol: string; readonly tools: number }
  /** It shook hands and did not list its tools. */
  | { readonly kind: "no list"; readonly why: string }
  | { readonly kind: "failed"; readonly why: string; readonly stderr: readonly string[] }
  /** Nothing was decided within the time. */
  | { readonly kind: "late"; readonly stderr: readonly string[] };

/** Never rejects. Ends what it started: within `ms`, and the time a child takes to stop. */
export async function tryServer(config: Config, server: ServerConfig, ms: number): Promise<Tried> {
  const upstream = openUpstream({
    config: server,
    runtime: await currentRuntime(),
    clock: systemClock,
    random: systemRandom,
    env: ownEnvironment(),
    limits: config.limits,
    identity: { name: "authensor-gw-doctor", version },
    log: createLog({ level: "error", write: () => undefined }),
  });
  const decided = new Promise<"ready" | "failed">((resolve) => {
    upstream.onChange(() => {
      const { state } = upstream.status();
      if (state === "ready") resolve("ready");
      else if (state === "backoff" || state === "crash-loop") resolve("failed");
    });
  });
  const until = performance.now() + ms;
  const left = () => Math.max(0, until - performance.now());
  upstream.start();
  try {
    const state = await within(left(), decided);
    const { cause = "", stderr } = upstream.status();
    if (state === undefined) return { kind: "late", stderr };
    if (state === "failed") return { kind: "failed", why: cause, stderr };
    if (upstream.hello()?.capabilities["tools"] === undefined) {
      return { kind: "ready", protocol: upstream.status().protocol ?? "", tools: 0 };
    }
    const listed = await within(left(), upstream.list("tools/list"));
    if (listed === undefined) return { kind: "no list", why: "no answer to tools/list in time" };
    return {
      kind: "ready",
      protocol: upstream.status().protocol ?? "",
      tools: listed.items.length,
    };
  } catch (thrown) {
    const { message, why } = asFault(thrown, "tools/list failed");
    return { kind: "no list", why: why === "" ? message : `${message}: ${why}` };
  } finally {
    void upstream.stop().catch(() => undefined); // a child that clings is ended by its own limit
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function ownEnvironment(): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined) found[name] = value;
  }
  return found;
}
