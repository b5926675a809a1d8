/** Set-ups in which nothing is wrong: doctor has to find nothing in them, seen by a real key. */

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { testCertificate } from "../kit/certificate.ts";
import { freePort } from "../kit/free-port.ts";
import type { Program } from "../kit/gateway.ts";
import { asOwner, type TestPostgres } from "../kit/postgres.ts";
import { echo, echoHttp, everything, modern } from "../kit/servers.ts";
import { grants } from "../store/grants.ts";
import { type Bench, type Doctor, type FaultCase, openBench, untilState } from "./cases.ts";

export interface Healthy extends Pick<FaultCase, "name" | "gateway" | "before"> {
  /** What takes its time: then the program is this one. */
  readonly program?: Program;
  /** false: it cannot be tried on this machine. */
  readonly possible?: boolean;
  /** Until the log says that it is up. */
  readonly waits?: boolean;
  /** A config of an agent that has to be well too. */
  client?(bench: Bench): Promise<string>;
}

export async function runHealthy(one: Healthy, program: Program): Promise<readonly Doctor[]> {
  const undo: (() => unknown)[] = [];
  try {
    const bench = await openBench(one.program ?? program, one, undo);
    if (one.waits === true) await bench.gateway.child().says(/gateway is up/);
    const token = await bench.token();
    const config = JSON.parse(await Bun.file(bench.gateway.config).text());
    const servers = Object.entries<{ disabled?: boolean }>(config.servers ?? {});
    for (const [id, { disabled }] of servers) {
      if (disabled !== true) await untilState(bench, id, "ready");
    }
    const key = ["--key-file", bench.keyFile(token)];
    const reports = [await whole(bench, ...key), await whole(bench, "--key", "my-agent")];
    if (one.client !== undefined)
      reports.push(await whole(bench, "client", await one.client(bench)));
    return reports;
  } finally {
    for (const end of undo.reverse()) await end();
  }
}

/** On a busy machine a check may not be done in time, which is said; never each time. */
async function whole(bench: Bench, ...args: readonly string[]): Promise<Doctor> {
  let report = await bench.doctor(...args);
  const isCut = () => report.notes.some((note) => note.includes("not finished"));
  for (let tries = 1; isCut() && tries < 5; tries += 1) report = await bench.doctor(...args);
  return report;
}

const config = (value: object) => ({ gateway: { config: { ...value } } });
const notes = { servers: { notes: echo() } };
const off = { command: "no-such-program", disabled: true };
/** The kit asks http://127.0.0.1/health: for what is not there, the log says when it is up. */
const elsewhere = { gateway: { expectFailure: true }, waits: true };

export const healthySetups: readonly Healthy[] = [
  { name: "SQLite, one stdio server", ...config(notes) },
  {
    name: "one server over Streamable HTTP, 2025-11-25",
    async before(bench) {
      const server = await echoHttp();
      bench.later(() => server.stop());
      return { config: { servers: { web: { url: server.url } } } };
    },
  },
  {
    name: "one server of 2026-07-28",
    async before(bench) {
      const server = await modern();
      bench.later(() => server.stop());
      return { config: { servers: { web: { url: server.url } } } };
    },
  },
  {
    name: "only stdio, two servers of npm",
    ...config({ servers: { a: everything(), b: echo() } }),
  },
  {
    name: "stdio and HTTP, bare names, mode fast",
    async before(bench) {
      const server = await modern();
      bench.later(() => server.stop());
      const servers = { web: { url: server.url }, all: everything() };
      return { config: { naming: "auto", audit: { mode: "fast" }, servers } };
    },
  },
  { name: "no server yet", ...config({ servers: {} }) },
  {
    name: "IPv6 only",
    ...elsewhere,
    before: async () => ({ config: { listen: `[::1]:${await freePort()}`, ...notes } }),
  },
  {
    name: "TLS of its own",
    ...elsewhere,
    async before(bench) {
      const port = await freePort();
      const folder = `/tmp/gw-tls-${process.pid}`;
      mkdirSync(folder, { recursive: true });
      for (const [name, text] of Object.entries(testCertificate))
        writeFileSync(join(folder, name), text, { mode: 0o600 });
      const tls = { cert: join(folder, "cert"), key: join(folder, "key") };
      bench.later(() => Bun.$`rm -rf ${folder}`.quiet());
      return { config: { listen: `localhost:${port}`, tls, hosts: ["good.test"], ...notes } };
    },
  },
  {
    name: "on Deno",
    program: "deno",
    ...config(notes),
  },
  {
    name: "a server whose program only the gateway's PATH has",
    async before(bench) {
      const folder = mkdtempSync(join(tmpdir(), "gw-path-"));
      bench.later(() => rmSync(folder, { recursive: true, force: true }));
      const { command, args } = echo();
      const words = [command, ...args].map((word) => `'${word}'`).join(" ");
      writeFileSync(join(folder, "notes-server"), `#!/bin/sh\nexec ${words}\n`, { mode: 0o755 });
      const path = `${folder}:${process.env["PATH"]}`;
      return {
        config: { servers: { notes: { command: "notes-server" } } },
        wrap: ["/usr/bin/env", `PATH=${path}`],
      };
    },
  },
  { name: "a server that is disabled", ...config({ servers: { notes: echo(), off } }) },
];

/** Agents' own configs as their pages have them. */
export const healthyAgents: readonly Healthy[] = [
  {
    name: "behind nginx, under its public name",
    possible: existsSync("/usr/sbin/nginx"),
    ...config({ behind_proxy: true, hosts: ["mcp.example"], ...notes }),
    client: nginx,
  },
  {
    name: "Claude Code, Cursor and VS Code as their pages say",
    ...config(notes),
    async client(bench) {
      const path = join(bench.gateway.folder, ".vscode/mcp.json");
      mkdirSync(join(bench.gateway.folder, ".vscode"), { recursive: true });
      const headers = { Authorization: `Bearer ${await bench.token()}` };
      const entry = { type: "http", url: `${bench.gateway.url}/mcp`, headers };
      writeFileSync(path, `// ours\n{ "servers": { "gateway": ${JSON.stringify(entry)}, }, }\n`);
      return path;
    },
  },
  {
    name: "a key that ends in 90 days, and one that was revoked",
    ...config(notes),
    async client(bench) {
      await bench.gateway.cli("keys", "create", "--role", "executor", "--name", "old");
      await bench.gateway.cli("keys", "revoke", "old");
      await bench.gateway.cli(
        ...["keys", "create", "--role", "executor", "--name", "new", "--expires", "90d"],
      );
      const path = join(bench.gateway.folder, "claude_desktop_config.json");
      const args = ["-y", "mcp-remote", `${bench.gateway.url}/mcp`, "--header"];
      const server = {
        command: "env",
        args: [...args, `Authorization: Bearer ${await bench.token()}`],
      };
      writeFileSync(path, JSON.stringify({ mcpServers: { gateway: server } }));
      return path;
    },
  },
];

export function healthyDatabases(postgres: () => TestPostgres): readonly Healthy[] {
  return [
    {
      name: "Postgres, one role",
      async before() {
        const made = await postgres().database(`h${Date.now()}`);
        await asOwner(made.adminUrl, "grant all on schema public to gateway");
        return { config: { database: made.url, ...notes } };
      },
    },
    {
      name: "Postgres, two roles as docs/database.md has them",
      async before(bench) {
        const { url, adminUrl } = await postgres().database(`t${Date.now()}`);
        const { startGateway } = await import("../kit/gateway.ts");
        // Its first start makes the tables that the grants are for.
        const first = await startGateway({
          program: bench.program,
          expectFailure: true,
          config: { database: { url, admin_url: adminUrl } },
        });
        await first.child().says(/gateway is up/);
        await first[Symbol.asyncDispose]();
        await asOwner(adminUrl, ...grants());
        return { config: { database: { url, admin_url: adminUrl }, ...notes } };
      },
    },
  ];
}

/** A real nginx in front, and an agent's config that goes through it. */
async function nginx(bench: Bench): Promise<string> {
  const { folder, port } = bench.gateway;
  const front = await freePort();
  const conf = join(folder, "nginx.conf");
  writeFileSync(
    conf,
    `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.err;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server {
    listen 127.0.0.1:${front};
    location / {
      proxy_pass http://127.0.0.1:${port};
      proxy_http_version 1.1;
      proxy_set_header Host mcp.example;
      proxy_buffering off;
    }
  }
}
`,
  );
  bench.child(["/usr/sbin/nginx", "-p", folder, "-c", conf]);
  const url = `http://127.0.0.1:${front}`;
  for (let tries = 0; tries < 200; tries++) {
    if ((await fetch(`${url}/health`).catch(() => undefined))?.ok === true) break;
    await Bun.sleep(20);
  }
  const path = join(folder, ".cursor/mcp.json");
  mkdirSync(join(folder, ".cursor"), { recursive: true });
  const headers = { Authorization: `Bearer ${await bench.token()}` };
  writeFileSync(path, JSON.stringify({ mcpServers: { gateway: { url: `${url}/mcp`, headers } } }));
  return path;
}
