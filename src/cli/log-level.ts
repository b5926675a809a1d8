/** `authensor-gw log-level`: shows or changes the running gateway's log level, for a time. */

import { type LogLevelNow, paths } from "../admin/contract.ts";
import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { levels } from "../base/log.ts";
import { nearest } from "../base/nearest.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";
import { changeAtGateway, fromGateway } from "./context.ts";
import { durationOption } from "./keys-text.ts";
import { needReach } from "./reach.ts";

const usualMs = 10 * 60_000;

export async function run(call: Invocation): Promise<number> {
  const level = levelOf(call.args[0]);
  const forMs = durationOption(call, "for") ?? usualMs;
  const { options } = call;
  if (forMs <= 0 || forMs > limits.logLevelMs) {
    const text = printable(options.text("for") ?? "");
    throw fault("GW_USAGE", {
      message: `--for takes a time of at most 24h, and not "${text}"`,
      fix: "name a shorter time, or set `log.level` in the config and reload",
    });
  }
  if (level === undefined && ["for", "server", "key"].some((name) => options.has(name))) {
    throw fault("GW_USAGE", {
      message: "A level is missing",
      fix: "authensor-gw log-level debug --for 10m",
    });
  }
  const config = await needReach(call);
  const body = { level, for_ms: forMs, server: options.text("server"), key: options.text("key") };
  const now =
    level === undefined
      ? await fromGateway(call, config, (client) => client.get<LogLevelNow>(paths.logLevel))
      : await changeAtGateway(call, config, (client) =>
          client.post<LogLevelNow>(paths.logLevel, body),
        );
  call.io.out(options.has("json") ? JSON.stringify(now) : levelText(now));
  return 0;
}

/** null: the config's again; undefined: only show. */
function levelOf(word: string | undefined): string | null | undefined {
  if (word === undefined) return undefined;
  if (word === "reset") return null;
  const words: readonly string[] = levels;
  if (words.includes(word)) return word;
  const like = nearest(word, [...words, "reset"]);
  const fix = like === undefined ? `one of ${words.join(", ")}, reset` : `did you mean ${like}?`;
  throw fault("GW_USAGE", { message: `"${printable(word)}" is no log level`, fix });
}

function levelText({ level, untilMs, server, key }: LogLevelNow): string {
  if (untilMs === null) return `${level}, as the config says`;
  const about = [
    ...(server === null ? [] : [`server ${printable(server)}`]),
    ...(key === null ? [] : [`key ${printable(key)}`]),
  ];
  const where = about.length === 0 ? "" : ` for ${about.join(" and ")}`;
  return `${level}${where} until ${new Date(untilMs).toISOString()}, then the config's again`;
}
