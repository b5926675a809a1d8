/** Rows of the table of commands: logs, log level, the service. */

import type { Command, Option } from "./command.ts";
import { config, filter, json, keyFile, lines } from "./options.ts";

const user: Option = { name: "user", doc: "a service of this user, not of the system" };

export const operating: readonly Command[] = [
  {
    name: "service print",
    usage: "[--user] [--config FILE]",
    summary: "Print a hardened systemd unit for this config",
    examples: ["service print > authensor-gw.service"],
    options: [config, user],
    args: [0, 0],
    load: async () => (await import("./service-print.ts")).run,
  },
  {
    name: "service install",
    usage: "[--user] [--at-boot] [--config FILE]",
    summary: "Install and start the gateway as a service of systemd",
    help:
      "Makes the user authensor-gw, writes the unit and has systemd start it now and at boot.\n" +
      "Made anew at each call: what you change belongs in `systemctl edit authensor-gw`.",
    examples: ["service install --config /etc/authensor-gw/authensor-gw.yaml"],
    options: [config, user, { name: "at-boot", doc: "do not start it now, only at the next boot" }],
    args: [0, 0],
    load: async () => (await import("./service-install.ts")).run,
  },
  {
    name: "service status",
    usage: "[--user] [--json]",
    summary: "Show what systemd knows of the service; exit 1 when it does not run",
    options: [json, user],
    args: [0, 0],
    load: async () => (await import("./service-status.ts")).run,
  },
  {
    name: "service uninstall",
    usage: "[--user]",
    summary: "Stop the service and remove its unit; config and receipts stay",
    options: [user],
    args: [0, 0],
    load: async () => (await import("./service-uninstall.ts")).run,
  },
  {
    name: "tui",
    usage: "[--read-only] [--demo] [--attach SOCKET]",
    summary: "Watch the running gateway live: what hangs, why, and what to do",
    help:
      "`authensor-gw --tui` is the same, and starts the gateway if none runs: as a process of\n" +
      "its own, which goes on after leaving. What changes something needs a key with the role\n" +
      "operator or admin. ? in it lists the keys; docs/tui.md explains the screens.",
    examples: ["tui --start", "tui --read-only", "tui --demo"],
    options: [
      config,
      keyFile,
      { name: "read-only", doc: "nothing can be changed from there" },
      { name: "demo", doc: "a scripted gateway with a clock of its own; nothing is attached" },
      { name: "attach", value: "SOCKET", doc: "admin socket of the gateway, if it is not found" },
      { name: "start", doc: "start the gateway if none runs; what --tui does" },
      { name: "accessible", doc: "for screen readers: sentences that only come; AUTHENSOR_A11Y=1" },
      { name: "ascii", doc: "only ASCII characters; also without a UTF-8 locale" },
      { name: "color", value: "WHEN", doc: "never: no colours; also with NO_COLOR" },
      { name: "refresh", value: "TIME", doc: "between two pictures: 250ms, 500ms, 1s or 2s" },
    ],
    args: [0, 0],
    load: async () => (await import("./tui.ts")).run,
  },
  {
    name: "receipts tail",
    usage: "[--filter TEXT] [--lines N] [--json]",
    summary: "Follow the running gateway's receipts as calls end",
    help:
      "Goes on when the gateway was away. A reader that is slow sees the newest ones:\n" +
      "`receipts list` has them all.",
    examples: ["receipts tail --filter 'outcome:denied,timeout !key:ci-*'"],
    options: [config, json, filter, lines],
    args: [0, 0],
    load: async () => (await import("./receipts-tail.ts")).run,
  },
  {
    name: "logs",
    usage: "[-f] [--filter TEXT] [--lines N] [--file FILE] [--json]",
    summary: "Show the gateway's log, readable",
    help:
      "Of a service: systemd's journal. Of a gateway that --tui started: its file in data_dir.\n" +
      "Fields for --filter: level message server key tool call code since.",
    examples: [
      "logs -f --filter level:warn",
      "logs --filter 'call:c-1042'",
      "logs --file /backup/gateway.log --lines 1000",
    ],
    options: [
      config,
      json,
      { name: "follow", short: "f", doc: "go on with what is written from now on" },
      { ...filter, doc: "only these: 'level:warn server:jira since:1h'; docs/filter.md" },
      { ...lines, doc: "how many of the last ones come first; 200 if not named" },
      { name: "file", value: "FILE", doc: "a log file instead; - is standard input" },
    ],
    args: [0, 0],
    load: async () => (await import("./logs.ts")).run,
  },
  {
    name: "log-level",
    usage: "[debug|info|warn|error|reset] [--for 10m] [--server ID] [--key NAME] [--json]",
    summary: "Change the running gateway's log level; it ends by itself",
    help:
      "Without a level: shows it. Needs a key with the role operator or admin. debug tells what\n" +
      "passes on both hops of each call: methods, ids, sizes, times and rules, never arguments.",
    examples: ["log-level debug --for 10m --server github", "log-level reset"],
    options: [
      config,
      json,
      keyFile,
      { name: "for", value: "TIME", doc: "how long; 10m if not named, 24h at most" },
      { name: "server", value: "ID", doc: "only calls of this server" },
      { name: "key", value: "NAME", doc: "only calls of this key" },
    ],
    args: [0, 1],
    load: async () => (await import("./log-level.ts")).run,
  },
];
