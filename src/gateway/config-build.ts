/** From the file's own form to what the gateway sees: defaults, paths, and rules across keys. */

import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { limits } from "../base/limits.ts";
import { defaultSocket, type Environment, stateHome } from "./config-find.ts";
import type { Config, DatabaseConfig } from "./config-model.ts";
import { type ConfigPath, type ConfigProblem, pathText } from "./config-problem.ts";
import type { RawConfig } from "./config-schema.ts";
import { readServers } from "./config-servers.ts";
import type { ConfigSource } from "./config-source.ts";
import { isLoopback } from "./config-units.ts";
import { decodeSealKey } from "./seal-key.ts";

export interface BuildInput {
  readonly raw: RawConfig;
  readonly source: ConfigSource;
  readonly env: Environment;
  /** Added to. */
  readonly problems: ConfigProblem[];
  /** Told each file that is read. */
  readonly seen: (file: string) => void;
}

/** What the parts of the build share. */
export interface Build {
  readonly source: ConfigSource;
  readonly folder: string;
  readonly notes: string[];
  /** A note about a line of the config. */
  note(line: number, text: string): void;
  problem(path: ConfigPath, message: string, fix?: string, code?: ConfigProblem["code"]): void;
  /** Of a file whose name stands at a path of the config. */
  fileText(name: string, at: ConfigPath, secret: boolean): string;
}

/** Always a config; it counts only while there are no problems. */
export function buildConfig(input: BuildInput): Config {
  const { raw, source, env } = input;
  const build = createBuild(input);
  const absolute = (name: string) => path.resolve(build.folder, name);
  const listen = raw.listen === "none" ? undefined : (raw.listen ?? usualListen);
  const auth = raw.auth === "none" ? "none" : "keys";
  const dataDir = raw.data_dir === undefined ? stateHome(env) : absolute(raw.data_dir);
  const socket = raw.admin?.socket;
  const tls = readTls(build, raw);
  const behindProxy = raw.behind_proxy ?? false;
  checkListen(
    build,
    listen?.host ?? "localhost",
    tls !== undefined || source.has(["tls"]) || behindProxy,
    auth,
  );
  if (typeof raw.auth === "object" && raw.auth.keys === false) {
    build.problem(
      ["auth", "keys"],
      '"auth.keys" is false, and there is nothing else to know agents by',
      "write keys: true, or auth: none for a gateway that only this machine reaches",
    );
  }
  if (raw.audit?.mode === "fast") {
    build.notes.push('audit.mode is "fast": a crash can lose receipts of calls that were made');
  }
  const config: Config = {
    file: source.file,
    listen,
    tls,
    behindProxy,
    hosts: raw.hosts?.filter((host) => host !== undefined) ?? [],
    dataDir,
    database: readDatabase(build, raw.database),
    auth,
    policy: readPolicyList(raw.policy).map(absolute),
    policyPlaces: readPolicyList(raw.policy).map((_, at) => {
      const { line, column } = source.place(
        typeof raw.policy === "string" ? ["policy"] : ["policy", at],
      );
      return `${source.file}:${line}:${column}`;
    }),
    sealKey: readSealKey(build, raw.seal_key),
    protocol: raw.protocol ?? "auto",
    naming: raw.naming ?? "prefix",
    startWaitMs: raw.start_wait ?? limits.startWaitMs,
    audit: {
      mode: raw.audit?.mode ?? "strict",
      spoolBytesMax: raw.audit?.spool?.max ?? limits.spoolBytes,
    },
    admin: {
      socket: socket === undefined ? defaultSocket(dataDir, env) : absolute(socket),
      group: raw.admin?.group,
      listen: raw.admin?.listen,
    },
    files: [],
    reload: { watch: raw.reload?.watch ?? false },
    log: logOf(raw.log),
    limits: {
      bodyBytes: raw.limits?.body ?? limits.bodyBytes,
      resultBytes: raw.limits?.result ?? limits.resultBytes,
      jsonDepth: raw.limits?.json_depth ?? limits.jsonDepth,
      jsonValues: raw.limits?.json_values ?? limits.jsonValues,
      callsPerKey: raw.limits?.calls_per_key ?? limits.callsPerKey,
    },
    servers: readServers(build, raw),
    notes: build.notes,
  };
  if (auth === "none") {
    build.notes.push('auth is "none": every program of this machine may call, as "anonymous"');
  }
  checkSocket(build, config.admin.socket);
  checkAdminListen(build, config.admin.listen?.host ?? "localhost");
  return config;
}

function logOf({ level = "info", access = false, format = "auto" }: RawConfig["log"] = {}) {
  return { level, access, format };
}

const usualListen = { host: "localhost", port: 3100 };

function createBuild({ source, problems, seen }: BuildInput): Build {
  const folder = path.dirname(source.file);
  const build: Build = {
    source,
    folder,
    notes: [],
    note: (line, text) => void build.notes.push(`${source.file}:${line} ${text}`),
    problem(at, message, fix, code = "GW_CONFIG") {
      const place = { file: source.file, ...source.place(at), key: pathText(at) };
      problems.push({ code, message, ...place, ...(fix === undefined ? {} : { fix }) });
    },
    fileText(name, at, secret) {
      const file = path.resolve(folder, name);
      seen(file);
      try {
        const mode = statSync(file).mode & 0o777;
        if (secret && (mode & 0o077) !== 0) {
          const shown = mode.toString(8).padStart(4, "0");
          build.problem(
            at,
            `"${pathText(at)}" names "${file}", which others may read (mode ${shown})`,
            `chmod 600 ${file}`,
            "GW_SECRET_MODE",
          );
        }
        return readFileSync(file, "utf8");
      } catch (thrown) {
        const cause = (thrown as NodeJS.ErrnoException).code ?? "unreadable";
        build.problem(
          at,
          `"${pathText(at)}" names "${file}", which cannot be read (${cause})`,
          "make the file, or correct its name: names are relative to the config",
        );
        return "";
      }
    },
  };
  return build;
}

function readTls(build: Build, raw: RawConfig): Config["tls"] {
  if (raw.tls === undefined) return undefined;
  const { cert, key } = raw.tls;
  for (const name of ["cert", "key"] as const) {
    if (raw.tls[name] === undefined && !build.source.has(["tls", name])) {
      build.problem(["tls"], `"tls" has no "${name}"`, "write tls: { cert: FILE, key: FILE }");
    }
  }
  if (cert === undefined || key === undefined) return undefined;
  const read = (name: string, at: string, secret: boolean) =>
    build.fileText(name, ["tls", at], secret);
  return { cert: read(cert, "cert", false), key: read(key, "key", true) };
}

/** F5: nobody but this machine reaches a gateway whose traffic nothing protects. */
function checkListen(build: Build, host: string, covered: boolean, auth: Config["auth"]): void {
  if (isLoopback(host)) return;
  if (auth === "none") {
    build.problem(
      ["auth"],
      `"auth: none" goes with a loopback address only, but "listen" is "${host}"`,
      "listen on localhost, or remove auth: none",
      "GW_LISTEN",
    );
  } else if (!covered) {
    build.problem(
      ["listen"],
      `"listen" is "${host}", which other machines reach, without TLS`,
      "add tls: { cert, key }, or behind_proxy: true where a proxy ends TLS; or use localhost",
      "GW_LISTEN",
    );
  }
}

/** Whoever reaches it may guess keys: that is nobody but this machine. */
function checkAdminListen(build: Build, host: string): void {
  if (isLoopback(host)) return;
  build.problem(
    ["admin", "listen"],
    `"admin.listen" is "${host}", which other machines reach`,
    "use localhost:3101, and `ssh -L` from elsewhere",
    "GW_LISTEN",
  );
}

function readDatabase(build: Build, raw: RawConfig["database"]): DatabaseConfig {
  const form = typeof raw === "string" ? { url: raw } : raw;
  const at: ConfigPath = typeof raw === "string" ? ["database"] : ["database", "url"];
  const url = form?.url ?? "sqlite";
  if (url === "sqlite") {
    if (form !== undefined && "pool" in form && form.pool !== undefined) {
      build.problem(["database", "pool"], '"database.pool" is for Postgres', "remove it");
    }
    return { kind: "sqlite" };
  }
  checkPostgres(build, url, at);
  const adminUrl = form !== undefined && "admin_url" in form ? form.admin_url : undefined;
  if (adminUrl !== undefined) checkPostgres(build, adminUrl, ["database", "admin_url"]);
  return {
    kind: "postgres",
    url,
    adminUrl,
    pool: (form !== undefined && "pool" in form ? form.pool : undefined) ?? 10,
    requiredAtStart:
      (form !== undefined && "required_at_start" in form && form.required_at_start) || false,
  };
}

/** Never quotes the value: it holds a password. */
function checkPostgres(build: Build, url: string, at: ConfigPath): void {
  const name = pathText(at);
  const fix = "write postgres://USER:PASSWORD@HOST:5432/DATABASE, or sqlite";
  if (!url.startsWith("postgres://") && !url.startsWith("postgresql://")) {
    build.problem(at, `"${name}" must be postgres://… or sqlite, but is something else`, fix);
  } else if (!URL.canParse(url)) {
    build.problem(
      at,
      `"${name}" is not an address: %-encode special characters of the password`,
      fix,
    );
  }
}

/** Never quotes the value. */
function readSealKey(build: Build, text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const key = decodeSealKey(text);
  if (key !== undefined) return key;
  build.problem(
    ["seal_key"],
    '"seal_key" is not at least 32 bytes in base64 or hex',
    "make one with `openssl rand -base64 32` and name it as ${cred:seal}",
  );
  return undefined;
}

function readPolicyList(raw: RawConfig["policy"]): readonly string[] {
  if (raw === undefined) return [];
  return typeof raw === "string" ? [raw] : raw.filter((name) => name !== undefined);
}

/** sun_path: 108 bytes on Linux, 104 on macOS, with the closing NUL. */
function checkSocket(build: Build, socket: string): void {
  if (Buffer.byteLength(socket) <= 103) return;
  build.problem(
    ["admin", "socket"],
    `"admin.socket" is longer than the 103 bytes a socket's path may have`,
    "name a shorter path",
  );
}
