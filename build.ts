/**
 * Compiles the gateway to one file: `bun build.ts` → dist/authensor-gw.
 * `-- --all` makes every target instead, with dist/SHA256SUMS.
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";

const root = import.meta.dirname;

/** Bun takes the runtimes of other targets from the npm registry, as npm itself would. */
const targets = [
  "linux-x64",
  // The same program as linux-x64: since Bun 1.4 one x64 binary serves every x64 processor.
  "linux-x64-baseline",
  "linux-arm64",
  "linux-x64-musl",
  "linux-arm64-musl",
  "darwin-x64",
  "darwin-arm64",
  // Built, not supported.
  "windows-x64",
] as const;

if (import.meta.main) await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<void> {
  const unknown = args.find((arg) => arg !== "--all" && arg !== "--");
  if (unknown !== undefined) {
    process.stderr.write(`Unknown option "${unknown}"\nTry: bun build.ts [--all]\n`);
    process.exit(3);
  }
  mkdirSync(join(root, "dist"), { recursive: true });
  if (args.includes("--all")) await buildAll();
  else report(await compile({ outfile: join(root, "dist/authensor-gw") }));
}

async function buildAll(): Promise<void> {
  const sums: string[] = [];
  for (const target of targets) {
    const outfile = join(root, `dist/authensor-gw-${target}`);
    const made = await compile({ outfile, target: `bun-${target}` });
    sums.push(
      `${createHash("sha256").update(readFileSync(made)).digest("hex")}  ${basename(made)}`,
    );
    report(made);
  }
  writeFileSync(join(root, "dist/SHA256SUMS"), `${sums.join("\n")}\n`);
}

export interface CompileOptions {
  /** Absolute path of the program to write. */
  readonly outfile: string;
  /** A Bun target; this machine's when absent. */
  readonly target?: Bun.Build.CompileTarget;
  /** Entry file; the gateway when absent. */
  readonly entry?: string;
}

/** Compiles one program and gives its path (with .exe on Windows). Throws with Bun's messages. */
export async function compile(options: CompileOptions): Promise<string> {
  // A program that is running cannot be written over, but its name can be given to a new file.
  const folder = `${options.outfile}.${process.pid}`;
  const draft = join(folder, basename(options.outfile));
  const windows = options.target?.includes("windows") === true ? ".exe" : "";
  mkdirSync(folder, { recursive: true });
  try {
    await Bun.build({
      entrypoints: [options.entry ?? join(root, "src/main.ts"), ...workers(options.entry)],
      target: "bun",
      format: "esm", // Ink has top-level await, which bytecode takes only as ESM.
      // Names stay: packages know their errors by the class (`constructor.name`), and a log's stack
      // says where. 1 MB of 120; `keepNames` with short identifiers keeps none in Bun 1.4.5.
      minify: { whitespace: true, syntax: true, identifiers: false },
      bytecode: true,
      splitting: true, // What is imported on use is not even read before.
      // Flat names: `new URL("./worker.ts", import.meta.url)` then means the same from source.
      naming: { entry: "[name].[ext]", chunk: "[name]-[hash].[ext]", asset: "[name]-[hash].[ext]" },
      define: {
        "process.env.NODE_ENV": '"production"',
        GW_COMMIT: JSON.stringify(commit()),
      },
      plugins: [withoutDevtools()],
      compile: {
        outfile: draft,
        ...(options.target === undefined ? {} : { target: options.target }),
        // A service runs in any folder: no file that happens to lie there may steer it.
        autoloadDotenv: false,
        autoloadBunfig: false,
        autoloadTsconfig: false,
        autoloadPackageJson: false,
      },
    });
    renameSync(draft + windows, options.outfile + windows);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return options.outfile + windows;
}

/** Ink imports react-devtools-core for its own developers; left to the bundler it breaks. */
function withoutDevtools(): Bun.BunPlugin {
  const contents = "export default { initialize() {}, connectToDevTools() {} };";
  return {
    name: "without react-devtools-core",
    setup(build) {
      build.onResolve({ filter: /^react-devtools-core$/ }, ({ path }) => {
        return { path, namespace: "absent" };
      });
      build.onLoad({ filter: /.*/, namespace: "absent" }, () => ({ contents, loader: "js" }));
    },
  };
}

/** Threads start from files of their own: every `worker.ts` and `…-worker.ts` of src. */
function workers(entry: string | undefined): string[] {
  if (entry !== undefined) return [];
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => /(^|-)worker\.ts$/.test(basename(path)))
    .map((path) => join(root, "src", path));
}

/** "unknown" where the sources came without git, such as from an archive. */
function commit(): string {
  try {
    const args = ["-C", root, "rev-parse", "--short=12", "HEAD"];
    return execFileSync("git", args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown";
  }
}

function report(path: string): void {
  const megabytes = (Bun.file(path).size / 1e6).toFixed(1);
  process.stdout.write(`${path} ${megabytes} MB\n`);
}
