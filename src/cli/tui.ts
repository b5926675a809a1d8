/** `authensor-gw tui`, `--tui`: the terminal interface, on the gateway there is. */

import process from "node:process";
import { fault, type GatewayError } from "../base/errors.ts";
import { findConfig } from "../gateway/config-find.ts";
import type { Config } from "../gateway/config-model.ts";
import { readConfig } from "../gateway/config-read.ts";
import type { Invocation, OpenTui, TuiOpening } from "./command.ts";
import { needConfig, shown } from "./context.ts";
import { findKey } from "./key.ts";
import { runningWith } from "./reach.ts";
import { findGateway, mayOpen } from "./tui-attach.ts";

export async function run(call: Invocation): Promise<number> {
  const open = await loadTui(call);
  const looks = looksOf(call);
  if (call.options.has("demo")) return await open({ ...looks, place: { kind: "demo" } });
  const attach = call.options.text("attach");
  if (attach !== undefined) {
    await mayOpen(attach);
    return await open({ ...looks, ...mayChange(call), place: gatewayAt(call, attach) });
  }
  const { options, io } = call;
  const named =
    options.text("config") !== undefined || (io.env["AUTHENSOR_GW_CONFIG"] ?? "") !== "";
  const config = await quietConfig(call);
  const socket = await findGateway(config, named, io);
  if (socket !== undefined) {
    return await open({ ...looks, ...mayChange(call), place: gatewayAt(call, socket) });
  }
  if (!options.has("start")) throw notRunning(config);
  if (findConfig({ path: options.text("config"), env: io.env, cwd: io.cwd }) === undefined) {
    return (await import("./welcome.ts")).welcome(io);
  }
  const { startOwnGateway } = await import("./tui-start.ts");
  const own = await startOwnGateway(needConfig(call, true), io);
  return await open({ ...looks, ...mayChange(call), own, place: gatewayAt(call, own.socket) });
}

/** The interface, where there is a terminal for it. Throws GW_NO_TERMINAL otherwise. */
export async function loadTui(call: Invocation): Promise<OpenTui> {
  const cause = noTerminal(call);
  if (call.tui !== undefined && cause === undefined) return await call.tui();
  throw fault("GW_NO_TERMINAL", {
    message: "Cannot draw a screen",
    cause: cause ?? "this program was started without its interface",
  });
}

/** Ink would take the screen of a dumb terminal, and throws without raw mode. */
function noTerminal(call: Invocation): string | undefined {
  if (isLinear(call)) return undefined;
  if (call.io.env["TERM"] === "dumb") return "TERM is dumb";
  if (process.stdout.isTTY !== true) return "stdout is not a terminal";
  return process.stdin.isTTY === true ? undefined : "stdin is not a terminal";
}

/** A screen that changes everywhere cannot be read aloud; lines that only come can. */
function isLinear({ options, io: { env } }: Invocation): boolean {
  const asked = env["AUTHENSOR_A11Y"] === "1" || env["INK_SCREEN_READER"] === "true";
  return asked || options.has("accessible");
}

type Looks = Pick<TuiOpening, "readOnly" | "colour" | "ascii" | "refreshMs" | "linear">;

export function looksOf(call: Invocation): Looks {
  const { options } = call;
  const { env } = call.io;
  const refresh = options.text("refresh") ?? "250ms";
  const refreshMs = { "250ms": 250, "500ms": 500, "1s": 1_000, "2s": 2_000 }[refresh];
  if (refreshMs === undefined) {
    const message = `--refresh "${refresh}" is not known`;
    throw fault("GW_USAGE", { message, fix: "write --refresh 250ms, 500ms, 1s or 2s" });
  }
  return {
    readOnly: options.has("read-only") ? "--read-only was given" : undefined,
    // https://no-color.org: any value that is not empty.
    colour: (env["NO_COLOR"] ?? "") === "" && options.text("color") !== "never",
    ascii: options.has("ascii") || !speaksUtf8(env),
    refreshMs,
    linear: isLinear(call),
  };
}

/** The first of these that is set decides, as in the C library. */
function speaksUtf8(env: Readonly<Record<string, string | undefined>>): boolean {
  if (process.platform === "win32") return true;
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  return locale.toLowerCase().replace("-", "").includes("utf8");
}

/** Actions need a key; without one they are shown as what they are, with the reason. */
export function mayChange(call: Invocation): Pick<TuiOpening, "readOnly"> {
  if (call.options.has("read-only")) return looksOf(call);
  const found = keyOf(call);
  if ("token" in found) return { readOnly: undefined };
  return { readOnly: found.why };
}

function keyOf(call: Invocation): { readonly token: string } | { readonly why: string } {
  try {
    const found = findKey(call);
    if (found !== undefined) return { token: found.token };
    return { why: "needs a key: --key-file FILE or $AUTHENSOR_GW_KEY" };
  } catch (thrown) {
    // A key that was named has to be right; one that lay about can be left.
    if (call.options.text("key-file") !== undefined) throw thrown;
    return { why: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

function gatewayAt(call: Invocation, socket: string): TuiOpening["place"] {
  const found = call.options.has("read-only") ? undefined : keyOf(call);
  const key = found !== undefined && "token" in found ? found.token : undefined;
  return { kind: "gateway", socket, key };
}

/** undefined: there is none, or this user may not read the machine's. */
async function quietConfig(call: Invocation): Promise<Config | undefined> {
  const { io, options } = call;
  const where = { path: options.text("config"), env: io.env, cwd: io.cwd };
  const file = findConfig(where);
  if (file === undefined) return undefined;
  const read = readConfig({ ...where, lenient: true });
  if (read.ok) return read.value;
  if (file.startsWith("/etc/authensor-gw/") && where.path === undefined) return undefined;
  const running = await runningWith(call);
  if (running !== undefined) return running;
  throw shown(read.error, io);
}

function notRunning(config: Config | undefined): GatewayError {
  const message =
    config === undefined ? "No gateway answers at the usual sockets" : "The gateway does not run";
  const cause = config === undefined ? "" : `nothing answers on "${config.admin.socket}"`;
  const fix = "`authensor-gw --tui` starts it; `authensor-gw tui --demo` shows an example";
  return fault("GW_NOT_RUNNING", { message, cause, fix });
}
