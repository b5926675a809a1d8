/** `authensor-gw init`: config, policy and the first admin key. Never overwrites. */

import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stringify } from "yaml";
import { templates } from "../../policies/index.ts";
import { fault, GatewayError } from "../base/errors.ts";
import { shellWord } from "../base/shell-word.ts";
import { findConfig, localKeyFile } from "../gateway/config-find.ts";
import type { Config } from "../gateway/config-model.ts";
import { firstAdminKeyOffline } from "../gateway/offline-keys.ts";
import type { Invocation } from "./command.ts";
import { needConfig, needDatabase } from "./context.ts";
import { fromOption, needServers, tellLeft } from "./init-from.ts";
import { adminKeyFile, readKeyFile } from "./key.ts";
import { makeLocalKey } from "./local-key.ts";
import type { Io } from "./print.ts";

export async function run(call: Invocation): Promise<number> {
  const { io, options } = call;
  const file = path.resolve(io.cwd, options.text("config") ?? "authensor-gw.yaml");
  const template = templateOption(call);
  const from = fromOption(call);
  const isThere = existsSync(file);
  const servers = from && !isThere ? needServers(from, file, io) : undefined;
  const policy = path.join(path.dirname(file), "policies", `${template.name}.yaml`);
  const isNew = writeNew(file, configText(template.name, servers), 0o600, io);
  if (!isNew && from !== undefined) tellLeft(from, file, io);
  // A config that was there names its own policy.
  if (isNew || options.has("template")) writeNew(policy, template.text, 0o644, io);
  const config = needConfig({
    ...call,
    options: { ...options, text: (name) => (name === "config" ? file : options.text(name)) },
  });
  if (!isNew) tellPolicy(config, policy, options.has("template"), io);
  needDatabase(call, config);
  await firstAdminKey(config, io);
  await localKey(config, io);
  io.out("");
  const none = config.servers.length === 0;
  io.out(none ? `Next: put your servers into ${file}, then` : "Next:");
  const isFound = findConfig({ env: io.env, cwd: io.cwd }) === file;
  const rest = isFound ? "" : ` --config ${shellWord(file)}`;
  for (const words of ["check", "keys create --role executor --name my-agent", "serve"]) {
    io.out(`  authensor-gw ${words}${rest}`);
  }
  return 0;
}

/** Of a config that was there: what it names, or that it does not name the template's file. */
function tellPolicy(config: Config, file: string, chosen: boolean, io: Io): void {
  for (const one of config.policy) if (one !== file && existsSync(one)) io.out(`kept  ${one}`);
  if (config.policy.includes(file)) {
    if (!chosen) io.out(`kept  ${file}`);
    return;
  }
  if (!chosen) return;
  const name = path.relative(path.dirname(config.file), file);
  io.out(`      ${config.file} does not name ${name}; to use it, write there: \`policy: ${name}\``);
}

/** False: it was there. "wx" keeps it also when it appears in this very moment. */
function writeNew(file: string, text: string, mode: number, io: Io): boolean {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: "wx", mode });
    io.out(`wrote ${file}`);
    return true;
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code !== "EEXIST") {
      const fix = "name another place with --config";
      throw fault("GW_USAGE", { message: `Cannot write "${file}"`, cause: code ?? "", fix });
    }
    io.out(`kept  ${file}`);
    return false;
  }
}

/** One that nobody has yet; where the store has one, it stays the only way in. */
async function firstAdminKey(config: Config, io: Io): Promise<void> {
  const file = adminKeyFile(io.env);
  const there = existsSync(file);
  const first = await firstAdminKeyOffline(config, there ? readKeyFile(file) : undefined);
  if (first.kind === "kept") return io.out(`kept  ${file}`);
  if (first.kind === "other") {
    io.out(`kept  the admin key "${first.name}" that the store has already`);
    if (there) io.out(`      ${file} holds another key: name the right one with --key-file`);
    return;
  }
  if (first.known) {
    io.out(`kept  ${file}: a key of this store, but no admin's`);
    io.out("The first admin key, shown only now; keep it in a file of mode 0600:");
    return io.out(first.token);
  }
  if (there) {
    const old = freeName(`${file}.old`);
    renameSync(file, old);
    io.out(`moved ${file} to ${old}: it is no key of this store`);
  }
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${first.token}\n`, { flag: "wx", mode: 0o600 });
  // The umask may take bits away, never add; this is for a file system that ignored the mode.
  chmodSync(file, 0o600);
  io.out(`wrote ${file} (the first admin key)`);
}

/** What `authensor-gw stdio` calls with, for clients that start their servers themselves. */
async function localKey(config: Config, io: Io): Promise<void> {
  const file = localKeyFile(io.env);
  try {
    const made = await makeLocalKey(config, file);
    io.out(made ? `wrote ${file} (the key of \`authensor-gw stdio\`)` : `kept  ${file}`);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.code !== "GW_OWNED") throw thrown;
    io.out("The gateway runs: a key for `authensor-gw stdio` is made with keys create.");
  }
}

/** The key of another gateway is not written over either. */
function freeName(name: string): string {
  let free = name;
  for (let count = 2; existsSync(free); count++) free = `${name}.${count}`;
  return free;
}

function templateOption(call: Invocation) {
  const name = call.options.text("template") ?? "read-only";
  const found = templates.find((template) => template.name === name);
  if (found !== undefined) return found;
  const fix = `one of ${templates.map((template) => template.name).join(", ")}`;
  throw fault("GW_USAGE", { message: `No policy template is called "${name}"`, fix });
}

function configText(template: string, servers: unknown): string {
  const head = `# authensor-gw: docs/config.md lists every key; checked by \`authensor-gw check\`
listen: localhost:3100
policy: policies/${template}.yaml
`;
  if (servers !== undefined) return `${head}${stringify({ servers })}`;
  return `${head}# servers:   # as in an mcpServers file; take the # away, or paste yours
#   files:
#     command: npx
#     args: [-y, "@modelcontextprotocol/server-filesystem", /srv/data]
#   remote:
#     url: https://mcp.example/mcp
#     headers: { Authorization: "Bearer \${cred:remote}" }   # credentials/remote, mode 0600
`;
}
