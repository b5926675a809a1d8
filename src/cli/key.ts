/** Finds the key that a command uses. Never from argv: other users see that. */

import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fault } from "../base/errors.ts";
import { configHome, localKeyFile } from "../gateway/config-find.ts";
import type { Invocation } from "./command.ts";

export interface FoundKey {
  readonly token: string;
  readonly from: "--key-file" | "$AUTHENSOR_GW_KEY" | "admin.key";
}

/** --key-file, $AUTHENSOR_GW_KEY, admin.key of the user's config folder; undefined: none there. */
export function findKey(call: Invocation): FoundKey | undefined {
  const { io, options } = call;
  const named = options.text("key-file");
  if (named !== undefined) {
    const file = path.resolve(io.cwd, named);
    return { token: needToken(readKeyFile(file), file), from: "--key-file" };
  }
  const variable = io.env["AUTHENSOR_GW_KEY"];
  if (variable !== undefined && variable !== "") {
    return { token: variable.trim(), from: "$AUTHENSOR_GW_KEY" };
  }
  const file = adminKeyFile(io.env);
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
  return { token: needToken(readKeyFile(file), file), from: "admin.key" };
}

/** The named one, else the one of `stdio`: admin.key is no executor's and would only be refused. */
export function findAgentKey(
  call: Invocation,
): { readonly token: string; readonly from: string } | undefined {
  const key = findKey(call);
  if (key !== undefined && key.from !== "admin.key") return key;
  const file = localKeyFile(call.io.env);
  return existsSync(file) ? { token: needToken(readKeyFile(file), file), from: file } : undefined;
}

export function adminKeyFile(env: Readonly<Record<string, string | undefined>>): string {
  return path.join(configHome(env), "admin.key");
}

/** No gateway could say more of another text than that no key has it. */
function needToken(text: string, file: string): string {
  if (text.includes("agw_")) return text;
  throw fault("GW_USAGE", {
    message: `The key file "${file}" holds no token`,
    cause: "a token begins with agw_",
    fix: "name a file that holds what `authensor-gw keys create` printed, or use its --out FILE",
  });
}

/** The token in a file. O4: a key that others can read is nobody's. Throws GW_USAGE … */
export function readKeyFile(file: string): string {
  let text: string;
  let mode: number;
  try {
    mode = statSync(file).mode & 0o777;
    text = readFileSync(file, "utf8").trim();
  } catch (thrown) {
    const cause = (thrown as NodeJS.ErrnoException).code ?? "unreadable";
    const message = `Cannot read the key file "${file}"`;
    throw fault("GW_USAGE", { message, cause, fix: "name a file that holds the key's token" });
  }
  if ((mode & 0o077) !== 0) {
    throw fault("GW_SECRET_MODE", {
      message: `Cannot use the key file "${file}"`,
      cause: `others may read it (mode ${mode.toString(8).padStart(4, "0")})`,
      fix: `chmod 600 ${file}`,
    });
  }
  if (text === "") throw fault("GW_USAGE", { message: `The key file "${file}" is empty` });
  return text;
}
