/** `--args JSON`, `--args @FILE`, `--args @-`: arguments of a tool. */

import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fault } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import type { Invocation } from "./command.ts";

/**
 * The text as it was given, which is JSON of one object; `{}` when the option is not there. What it
 * says is read by whoever gets it: a tree that is written anew hides keys that come twice and
 * numbers that were rounded. Throws GW_USAGE.
 */
export async function argumentsOption(call: Invocation): Promise<string> {
  const given = call.options.text("args");
  if (given === undefined) return "{}";
  const from = given.startsWith("@") ? `--args ${given}` : "--args";
  const text = given.startsWith("@") ? await textOf(call, given.slice(1), from) : given;
  if (isObject(parsed(text, from))) return text;
  throw fault("GW_USAGE", { message: `${from} is not a JSON object`, fix: "write it as {…}" });
}

function parsed(text: string, from: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    const cause = thrown instanceof Error ? thrown.message : String(thrown);
    const fix = from === "--args" ? quoteIt : "correct what it holds: JSON of one object";
    throw fault("GW_USAGE", { message: `${from} is not JSON`, cause, fix });
  }
}

const quoteIt = `quote it for the shell: --args '{"path":"/srv/data"}', or give --args @FILE`;

async function textOf({ io }: Invocation, file: string, from: string): Promise<string> {
  const bytes = file === "-" ? await stdin() : fileBytes(path.resolve(io.cwd, file), from);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const fix = "save it as UTF-8";
    throw fault("GW_USAGE", { message: `${from} is not JSON`, cause: "it is not UTF-8", fix });
  }
}

async function stdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

function fileBytes(file: string, from: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (thrown) {
    const cause = (thrown as NodeJS.ErrnoException).code ?? "unreadable";
    const fix = "name a file that holds the JSON, or @- for stdin";
    throw fault("GW_USAGE", { message: `Cannot read the file of ${from}`, cause, fix });
  }
}
