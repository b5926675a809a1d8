/** `--out FILE` where a key is made: its token goes where only its owner reads it (O4). */

import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { fault, type GatewayError } from "../base/errors.ts";
import type { Invocation } from "./command.ts";

export interface TokenFile {
  readonly path: string;
  /** Whole and on disk, or not at all. */
  keep(token: string): void;
  /** No key was made: what stood there stays. */
  drop(): void;
}

/**
 * Opens what --out names before the key is made, so that no token is lost to a full disk or a
 * missing folder; undefined without --out. Throws GW_USAGE where a file is there without --force.
 */
export function tokenFile({ io, options }: Invocation): TokenFile | undefined {
  const named = options.text("out");
  if (named === undefined) {
    if (!options.has("force")) return undefined;
    throw fault("GW_USAGE", { message: "--force goes with --out", fix: "add --out FILE" });
  }
  const file = path.resolve(io.cwd, named);
  const draft = options.has("force") ? `${file}.${process.pid}` : file;
  const handle = open(file, draft);
  return {
    path: file,
    keep(token) {
      fs.writeSync(handle, `${token}\n`);
      fs.fsyncSync(handle);
      fs.closeSync(handle);
      if (draft !== file) fs.renameSync(draft, file);
    },
    drop() {
      fs.closeSync(handle);
      fs.rmSync(draft, { force: true });
    },
  };
}

/** The mode holds from the first moment; a link that stands there is not followed. */
function open(file: string, draft: string): number {
  try {
    if (draft !== file && fs.statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
      throw Object.assign(new Error("a folder is there"), { code: "EISDIR" });
    }
    return fs.openSync(draft, "wx", 0o600);
  } catch (thrown) {
    throw notWritten(file, (thrown as NodeJS.ErrnoException).code ?? "unknown");
  }
}

function notWritten(file: string, code: string): GatewayError {
  const message = `Cannot write the token to "${file}"`;
  if (code === "EEXIST") {
    return fault("GW_USAGE", {
      message,
      cause: "a file is there",
      fix: "name another one, or add --force to put the new token in its place",
    });
  }
  const fix = "name a file in a folder that is there and may be written";
  return fault("GW_USAGE", { message, cause: code, fix });
}
