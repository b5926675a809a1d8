/** The systemd unit as text; its hardening is row O8 of docs/threats.md. */

import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";

export interface UnitFacts {
  /** A unit of the user's own manager: it may make no namespaces, so much hardening is left out. */
  readonly user: boolean;
  /** Program and its first arguments, absolute. */
  readonly command: readonly string[];
  readonly config: string;
  readonly dataDir: string;
  /** `${cred:NAME}` of the config: name and the file that systemd reads as root. */
  readonly credentials: readonly { readonly name: string; readonly file: string }[];
  /** Folders of programs that servers are, beside the usual ones. */
  readonly path: readonly string[];
  /** Further environment. */
  readonly env: Readonly<Record<string, string>>;
  /** It listens below 1024. */
  readonly lowPort: boolean;
  /** `admin.group`. */
  readonly group: string | undefined;
}

export const systemUser = "authensor-gw";
export const stateFolder = "/var/lib/authensor-gw";
const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function unitText(facts: UnitFacts): string {
  const lines = [
    "# Made by `authensor-gw service install`, which makes it anew. Changes belong in a drop-in:",
    `# systemctl ${facts.user ? "--user " : ""}edit authensor-gw`,
    "",
    ...unit(facts),
    ...service(facts),
    ...hardening(facts),
    "",
    "[Install]",
    `WantedBy=${facts.user ? "default.target" : "multi-user.target"}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** A config that is wrong stays so: that is no reason to start again and again. */
function unit({ user }: UnitFacts): readonly string[] {
  return [
    "[Unit]",
    "Description=authensor-gw: gateway between agents and MCP servers",
    ...(user
      ? []
      : ["Wants=network-online.target", "After=network-online.target postgresql.service"]),
    "StartLimitIntervalSec=300",
    "StartLimitBurst=10",
    "",
  ];
}

function service(facts: UnitFacts): readonly string[] {
  const { user, command, config } = facts;
  const [program = "", ...first] = command;
  const given = [...first, "serve", "--config", config].map(argument);
  const start = [word(program), ...given].join(" ");
  return [
    "[Service]",
    "Type=notify",
    "NotifyAccess=main",
    `ExecStart=${start}`,
    "ExecReload=/bin/kill -HUP $MAINPID",
    "Restart=on-failure",
    "RestartSec=1s",
    "RestartPreventExitStatus=3 78",
    "WatchdogSec=30s",
    "TimeoutStartSec=120s",
    "# Calls in flight get 30 s to end; their servers must live as long, so TERM is for us only.",
    "TimeoutStopSec=45s",
    "KillMode=mixed",
    "# A server that runs out of memory is started again by the gateway.",
    "OOMPolicy=continue",
    ...(user ? [] : [`User=${systemUser}`, `Group=${systemUser}`]),
    ...(facts.group === undefined || user
      ? []
      : [`SupplementaryGroups=${specifiers(facts.group)}`]),
    ...folders(facts),
    ...environment(facts),
    ...facts.credentials.map(({ name, file }) => `LoadCredential=${name}:${specifiers(file)}`),
    "",
  ];
}

/** HOME is in the state folder: npx keeps what it fetched there. */
function folders({ user, dataDir }: UnitFacts): readonly string[] {
  if (user) return [];
  const own = dataDir === stateFolder || dataDir.startsWith(`${stateFolder}/`);
  return [
    "StateDirectory=authensor-gw authensor-gw/home",
    "StateDirectoryMode=0700",
    "CacheDirectory=authensor-gw",
    "CacheDirectoryMode=0700",
    "# Others reach the admin socket in it; its own mode and group are the fence.",
    "RuntimeDirectory=authensor-gw",
    "RuntimeDirectoryMode=0711",
    `WorkingDirectory=${stateFolder}`,
    ...(own ? [] : [`ReadWritePaths=${word(dataDir)}`]),
  ];
}

function environment({ user, path, env }: UnitFacts): readonly string[] {
  const own = user
    ? {}
    : {
        HOME: `${stateFolder}/home`,
        XDG_STATE_HOME: "/var/lib",
        XDG_CACHE_HOME: "/var/cache/authensor-gw",
        XDG_RUNTIME_DIR: "/run",
      };
  const all = { ...own, ...env, PATH: [...path, usualPath].join(":") };
  return [
    ...Object.entries(all).map(([name, value]) => `Environment=${word(`${name}=${value}`)}`),
    `EnvironmentFile=-${user ? "%h/.config" : "/etc"}/authensor-gw/environment`,
  ];
}

/**
 * What is left out on purpose: MemoryDenyWriteExecute (servers in Node and this program compile at
 * run time), ProcSubset (they read /proc/meminfo and cpuinfo), PrivateNetwork and IPAddressDeny
 * (servers are anywhere).
 */
function hardening(facts: UnitFacts): readonly string[] {
  return [
    "# Every server that the gateway starts lives inside these walls too.",
    ...limitsOf(facts),
    ...seccomp(facts),
    ...(facts.user ? [] : walls(facts)),
  ];
}

function limitsOf({ user }: UnitFacts): readonly string[] {
  return [
    "UMask=0077",
    "LimitNOFILE=65536",
    "# A core would hold tokens.",
    "LimitCORE=0",
    "TasksMax=4096",
    ...(user ? [] : ["MemoryMax=75%"]),
  ];
}

/** What the kernel refuses by system call: needs no rights, so a user's unit has it too. */
function seccomp({ lowPort, group, user }: UnitFacts): readonly string[] {
  return [
    "NoNewPrivileges=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
    // The socket is given to its group.
    ...(group === undefined ? [] : ["SystemCallFilter=@chown"]),
    "SystemCallErrorNumber=EPERM",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    ...(user ? [] : capabilities(lowPort)),
  ];
}

function capabilities(lowPort: boolean): readonly string[] {
  const kept = lowPort ? "CAP_NET_BIND_SERVICE" : "";
  return [`CapabilityBoundingSet=${kept}`, `AmbientCapabilities=${kept}`];
}

function walls({ lowPort, group }: UnitFacts): readonly string[] {
  return [
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "DevicePolicy=closed",
    // In a user namespace neither a low port nor another group is ours.
    ...(lowPort || group !== undefined ? [] : ["PrivateUsers=yes"]),
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "RemoveIPC=yes",
    "KeyringMode=private",
  ];
}

/** A word after a program: only there `$` would begin a variable. */
export function argument(text: string): string {
  return word(text).replaceAll("$", "$$$$");
}

/** One word for systemd: quoted where it must be; `%` stands for itself. */
export function word(text: string): string {
  const safe = specifiers(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return [..." \t'\"\\;#"].some((unit) => text.includes(unit)) ? `"${safe}"` : safe;
}

/** Throws GW_SERVICE: after a line feed would begin a setting that nobody wrote. */
function specifiers(text: string): string {
  if ([...text].some((unit) => unit < " " || unit === "\u007f")) {
    throw fault("GW_SERVICE", {
      message: `A unit cannot name ${printable(text)}`,
      cause: "it holds a line break or another control character",
      fix: "rename it",
    });
  }
  return text.replaceAll("%", "%%");
}
