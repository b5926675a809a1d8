/** The key of stdio clients: named, or `local`, which is made where there is none. */

import { linkSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fault, GatewayError } from "../base/errors.ts";
import { localKeyFile } from "../gateway/config-find.ts";
import type { Config } from "../gateway/config-model.ts";
import { createKeyOffline } from "../gateway/offline-keys.ts";
import type { Invocation } from "./command.ts";
import { readKeyFile } from "./key.ts";

/** `own`: the gateway is this command's own, and so is its key. */
export async function localToken(call: Invocation, config: Config, own: boolean): Promise<string> {
  const { io, options } = call;
  const named = options.text("key-file");
  if (named !== undefined) return readKeyFile(path.resolve(io.cwd, named));
  const variable = io.env["AUTHENSOR_GW_KEY"]?.trim() ?? "";
  if (variable !== "") return variable;
  const file = own ? path.join(path.dirname(config.file), "local.key") : localKeyFile(io.env);
  if (own) await makeLocalKey(config, file);
  else if (!exists(file)) {
    throw fault("GW_KEY_MISSING", {
      message: "No key for the gateway is named",
      cause: `neither --key-file nor $AUTHENSOR_GW_KEY is given, and there is no ${file}`,
      fix: "`authensor-gw init` makes one; or name a key with the role executor",
    });
  }
  return readKeyFile(file);
}

/**
 * Makes the executor key `local` unless its file is there. False: it was. Several may try at once:
 * one wins, the others take its file. Throws GW_OWNED where a gateway runs and there is no file,
 * GW_NAME where the store has the key and its file is gone.
 */
export async function makeLocalKey(config: Config, file: string): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    if (exists(file)) return false;
    try {
      const key = { name: "local", roles: ["executor"], expiresMs: null };
      const { token } = await createKeyOffline(config, key);
      return keep(file, token);
    } catch (thrown) {
      // Another one makes it: its file comes, or with GW_NAME is about to.
      const other = thrown instanceof GatewayError && codes.includes(thrown.code);
      if (!other || tries >= triesMost) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

const codes: readonly string[] = ["GW_OWNED", "GW_NAME"];
const [triesMost, pauseMs] = [40, 50];

/** Whole or not at all; the first one stays. */
function keep(file: string, token: string): boolean {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, `${token}\n`, { mode: 0o600, flag: "w" });
  try {
    linkSync(fresh, file);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
    return false;
  } finally {
    rmSync(fresh, { force: true });
  }
}

function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}
