/** What a unit for this config says, found on this machine. */

import { existsSync, statSync } from "node:fs";
import path from "node:path";
import type { Config } from "../gateway/config-model.ts";
import { loadConfig } from "../gateway/config-read.ts";
import type { ConfigSource } from "../gateway/config-source.ts";
import { currentRuntime } from "../runtime/current.ts";
import { selfCommand } from "../runtime/self.ts";
import type { Invocation } from "./command.ts";
import { needConfig, shown } from "./context.ts";
import { stateFolder, type UnitFacts } from "./service-text.ts";

export interface ServiceFacts {
  readonly unit: UnitFacts;
  readonly settings: Config;
  /** Why it would not start, or not be found: each with what to do. */
  readonly faults: readonly { readonly cause: string; readonly fix: string }[];
  /** Worth knowing. */
  readonly notes: readonly string[];
}

/** Reads the config as the service will: with its environment, not with this shell's. */
export async function serviceFacts(call: Invocation, user: boolean): Promise<ServiceFacts> {
  const { io } = call;
  const file = needConfig(call).file;
  const read = (env: Readonly<Record<string, string | undefined>>) =>
    loadConfig({ path: file, env, cwd: path.dirname(file), lenient: true });
  const found = read(user ? io.env : serviceEnv);
  if (!found.ok) throw shown(found.error, io);
  const { config: settings, source } = found.value;
  const moved = read({ ...serviceEnv, XDG_STATE_HOME: "/other", XDG_RUNTIME_DIR: "/other" });
  const credentials = credentialsOf(source);
  const programs = programFolders(settings, io.env["PATH"] ?? "");
  const unit: UnitFacts = {
    user,
    command: selfCommand(),
    config: file,
    dataDir: settings.dataDir,
    credentials: credentials.filter((one) => existsSync(one.file)),
    path: programs,
    env: user ? userEnv(io.env) : {},
    lowPort: isLow(settings.listen?.port ?? 0),
    group: settings.admin.group,
  };
  const notes = credentials
    .filter((one) => !existsSync(one.file))
    .map(({ name, file: place }) => `\${cred:${name}}: put the secret into ${place}, mode 0600`);
  const untold = (await currentRuntime()).name === "deno" ? [cannotTell] : [];
  if (user) return { unit, settings, faults: untold, notes };
  const faults = [
    ...untold,
    ...(moved.ok ? unnamedPlaces(settings, moved.value.config) : []),
    ...behindWalls([...unit.command, file, settings.dataDir, ...programs]),
  ];
  return { unit, settings, faults, notes };
}

/** Type=notify: systemd would wait for READY in vain. */
const cannotTell = {
  cause: "on Deno the gateway cannot tell systemd that it is ready",
  fix: "use the compiled program or Bun for a service",
};

/** As in the unit (service-text.ts). */
const serviceEnv = {
  HOME: `${stateFolder}/home`,
  XDG_STATE_HOME: "/var/lib",
  XDG_RUNTIME_DIR: "/run",
};

/** A default depends on who asks: root, the service and a person would each look elsewhere. */
function unnamedPlaces(settings: Config, moved: Config): ServiceFacts["faults"] {
  const lines = [
    ...(settings.dataDir === moved.dataDir ? [] : [`data_dir: ${stateFolder}`]),
    ...(settings.admin.socket === moved.admin.socket
      ? []
      : ["admin: { socket: /run/authensor-gw/admin.sock }"]),
  ];
  if (lines.length === 0) return [];
  const cause = "the config does not name them, and each user has other defaults";
  return [{ cause: `data_dir or admin.socket: ${cause}`, fix: `add to it: ${lines.join("; ")}` }];
}

/** ProtectHome hides homes from the service. */
function behindWalls(places: readonly string[]): ServiceFacts["faults"] {
  const hidden = places.filter((place) =>
    ["/home/", "/root/", "/run/user/"].some((home) => place.startsWith(home)),
  );
  return hidden.map((place) => ({
    cause: `the service may not look into ${place}`,
    fix: "move it out of the home folder (/usr/local/bin, /etc/authensor-gw), or use --user",
  }));
}

/** Names in `${cred:NAME}` of its values, and where their files are expected. */
function credentialsOf(source: ConfigSource): readonly { name: string; file: string }[] {
  const mark = "${cred:";
  const references = source.allReferences().filter((one) => one.startsWith(mark));
  const names = new Set(references.map((one) => one.slice(mark.length, -1)));
  const folder = path.join(path.dirname(source.file), "credentials");
  return [...names]
    .filter((name) => /^[A-Za-z0-9_-]{1,64}$/.test(name))
    .sort()
    .map((name) => ({ name, file: path.join(folder, name) }));
}

const usual = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Folders of PATH in which programs of servers are and where a service would not look. */
function programFolders({ servers }: Config, searched: string): readonly string[] {
  const folders = new Set<string>();
  for (const { transport } of servers) {
    const program = transport.kind === "stdio" ? (transport.command[0] ?? "") : "";
    if (program === "" || program.includes("/")) continue;
    const places = searched.split(":").filter((folder) => path.isAbsolute(folder));
    const found = places.find((folder) => isProgram(path.join(folder, program)));
    const inUsual = usual.some((folder) => isProgram(path.join(folder, program)));
    if (found !== undefined && !inUsual) folders.add(found);
  }
  return [...folders];
}

function isProgram(file: string): boolean {
  const info = statSync(file, { throwIfNoEntry: false });
  return info?.isFile() === true && (info.mode & 0o111) !== 0;
}

/** Defaults that this person's shell moved must be those of the service. */
function userEnv(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ["XDG_STATE_HOME", "XDG_CONFIG_HOME"]) {
    const value = env[name];
    if (value !== undefined && value !== "") kept[name] = value;
  }
  return kept;
}

/** A port that only root, or a capability, may listen on. */
function isLow(port: number): boolean {
  return port > 0 && port < 1024;
}
