/** Where the config is, and where things are that it does not name. */

import { existsSync, realpathSync, statSync } from "node:fs";
import { homedir, tmpdir, userInfo } from "node:os";
import path from "node:path";
import process from "node:process";
import { nodeCrypto } from "../base/node-crypto.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** All places in order: the first that exists is it. A named file is it, there or not. */
export function configPlaces(options: {
  path?: string | undefined;
  env: Environment;
  cwd: string;
}): { readonly named: string | undefined; readonly places: readonly string[] } {
  const { env, cwd } = options;
  const named = options.path ?? filled(env["AUTHENSOR_GW_CONFIG"]);
  if (named !== undefined) return { named: path.resolve(cwd, named), places: [] };
  const folders = [cwd, configHome(env), "/etc/authensor-gw"];
  return { named: undefined, places: folders.map((folder) => path.join(folder, fileName)) };
}

const fileName = "authensor-gw.yaml";

/** Path of the config file, or undefined when there is none. Does not read it. */
export function findConfig(options: {
  path?: string | undefined;
  env: Environment;
  cwd: string;
}): string | undefined {
  const { named, places } = configPlaces(options);
  return named ?? places.find((place) => existsSync(place));
}

/** Wall ms of the last change of a file; 0 where there is none. */
export function changedMs(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** `$XDG_CONFIG_HOME/authensor-gw`: the user's config and admin key. */
export function configHome(env: Environment): string {
  return path.join(
    filled(env["XDG_CONFIG_HOME"]) ?? path.join(home(env), ".config"),
    "authensor-gw",
  );
}

/** The key of `authensor-gw stdio`, where none is named. */
export function localKeyFile(env: Environment): string {
  return path.join(configHome(env), "local.key");
}

/** `$XDG_STATE_HOME/authensor-gw`: data_dir where the config names none. */
export function stateHome(env: Environment): string {
  const base = filled(env["XDG_STATE_HOME"]) ?? path.join(home(env), ".local", "state");
  return path.join(base, "authensor-gw");
}

/**
 * The admin socket where the config names none: the same for every process of this user that means
 * this data_dir. A socket's path may have about 100 bytes: longer ones go to a folder under /tmp.
 */
export function defaultSocket(dataDir: string, env: Environment): string {
  const name = nodeCrypto()
    .createHash("sha256")
    .update(realPath(dataDir))
    .digest("hex")
    .slice(0, 8);
  const uid = process.getuid?.() ?? 0;
  const runtime = filled(env["XDG_RUNTIME_DIR"]) ?? (uid === 0 ? existing("/run") : undefined);
  const short = path.join(filled(env["TMPDIR"]) ?? tmpdir(), `authensor-gw-${uid}`);
  const folder = runtime === undefined ? short : path.join(runtime, "authensor-gw");
  const socket = path.join(folder, `${name}.sock`);
  const fits = Buffer.byteLength(socket) <= socketPathBytes;
  return fits ? socket : path.join("/tmp", `authensor-gw-${uid}`, `${name}.sock`);
}

/** sun_path has 108 bytes on Linux, 104 on macOS. */
const socketPathBytes = 100;

/** realpath of what exists of a path, with the rest after it. */
export function realPath(wanted: string): string {
  let folder = wanted;
  let rest = "";
  for (;;) {
    try {
      return path.join(realpathSync(folder), rest);
    } catch {
      const parent = path.dirname(folder);
      if (parent === folder) return wanted;
      rest = path.join(path.basename(folder), rest);
      folder = parent;
    }
  }
}

/** With an empty HOME the account's own home is meant. */
function home(env: Environment): string {
  const named = filled(env["HOME"]);
  if (named !== undefined) return named;
  try {
    return userInfo().homedir;
  } catch {
    // No entry for this uid, as in some containers.
    return homedir() || "/";
  }
}

function existing(folder: string): string | undefined {
  return existsSync(folder) ? folder : undefined;
}

/** XDG: a variable that is set but empty counts as not set. */
function filled(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : value;
}
