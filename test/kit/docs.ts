/**
 * Makes docs/errors.md, docs/config.md and tables of docs/tui.md from the code:
 * `bun test/kit/docs.ts` writes them, test/gateway/config-docs.test.ts says when that was
 * forgotten.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { catalogue } from "../../src/base/error-codes.ts";
import type { Form } from "../../src/gateway/config-form.ts";
import { formsOf, infoOf } from "../../src/gateway/config-issues.ts";
import { configSchema } from "../../src/gateway/config-schema.ts";
import { tuiText } from "./docs-tui.ts";

export const documents: readonly { readonly path: string; text(): string }[] = [
  { path: "docs/errors.md", text: errorsText },
  { path: "docs/config.md", text: configText },
  { path: "docs/tui.md", text: tuiText },
];

function errorsText(): string {
  const rows = Object.entries(catalogue).map(
    ([code, { http, rpc, exit, meaning, fix }]) =>
      `| \`${code}\` | ${cell(meaning)} | ${cell(fix)} | ${http} | ${rpc} | ${exit} |`,
  );
  return `# Errors

Every error of the gateway has a code, a message that says what was attempted, the cause, and a
\`Try:\` line. The code is stable. On the command line it decides the exit code; over HTTP it stands
in the body and decides the status; in JSON-RPC it is \`error.data.code\` and begins the message, or
the text of a \`tools/call\` result with \`isError: true\`. Where a message says all, the cause is
left out, or empty. What a legacy session's method answers has the status 200, whatever the column
HTTP says: there the error is in the JSON-RPC answer alone.

A command that is asked a question ends with its answer, whatever code that names: 1 where
\`tools call\` got a refusal or a failed call as its result (also of a server that is down), where
\`reload --dry-run\` would be refused, where \`policy check\`, \`policy explain\`, \`tools why\`,
\`status\`, \`doctor\` or \`service status\` say no, where \`servers retry\` and the like did not
help, and where \`receipts verify\` finds something changed; 2 where what \`receipts\` shows is not
all. \`check\` with several problems ends with 78 if one of them has that. The exit code of the table
is that of a command that could not do what it was asked.

This table is made from \`src/base/error-codes.ts\` by \`npx bun test/kit/docs.ts\`.

| code | meaning | how to solve | HTTP | JSON-RPC | exit |
| --- | --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}

function configText(): string {
  const rows = rowsOf(configSchema, "");
  return `# Config: authensor-gw.yaml

Found in \`--config\`, \`$AUTHENSOR_GW_CONFIG\`, \`./\`, \`$XDG_CONFIG_HOME/authensor-gw/\`,
\`/etc/authensor-gw/\`: the first that is there. Paths in it are relative to it.
\`authensor-gw check\` names every problem with its line, and warns of servers whose program or \`cwd\`
is not there (on the PATH it runs with: a service may have another). \`authensor-gw config show
--effective\` prints each value in force and where it comes from, with secrets masked.

\`\`\`yaml
listen: localhost:3100
policy: policies/prod.yaml
servers:                        # entries of an mcpServers file paste verbatim
  files:
    command: npx                # never a shell
    args: [-y, "@modelcontextprotocol/server-filesystem", /srv/data]
    timeout: 60s                # short for { idle: 60s }
  remote:
    url: https://mcp.example/mcp
    headers: { Authorization: "Bearer \${cred:remote}" }
\`\`\`

## Values from elsewhere

| written | is |
| --- | --- |
| \`\${VAR}\`, \`\${env:VAR}\` | an environment variable; missing: GW_VARIABLE names it and its line |
| \`\${VAR:-default}\` | the same, or the default when it is missing or empty |
| \`\${file:path}\` | the text of a file, without its last line feed |
| \`\${cred:name}\` | a systemd credential, or \`credentials/name\` beside the config, mode 0600 |
| \`$\${\` | a plain \`\${\` |

What stands in for a reference is not expanded again, and no message shows it.
Durations are \`500ms 30s 5m 24h 90d\`, sizes \`64KiB 4MiB 10GiB\`.

## Servers

Names are lowered and other characters than letters, digits and \`-\` become \`-\`, with a note; two
that become one are refused. \`autoApprove\` and \`alwaysAllow\` of client configs are ignored with a
note: the policy decides. A top-level \`mcpServers\` is another word for \`servers\`.
A program gets PATH, HOME, USER, LANG, LC_*, TZ and TMPDIR of the gateway, then \`env\`, then
\`AUTHENSOR_GW_OWNER\`, and nothing else. That last one is no secret: the gateway finds by it what the
program starts, wherever that goes, and ends it with the program ([service.md](service.md)).

No shell reads a command: \`;\`, \`$(…)\`, spaces and line feeds in \`args\` reach the program as they are.
\`command: "npx -y x"\` without \`args\` is refused with the list to write instead.

${names}
## A changed file

\`authensor-gw reload\`, SIGHUP and, with \`reload.watch\`, the change itself load config and policy
anew as one step. Which keys are in force then, what becomes of servers and their calls, and which
keys need a start of the gateway: [reload.md](reload.md).

## Keys

This table is made from \`src/gateway/config-schema.ts\` by \`npx bun test/kit/docs.ts\`.

| key | must be | default | meaning |
| --- | --- | --- | --- |
${rows.join("\n")}
`;
}

/** A chapter of docs/config.md. */
const names = `## Names

\`naming\` says how agents see tools and prompts of several servers. Policy, receipts and the CLI say
\`server/tool\` whatever it is.

| \`naming\` | tool \`read\` of \`files\` | when two servers have a \`read\` |
| --- | --- | --- |
| \`prefix\` | \`files__read\` | each has its own prefix |
| \`auto\` | \`read\` | both get their prefix; so does a name that reads like another server's, such as \`files__read\` |
| \`bare\` | \`read\` | the server that has it keeps it, at the start the first in the config; the other's is held back |

A name over 64 characters is cut to its first 55, \`_\` and 8 hex digits of the SHA-256 of the whole.
What a name leads to is looked up, never read from the name. \`authensor-gw tools list --kind all\` and
\`tools list\` show what is held back, and why: collisions, names and definitions that break the rules.

URIs of resources are not changed. A URI goes to the server that lists it; else to the first in the
config of whose templates it is made; else to the only server that has resources. It never goes to
two. A URI with \`..\` in its path goes nowhere unless it is listed.
`;

/** One row a key; keys of later versions and other words for a key have none. */
function rowsOf(schema: Form, path: string): string[] {
  return formsOf(schema).flatMap((form) => {
    if (form.type === "object") {
      return Object.entries(form.shape)
        .filter(([name]) => name !== "mcpServers")
        .flatMap(([name, inner]) => rowsOf(inner, path === "" ? name : `${path}.${name}`));
    }
    if (form.type === "record") return rowsOf(form.valueType, `${path}.NAME`);
    const info = infoOf(form);
    if (form.type === "array") {
      const inner = infoOf(formsOf(form.element)[0] ?? form);
      // A list that is one of two forms: the other form's row says it all.
      return formsOf(schema).length > 1 || inner === undefined
        ? []
        : [row(path, `a list: ${inner.is}`, "", inner.doc)];
    }
    if (info === undefined || info.later === true) return [];
    return [row(path, info.is, info.default ?? "", info.doc)];
  });
}

function row(path: string, is: string, preset: string, doc: string): string {
  const shown = preset === "" ? "" : `\`${preset}\``;
  return `| \`${path}\` | ${cell(is)} | ${shown} | ${cell(doc)} |`;
}

/** A bar would end the cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "../..");
  for (const { path, text } of documents) writeFileSync(join(root, path), text());
}
