/** Leaving a process takes none of its output along. */

import { expect, test } from "bun:test";
import { join } from "node:path";

const src = join(import.meta.dirname, "../../src");
const sizes = [0, 10, 3_000_000];

const writers: [string, string][] = [
  ["stdout", `import { terminalIo } from "${src}/cli/print.ts"; const out = terminalIo().out;`],
  ["stderr", `import { stderrWriter } from "${src}/base/log.ts"; const out = stderrWriter();`],
];

const cases = writers.flatMap(([stream, opens]) => sizes.map((n) => [n, stream, opens] as const));

test.each(cases)("%d bytes for a slow reader of %s, then leave", async (size, stream, opens) => {
  const script = `${opens}
    import { terminalIo as io } from "${src}/cli/print.ts";
    if (${size} > 0) out("x".repeat(${size}));
    setInterval(() => undefined, 1000);
    io().leave?.(3);`;
  // A pipe of the shell's, that nobody reads for a while.
  const into = stream === "stdout" ? "2>/dev/null" : "2>&1 >/dev/null";
  const pipe = `{ "$0" -e "$1"; echo $? >&3; } 3>&2 ${into} | { sleep 1; wc -c; }`;
  const spawned = Bun.spawn(["sh", "-c", pipe, process.execPath, script], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const count = Number(await new Response(spawned.stdout).text());
  expect(count).toBe(size > 0 && stream === "stdout" ? size + 1 : size);
  expect((await new Response(spawned.stderr).text()).trim()).toBe("3");
});
