/** What is started, and what is not: exact arguments (U5), one cause for each way to fail. */

import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { currentRuntime } from "../../src/runtime/current.ts";
import { programFault } from "../../src/runtime/program.ts";
import type { UpstreamControl } from "../../src/upstream/upstream.ts";
import { stdioUpstream, testUpstream, untilState } from "../kit/upstream.ts";

const folder = mkdtempSync(join(tmpdir(), "gw-start-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string | Uint8Array, mode: number) => {
  writeFileSync(join(folder, name), text, { mode });
  return join(folder, name);
};
const closed = file("closed", "#!/bin/sh\n", 0o644);
const text = file("text", "echo I was run by a shell >&2\n", 0o755);
const orphan = file("orphan", "#!/no/such/interpreter -x\n", 0o755);
const broken = file("broken", Buffer.from("\x7fELF\0\0\0\0"), 0o755);
const gone = join(folder, "gone");

const cases: readonly (readonly [string, string[], string | undefined, string])[] = [
  ["no program", [gone], undefined, `"${gone}" is not there (ENOENT)`],
  ["none on the PATH", ["no-such"], undefined, `"no-such" is not there on the PATH (ENOENT)`],
  ["no cwd", ["/bin/true"], gone, `its cwd "${gone}" is not there (ENOENT)`],
  ["a file as cwd", ["/bin/true"], text, `its cwd "${text}" is not a folder (ENOTDIR)`],
  ["not executable", [closed], undefined, `"${closed}" is not executable (EACCES)`],
  ["a folder", [folder], undefined, `"${folder}" is not there (ENOENT)`],
  ["text", [text], undefined, `"${text}" is no program: it is text without a #! line (ENOEXEC)`],
  ["no binary", [broken], undefined, `"${broken}": ENOEXEC`],
  [
    "no interpreter",
    [orphan],
    undefined,
    `"${orphan}" is run by "/no/such/interpreter", which is not there (ENOENT)`,
  ],
];

test.each(cases)("%s: the state names one cause", async (_, command, cwd, cause) => {
  const transport = { kind: "stdio", command, cwd, env: {} } as const;
  const upstream = await testUpstream(stdioUpstream(command, { transport }));
  upstream.start();
  await untilState(upstream, "backoff");
  expect(upstream.status().cause).toBe(`it could not be started: ${cause}`);
  expect(upstream.status().stderr).toEqual([]);
  await upstream.stop();
});

test("what can be started has no fault", () => {
  const paths = "/usr/bin:/bin";
  expect(programFault("sh", { paths })).toBeUndefined();
  expect(programFault("/bin/sh", { cwd: folder, paths: "" })).toBeUndefined();
  mkdirSync(join(folder, "sub"), { recursive: true });
  writeFileSync(join(folder, "sub", "ok"), "#!/bin/sh\n", { mode: 0o755 });
  expect(programFault("./ok", { cwd: join(folder, "sub"), paths: "" })).toBeUndefined();
  expect(programFault("./sub/ok", { from: folder, paths: "" })).toBeUndefined();
  expect(programFault("./ok", { from: folder, paths: "" })).toContain("is not there (ENOENT)");
});

/** NUL ends an argument for the kernel; the config refuses it (config-check). */
const words = fc.oneof(
  fc.constantFrom("", " ", "a b; c", "$(id)", "`id`", "*", "~", "line\nfeed", "--upload-pack=x"),
  fc.constantFrom("'", '"', "\\", "|", "&&", "-c", "é\u202e", "\t", "$HOME", "{a,b}", "!!"),
  fc.string({ unit: "binary" }).filter((one) => !one.includes("\0") && one.isWellFormed()),
);

test("U5 any arguments reach the program as they are", async () => {
  const runtime = await currentRuntime();
  const printer = file(
    "printer",
    '#!/bin/sh\nfor a in "$@"; do printf "%s\\0" "$a"; done\n',
    0o755,
  );
  await fc.assert(
    fc.asyncProperty(fc.array(words, { maxLength: 8 }), async (args) => {
      const chunks: Uint8Array[] = [];
      await new Promise<void>((resolve) => {
        runtime.spawn({
          command: [printer, ...args],
          env: { PATH: "/usr/bin:/bin" },
          on: {
            stdout: (chunk) => void chunks.push(chunk.slice()),
            stderr: () => undefined,
            drain: () => undefined,
            exit: () => resolve(),
          },
        });
      });
      const seen = Buffer.concat(chunks).toString("utf8").split("\0").slice(0, -1);
      expect(seen).toEqual(args);
    }),
    { numRuns: 60 },
  );
});

test("U10 a program has descriptors 0, 1 and 2, all pipes or sockets, and no other", async () => {
  const runtime = await currentRuntime();
  const list = file("list", "#!/bin/sh\nls -l /proc/$$/fd\n", 0o755);
  const kept = Bun.file(text).stream();
  let seen = "";
  await new Promise<void>((resolve) => {
    runtime.spawn({
      command: [list],
      env: { PATH: "/usr/bin:/bin" },
      on: {
        stdout: (chunk) => (seen += Buffer.from(chunk).toString()),
        stderr: () => undefined,
        drain: () => undefined,
        exit: () => resolve(),
      },
    });
  });
  await kept.cancel();
  const rows = [...seen.matchAll(/(\d+) -> (.*)/g)].map(([, fd, to]) => [Number(fd), to] as const);
  // The shell holds the script that it runs, the only one that is no pipe of ours.
  const own = rows.filter(([, to]) => to !== list).map(([fd]) => fd);
  expect(own.toSorted()).toEqual([0, 1, 2]);
  expect(rows.filter(([, to]) => to !== list && !/^(pipe|socket):/.test(to ?? ""))).toEqual([]);
  expect(readFileSync(list, "utf8")).toContain("ls");
});

test("a start that an operator ends for another one has not failed", async () => {
  const made = await testUpstream(stdioUpstream(["sh", "-c", "cat > /dev/null"]));
  const upstream = made as typeof made & UpstreamControl;
  const told: string[] = [];
  upstream.onChange(() => told.push(upstream.status().state));
  upstream.start();
  await Bun.sleep(100);
  await upstream.restart();
  await Bun.sleep(100);
  expect(told).not.toContain("backoff");
  expect(upstream.status().state).toBe("starting");
  await upstream.stop();
}, 20_000);
