/** The table of commands: help, completion and parsing are made from it. */

import type { Command } from "./command.ts";
import { live } from "./commands-live.ts";
import { operating } from "./commands-operating.ts";
import { stdio } from "./commands-stdio.ts";
import { asKey, config, dir, filter, json, keyFile, tokenTo, toolArgs } from "./options.ts";

export const commands: readonly Command[] = [
  {
    name: "serve",
    usage: "[--config FILE] [--idle-exit 60s]",
    summary: "Run the gateway",
    help: "Runs until SIGTERM or SIGINT; calls in flight may end. SIGHUP is a `reload`.",
    options: [
      config,
      { name: "accept-store-change", doc: "take a store that data_dir was not used with before" },
      { name: "idle-exit", value: "TIME", doc: "end by itself when nobody used it for so long" },
    ],
    args: [0, 0],
    load: async () => (await import("./serve.ts")).run,
  },
  stdio,
  {
    name: "demo",
    usage: "[--stay [--port 3100]] [--tui]",
    summary: "Show the main job in a few seconds, with nothing to set up",
    options: [
      { name: "stay", doc: "keep a gateway with an example server running on port 3100" },
      { name: "port", value: "PORT", doc: "another port for --stay; 0 is any free one" },
      {
        name: "tui",
        doc: "the demo of --stay in the terminal interface, with an agent that calls",
      },
    ],
    args: [0, 0],
    load: async () => (await import("./demo-command.ts")).run,
  },
  {
    name: "init",
    usage: "[--template NAME] [--from FILE] [--config FILE]",
    summary: "Write a config, a policy and the first admin key",
    help:
      "Never overwrites: what is there already stays as it is. The admin key is written to\n" +
      "$XDG_CONFIG_HOME/authensor-gw/admin.key; a file there that is no key of this store\n" +
      "is moved to admin.key.old.",
    examples: ["init", "init --template ask-before-write --from ~/.cursor/mcp.json"],
    options: [
      { name: "template", value: "NAME", doc: "policy to start from; read-only if not named" },
      { name: "from", value: "FILE", doc: "client config whose servers are taken over" },
      { ...config, doc: "where to write; ./authensor-gw.yaml if not named" },
    ],
    args: [0, 0],
    load: async () => (await import("./init.ts")).run,
  },
  {
    name: "check",
    usage: "[--config FILE] [--json]",
    summary: "Check config, policy, data_dir, database and port as a start would",
    help:
      "Changes nothing. A port that this config's own gateway has is not tried. Exit codes are\n" +
      "those of serve: 78 a file is to be corrected, 69 a port or the database is in the way.",
    options: [config, json],
    args: [0, 0],
    load: async () => (await import("./check.ts")).run,
  },
  {
    name: "config show",
    usage: "[--effective] [--json]",
    summary: "Print the config, secrets masked",
    examples: ["config show --effective"],
    options: [
      config,
      json,
      { name: "effective", doc: "also what was not written: each value with its origin" },
    ],
    args: [0, 0],
    load: async () => (await import("./config-show.ts")).run,
  },
  {
    name: "status",
    usage: "[--json]",
    summary: "Show what the running gateway does",
    help: "Exit 1 when a server, the store, the receipts or the keys are not well.",
    options: [config, json],
    args: [0, 0],
    load: async () => (await import("./status.ts")).run,
  },
  {
    name: "doctor",
    usage: "[--server NAME] [--key NAME] [--since 1h] [--json]",
    summary: "Find which link is at fault, why, and what to do",
    help:
      "Checks agent to gateway, the gateway, and gateway to each server, within 5 seconds; also\n" +
      "while no gateway runs. An executor key (--key-file, $AUTHENSOR_GW_KEY) lets it go the\n" +
      "whole way of an agent. Exit 0 well, 1 something is wrong now; what is over is only told.",
    examples: [
      "doctor",
      "doctor --key-file agent.key --server files",
      "doctor --key my-agent --since 24h --json",
    ],
    options: [
      config,
      json,
      keyFile,
      { name: "server", value: "NAME", doc: "only this server" },
      { name: "key", value: "NAME", doc: "name of the key an agent has: is it good, what it sees" },
      { name: "since", value: "TIME", doc: "how far back to tell what is over; 1h if not named" },
    ],
    args: [0, 0],
    load: async () => (await import("./doctor.ts")).run,
  },
  {
    name: "doctor client",
    usage: "FILE [--json]",
    summary: "Check an agent's own config: does it lead to this gateway",
    help: "Claude Desktop, Claude Code, Cursor, VS Code and what has `mcpServers` like them.",
    examples: ["doctor client ~/.cursor/mcp.json"],
    options: [config, json],
    args: [1, 1],
    load: async () => (await import("./doctor-client.ts")).run,
  },
  {
    name: "keys create",
    usage: "--role ROLE --name NAME [--expires 90d] [--out FILE] [--json]",
    summary: "Make a key and print its token, once, or put it into a file",
    help: "Roles: executor (MCP calls), viewer, operator, admin. A key may have several.",
    examples: [
      "keys create --role executor --name my-agent --out agent.key",
      "keys create --role viewer --role operator --name ops --expires 30d",
    ],
    options: [
      config,
      json,
      keyFile,
      { name: "role", value: "ROLE", doc: "what it may do; may come several times" },
      { name: "name", value: "NAME", doc: "what receipts and lists call it" },
      { name: "expires", value: "TIME", doc: "when it ends, as a duration: 90d" },
      ...tokenTo,
    ],
    args: [0, 0],
    load: async () => (await import("./keys-create.ts")).run,
  },
  {
    name: "keys list",
    usage: "[--json]",
    summary: "List keys, without tokens",
    options: [config, json],
    args: [0, 0],
    load: async () => (await import("./keys-list.ts")).run,
  },
  {
    name: "keys revoke",
    usage: "NAME|ID",
    summary: "End a key now",
    options: [config, json, keyFile],
    args: [1, 1],
    load: async () => (await import("./keys-revoke.ts")).run,
  },
  {
    name: "keys rotate",
    usage: "NAME|ID [--grace 1h] [--out FILE] [--json]",
    summary: "Give a key a new token; the old one works for the grace time",
    examples: ["keys rotate my-agent --grace 24h", "keys rotate my-agent --out agent.key --force"],
    options: [
      config,
      json,
      keyFile,
      {
        name: "grace",
        value: "TIME",
        doc: "how long the old token still works; none if not named",
      },
      ...tokenTo,
    ],
    args: [1, 1],
    load: async () => (await import("./keys-rotate.ts")).run,
  },
  {
    name: "tools list",
    usage: "[--kind KIND] [--key NAME] [--json]",
    summary: "List the tools behind the gateway, and what a key sees of them",
    examples: ["tools list --key my-agent", "tools list --kind resource --key my-agent"],
    options: [
      config,
      json,
      { name: "key", value: "NAME", doc: "whose view" },
      asKey,
      {
        name: "kind",
        value: "KIND",
        doc: "tool (the default), prompt, resource, template, or all of the last three",
      },
    ],
    args: [0, 0],
    load: async () => (await import("./tools-list.ts")).run,
  },
  {
    name: "tools why",
    usage: "SERVER/TOOL|SERVER/PROMPT|URI --as KEY [--json]",
    summary: "Say why a key sees a tool or does not; exit 0 visible, 1 not",
    examples: [
      "tools why files/read_file --as my-agent",
      "tools why file:///srv/data/a.txt --as my-agent",
    ],
    options: [
      config,
      json,
      { name: "as", value: "KEY", doc: "whose view: name or id of a key" },
      { name: "key", value: "KEY", doc: "the same as --as" },
    ],
    args: [1, 1],
    load: async () => (await import("./tools-why.ts")).run,
  },
  {
    name: "tools call",
    usage: "SERVER/TOOL [--args JSON|@FILE] [--json]",
    summary: "Call a tool through the gateway, as an agent would",
    help:
      "Needs an executor key: --key-file, $AUTHENSOR_GW_KEY, or `local`, which `init` makes.\n" +
      "The arguments go to the gateway byte for byte. Exit 1 when the call is denied or fails.",
    examples: [
      `tools call files/read_file --args '{"path":"/srv/data/a.txt"}'`,
      "tools call files/write_file --args @arguments.json",
    ],
    options: [
      config,
      json,
      keyFile,
      toolArgs,
      { name: "url", value: "URL", doc: "the gateway, if it is not this config's" },
    ],
    args: [1, 1],
    load: async () => (await import("./tools-call.ts")).run,
  },
  {
    name: "policy check",
    usage: "FILE… [--json]",
    summary: "Check policy files; exit 1 on any error",
    options: [config, json],
    args: [0, 100],
    load: async () => (await import("./policy-check.ts")).run,
  },
  {
    name: "policy explain",
    usage: "--tool SERVER/TOOL [--args JSON|@FILE] (--key NAME | --role ROLE) [FILE…]",
    summary: "Say how the policy decides a call",
    help:
      "Exit 0 when the call is allowed, 1 when not.\n" +
      "The running gateway says which arguments the tool declares; when none runs, those given\n" +
      "do. A key or server that it does not have is refused, unless a policy FILE is named.",
    examples: [
      `policy explain --tool files/read_file --args '{"path":"/etc/passwd"}' --role executor`,
      "policy explain --tool files/write_file --args @arguments.json --key my-agent",
    ],
    options: [
      config,
      json,
      { name: "tool", value: "SERVER/TOOL", doc: "what is called" },
      toolArgs,
      { name: "key", value: "NAME", doc: "who calls: a key of this name" },
      asKey,
      { name: "role", value: "ROLE", doc: "its role; the key's, or executor, if not named" },
    ],
    args: [0, 100],
    load: async () => (await import("./policy-explain.ts")).run,
  },
  {
    name: "receipts list",
    usage: "[--filter TEXT] [--limit N] [--before TIME] [--json]",
    summary: "List receipts, newest first",
    help: "Exit 2 while the store does not answer: then what lies in data_dir is listed.",
    examples: ["receipts list --filter 'tool:github/* outcome:denied,timeout since:1h'"],
    options: [
      config,
      json,
      filter,
      { name: "limit", value: "N", doc: "how many; 50 if not named" },
      { name: "before", value: "TIME", doc: "only older ones: an ISO time" },
      { name: "key", value: "NAME", doc: "only of this key" },
      { name: "tool", value: "SERVER/TOOL", doc: "only of this tool" },
      { name: "outcome", value: "WORD", doc: "only with this outcome: ok, denied, timeout …" },
    ],
    args: [0, 0],
    load: async () => (await import("./receipts-list.ts")).run,
  },
  {
    name: "receipts show",
    usage: "ID [--json]",
    summary: "Show a receipt whole: its records and their hashes",
    options: [config, json],
    args: [1, 1],
    load: async () => (await import("./receipts-show.ts")).run,
  },
  {
    name: "receipts verify",
    usage: "[--dir DIR] [--json]",
    summary: "Check every receipt against the chain; exit 1 tampered, 2 incomplete",
    help: "Reads spool and store as one and names the first bad record.",
    examples: ["receipts verify", "receipts verify --dir /backup/authensor-gw"],
    options: [config, json, dir],
    args: [0, 0],
    load: async () => (await import("./receipts-verify.ts")).run,
  },
  ...live,
  ...operating,
  {
    name: "completion",
    usage: "bash|zsh|fish",
    summary: "Print a completion script for a shell",
    examples: ["completion bash > /etc/bash_completion.d/authensor-gw"],
    options: [],
    args: [1, 1],
    load: async () => (await import("./completion.ts")).run,
  },
  {
    name: "version",
    usage: "[--json]",
    summary: "Print the version",
    options: [json],
    args: [0, 0],
    load: async () => (await import("./version.ts")).run,
  },
  {
    name: "notes-server",
    usage: "",
    summary: "Be the example MCP server of the demo",
    options: [],
    args: [0, 0],
    hidden: true,
    load: async () => (await import("./notes-server.ts")).run,
  },
  {
    name: "guard",
    usage: "",
    summary: "End marked children when the gateway is gone",
    options: [],
    args: [0, 100],
    hidden: true,
    load: async () => (await import("./guard.ts")).run,
  },
];

/** Commands of later versions: told apart from misspelt ones. */
export const laterCommands: readonly string[] = [
  ...["holds", "lock"],
  ...["kill-switch", "policy test", "policy suggest", "policy diff", "policy replay"],
  ...["policy shadow", "policy convert", "policy templates", "receipts export"],
  ...["receipts prove", "receipts erase", "receipts repair"],
];
