/**
 * Servers, tools and keys of the scripted demo, and what its policy says of them. The policy itself
 * is test/cases/tui/prod.yaml: a test holds every verdict here against it.
 */

import type { ListedKey, ListedTool, ToolRule } from "../src/admin/contract.ts";

/** Where the demo's gateway is said to have its files. */
export const demoFolder = "/etc/authensor-gw";
export const demoData = "/var/lib/authensor-gw";

interface DemoRule {
  readonly effect: ToolRule["effect"];
  readonly line: number;
  /** It has `when` or `unless`: the arguments decide. */
  readonly conditional?: true;
  /** Keys it is for; absent: all. */
  readonly keys?: readonly string[];
  readonly hint?: string;
}

export const demoRules = {
  "read-ok": { effect: "allow", line: 5 },
  "issues-ok": { effect: "allow", line: 9 },
  "work-files": { effect: "allow", line: 13 },
  "workdir-only": {
    ...{ effect: "deny", line: 17, conditional: true },
    hint: "write below /srv/work",
  },
  "read-only-sql": {
    ...{ effect: "allow", line: 26, conditional: true },
    hint: "only select is allowed: ask the data team for a change",
  },
  "ask-before-post": { effect: "ask", line: 33 },
  "no-delete": { effect: "deny", line: 37, hint: "archive it instead" },
  browse: { effect: "allow", line: 42, keys: ["claude-code", "agent-7"] },
  notes: { effect: "allow", line: 47 },
} as const satisfies Record<string, DemoRule>;

export type DemoRuleId = keyof typeof demoRules;

/** `policies/prod.yaml:37`, as the live view names a rule. */
export function ruleAt(id: DemoRuleId): string {
  return `policies/prod.yaml:${demoRules[id].line}`;
}

/** By server: tool, its arguments, the rules that are about it. */
const offered: Readonly<Record<string, readonly (readonly [string, string, ...DemoRuleId[]])[]>> = {
  browser: [
    ["click", "selector", "browse"],
    ["evaluate", "script", "browse"],
    ["get_text", "selector", "browse", "read-ok"],
    ["navigate", "url", "browse"],
    ["screenshot", "", "browse"],
  ],
  files: [
    ["delete_file", "path", "no-delete"],
    ["edit_file", "path edits", "workdir-only", "work-files"],
    ["get_file_info", "path", "read-ok"],
    ["list_directory", "path", "read-ok"],
    ["move_file", "source destination", "workdir-only", "work-files"],
    ["read_file", "path", "read-ok"],
    ["search_files", "path pattern", "read-ok"],
    ["write_file", "path content", "workdir-only", "work-files"],
  ],
  github: [
    ["add_issue_comment", "owner repo number body", "issues-ok"],
    ["create_issue", "owner repo title body", "issues-ok"],
    ["create_pull_request", "owner repo title head base"],
    ["delete_repository", "owner repo", "no-delete"],
    ["get_file_contents", "owner repo path", "read-ok"],
    ["get_issue", "owner repo number", "read-ok"],
    ["list_issues", "owner repo state", "read-ok"],
    ["list_pull_requests", "owner repo state", "read-ok"],
    ["merge_pull_request", "owner repo number", "ask-before-post"],
    ["push_files", "owner repo branch files"],
    ["search_code", "query", "read-ok"],
  ],
  jira: [
    ["create_issue", "project summary", "issues-ok"],
    ["delete_issue", "key", "no-delete"],
    ["get_issue", "key", "read-ok"],
    ["list_projects", "", "read-ok"],
    ["search_issues", "jql", "read-ok"],
    ["transition_issue", "key to"],
  ],
  memory: [
    ["add_observations", "observations", "notes"],
    ["create_entities", "entities", "notes"],
    ["delete_entities", "names", "no-delete", "notes"],
    ["read_graph", "", "notes", "read-ok"],
    ["search_nodes", "query", "notes", "read-ok"],
  ],
  postgres: [
    ["describe_table", "table"],
    ["drop_table", "table", "no-delete"],
    ["list_tables", "schema", "read-ok"],
    ["query", "sql", "read-only-sql"],
  ],
  slack: [
    ["archive_channel", "channel"],
    ["delete_message", "channel ts", "no-delete"],
    ["get_thread", "channel ts", "read-ok"],
    ["list_channels", "", "read-ok"],
    ["post_message", "channel text", "ask-before-post"],
    ["search_messages", "query", "read-ok"],
  ],
};

/** What the servers list and agents do not get, with the gateway's own words. */
const heldBack: readonly (readonly [string, string])[] = [
  ["slack/pin message", "its name is not 1 to 128 of A-Z a-z 0-9 _ - ."],
  ["slack/post_message_v2", "it has no inputSchema object"],
];

export function toolCount(server: string): number {
  return offered[server]?.length ?? 0;
}

export function heldBackCount(server: string): number {
  return heldBack.filter(([tool]) => tool.startsWith(`${server}/`)).length;
}

/** As GET tools?key= answers; "" is nobody's view. */
export function demoTools(key: string): readonly ListedTool[] {
  const sound = Object.entries(offered).flatMap(([server, tools]) =>
    tools.map(([name, declared, ...rules]) => ({
      tool: `${server}/${name}`,
      exposed: `${server}__${name}`,
      ...verdict(key, rules),
      held_back: null,
      declared: declared.split(" ").filter((one) => one !== ""),
    })),
  );
  const bad = heldBack.map(([tool, why]) => ({
    ...{ tool, exposed: "", visible: null, held_back: why, by: [], declared: [] },
  }));
  return [...sound, ...bad].sort((a, b) => (a.tool < b.tool ? -1 : 1));
}

/** deny > ask > allow, and nothing is deny. */
function verdict(key: string, ids: readonly DemoRuleId[]): Pick<ListedTool, "visible" | "by"> {
  if (key === "") return { visible: null, by: [] };
  const mine = ids
    .filter((id) => isFor(demoRules[id], key))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const first = mine[0];
  if (first === undefined) return { visible: "deny", by: [] };
  const { effect, conditional }: DemoRule = demoRules[first];
  if (effect === "deny" && conditional === undefined) return { visible: "deny", by: [byOf(first)] };
  const same = effect === "allow" && conditional === undefined;
  return { visible: same ? "allow" : "depends", by: (same ? [first] : mine).map(byOf) };
}

function isFor({ keys }: DemoRule, key: string): boolean {
  return keys === undefined || keys.includes(key);
}

function rank(id: DemoRuleId): number {
  return ["deny", "ask", "allow"].indexOf(demoRules[id].effect);
}

function byOf(rule: DemoRuleId): ToolRule {
  return { rule, effect: demoRules[rule].effect, at: `${demoFolder}/${ruleAt(rule)}` };
}

/** Executors call; the others watch and operate. */
export function demoKeys(startedMs: number): readonly ListedKey[] {
  const days = (count: number) => new Date(startedMs - count * 86_400_000).toISOString();
  const rows = [
    ["claude-code", "executor", 41, "live"],
    ["ci-bot", "executor", 33, "live"],
    ["support-bot", "executor", 12, "live"],
    ["agent-7", "executor", 3, "live"],
    ["ops", "operator", 41, "live"],
    ["old-agent", "executor", 90, "revoked"],
  ] as const;
  return rows.map(([name, role, age, state], at) => ({
    id: `k-demo-${at + 1}`,
    name,
    roles: [role],
    created_at: days(age),
    expires_at: null,
    revoked_at: state === "revoked" ? days(1) : null,
    state,
  }));
}
