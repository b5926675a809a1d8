/**
 * `stdio --policy P -- COMMAND…`: one server behind a gateway of its own, without a port. Its
 * folder is found again by what was asked: command, names of variables, policy.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { templates } from "../../policies/index.ts";
import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { stateHome } from "../gateway/config-find.ts";
import type { Config } from "../gateway/config-model.ts";
import { programFault } from "../runtime/program.ts";
import type { Invocation } from "./command.ts";
import { needConfig } from "./context.ts";

export function wrappedConfig(call: Invocation): Config {
  const { io, args, options } = call;
  if (options.has("config")) {
    const message = "stdio takes a config or a command, not both";
    throw fault("GW_USAGE", { message, fix: "put the server into the config, or leave --config" });
  }
  const names = [...new Set(options.all("env"))].sort();
  for (const name of names) checkName(name, io.env);
  const policy = policyOption(call);
  const command = fromHere(args, io.cwd);
  checkProgram(command[0] ?? "", io.env["PATH"] ?? "");
  const asked = JSON.stringify([command, names, policy.hashed]);
  const id = createHash("sha256").update(asked).digest("hex").slice(0, 16);
  const folder = path.join(stateHome(io.env), "stdio", id);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (policy.text !== undefined) keep(path.join(folder, "policy.yaml"), policy.text);
  const file = path.join(folder, "authensor-gw.yaml");
  keep(file, configText(command, names, policy.path));
  const named = (name: string) => (name === "config" ? file : undefined);
  return needConfig({ ...call, options: { ...options, text: named } }, true);
}

function configText(command: readonly string[], names: readonly string[], policy: string): string {
  const env = names.map((name) => `      ${name}: ${JSON.stringify(`\${${name}}`)}`);
  const words = command.map(literal);
  return `${[
    "# Made by `authensor-gw stdio --policy … -- …`, and made again by it.",
    "listen: none",
    "data_dir: data",
    `policy: ${literal(policy)}`,
    "naming: bare",
    "servers:",
    `  ${serverId(command)}:`,
    `    command: [${words.join(", ")}]`,
    ...(env.length === 0 ? [] : ["    env:", ...env]),
  ].join("\n")}\n`;
}

/** What looks like a variable of ours in a word or a path is meant as it stands. */
function literal(word: string): string {
  return JSON.stringify(word.replaceAll("${", "$$${"));
}

function policyOption({ io, options }: Invocation) {
  const name = options.text("policy");
  if (name === undefined) {
    const fix = `write --policy NAME before --: ${templateNames}, or a file`;
    throw fault("GW_USAGE", { message: "stdio with a command needs --policy", fix });
  }
  const template = templates.find((one) => one.name === name);
  if (template !== undefined) {
    return { hashed: name, path: "policy.yaml", text: template.text };
  }
  const file = path.resolve(io.cwd, name);
  try {
    readFileSync(file);
  } catch (thrown) {
    const cause = (thrown as NodeJS.ErrnoException).code ?? "unreadable";
    const message = `Cannot read the policy "${printable(name)}"`;
    throw fault("GW_USAGE", { message, cause, fix: `name a file, or one of ${templateNames}` });
  }
  return { hashed: file, path: file, text: undefined };
}

/** A path of the client's command line; in the config that is made it would mean another. */
function fromHere([program = "", ...args]: readonly string[], cwd: string): readonly string[] {
  return [program.includes("/") ? path.resolve(cwd, program) : program, ...args];
}

/** Said where its client keeps it: a gateway without a server would be a list without tools. */
function checkProgram(program: string, paths: string): void {
  const cause = programFault(program, { paths });
  if (cause === undefined) return;
  const message = `Cannot start the server "${printable(program)}"`;
  const fix = "write the whole path of the program after --, or set PATH in the client's file";
  throw fault("GW_SERVER_COMMAND", { message, cause: printable(cause), fix });
}

const templateNames = templates.map(({ name }) => name).join(", ");

function checkName(name: string, env: Invocation["io"]["env"]): void {
  const message = `The variable "${printable(name)}" of --env`;
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw fault("GW_USAGE", { message: `${message} is no name`, fix: "write --env NAME" });
  }
  if (env[name] === undefined) {
    const fix = `set ${name} in the client's file, or leave --env ${name}`;
    throw fault("GW_USAGE", { message: `${message} is not set`, fix });
  }
}

/** `@modelcontextprotocol/server-filesystem` of an npx line → `server-filesystem`. */
function serverId(command: readonly string[]): string {
  const runners = new Set(["npx", "npm", "bunx", "bun", "node", "deno", "uvx", "uv", "python3"]);
  const words = command.filter((word) => !word.startsWith("-"));
  const word = words.find((one) => !runners.has(path.basename(one))) ?? words[0] ?? "server";
  const parts = word.split("/").filter((part) => !dull.has(part));
  const base = (parts.at(-1) ?? word).split("@")[0] ?? "";
  const id = base
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return id.slice(0, 32) || "server";
}

/** Parts of a path that do not say what a program is. */
const dull = new Set(["", ".", "..", "dist", "build", "src", "bin", "index.js", "main.js"]);

/** Several may write it at once, all the same: it is never seen half. */
function keep(file: string, text: string): void {
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, text, { mode: 0o600 });
  renameSync(fresh, file);
}
