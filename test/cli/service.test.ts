import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runCommandLine } from "../../src/cli/run.ts";
import { needReadable } from "../../src/cli/service-readable.ts";
import { argument, type UnitFacts, unitText } from "../../src/cli/service-text.ts";

const facts: UnitFacts = {
  user: false,
  command: ["/usr/local/bin/authensor-gw"],
  config: "/etc/authensor-gw/authensor-gw.yaml",
  dataDir: "/var/lib/authensor-gw",
  credentials: [{ name: "github", file: "/etc/authensor-gw/credentials/github" }],
  path: [],
  env: {},
  lowPort: false,
  group: undefined,
};

/** Values of each setting of a unit, in order. */
function settings(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (line.startsWith("#") || at === -1) continue;
    found.set(line.slice(0, at), [...(found.get(line.slice(0, at)) ?? []), line.slice(at + 1)]);
  }
  return found;
}

describe("the unit", () => {
  const system = settings(unitText(facts));
  const wanted: readonly [setting: string, ...values: string[]][] = [
    ["Type", "notify"],
    ["ExecStart", "/usr/local/bin/authensor-gw serve --config /etc/authensor-gw/authensor-gw.yaml"],
    ["WatchdogSec", "30s"],
    ["Restart", "on-failure"],
    ["TimeoutStopSec", "45s"],
    ["KillMode", "mixed"],
    ["User", "authensor-gw"],
    ["StateDirectory", "authensor-gw authensor-gw/home"],
    ["CacheDirectory", "authensor-gw"],
    ["RuntimeDirectory", "authensor-gw"],
    ["LoadCredential", "github:/etc/authensor-gw/credentials/github"],
    ["UMask", "0077"],
    ["LimitNOFILE", "65536"],
    ["LimitCORE", "0"],
    ["TasksMax", "4096"],
    ["MemoryMax", "75%"],
    ["NoNewPrivileges", "yes"],
    ["ProtectSystem", "strict"],
    ["ProtectHome", "yes"],
    ["PrivateTmp", "yes"],
    ["PrivateDevices", "yes"],
    ["ProtectKernelTunables", "yes"],
    ["ProtectKernelModules", "yes"],
    ["ProtectKernelLogs", "yes"],
    ["ProtectControlGroups", "yes"],
    ["ProtectClock", "yes"],
    ["ProtectHostname", "yes"],
    ["ProtectProc", "invisible"],
    ["RestrictNamespaces", "yes"],
    ["RestrictRealtime", "yes"],
    ["RestrictSUIDSGID", "yes"],
    ["RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"],
    ["LockPersonality", "yes"],
    ["RemoveIPC", "yes"],
    ["CapabilityBoundingSet", ""],
    ["SystemCallArchitectures", "native"],
    ["SystemCallFilter", "@system-service", "~@privileged @resources"],
  ];
  for (const [setting, ...values] of wanted) {
    test(`O8 ${setting}=${values.join(" ")}`, () => expect(system.get(setting)).toEqual(values));
  }

  test("O8 memory may be written and run: the runtimes compile", () => {
    expect(system.has("MemoryDenyWriteExecute")).toBe(false);
  });

  test("HOME is in the state folder, where npx may write", () => {
    expect(system.get("Environment")).toContain("HOME=/var/lib/authensor-gw/home");
  });

  test("a port below 1024 keeps one capability, and the user namespace goes", () => {
    const low = settings(unitText({ ...facts, lowPort: true }));
    expect(low.get("AmbientCapabilities")).toEqual(["CAP_NET_BIND_SERVICE"]);
    expect(low.has("PrivateUsers")).toBe(false);
  });

  test("a group for the socket may be given it", () => {
    const grouped = settings(unitText({ ...facts, group: "ops" }));
    expect(grouped.get("SupplementaryGroups")).toEqual(["ops"]);
    expect(grouped.get("SystemCallFilter")?.at(-1)).toBe("@chown");
  });

  test("a data_dir elsewhere can be written", () => {
    const moved = settings(unitText({ ...facts, dataDir: "/srv/gateway data" }));
    expect(moved.get("ReadWritePaths")).toEqual(['"/srv/gateway data"']);
  });

  test("a user's unit has no walls that need rights, and the rest", () => {
    const own = settings(unitText({ ...facts, user: true }));
    for (const name of ["User", "ProtectSystem", "PrivateTmp", "StateDirectory", "MemoryMax"]) {
      expect([name, own.has(name)]).toEqual([name, false]);
    }
    for (const name of ["NoNewPrivileges", "SystemCallFilter", "WatchdogSec", "LoadCredential"]) {
      expect([name, own.has(name)]).toEqual([name, true]);
    }
    expect(own.get("WantedBy")).toEqual(["default.target"]);
  });

  test("$ is a variable's after a program and nowhere else", () => {
    const odd = {
      ...{ ...facts, config: "/srv/$c", dataDir: "/srv/$d", path: ["/srv/$p"] },
      ...{ command: ["/srv/a $x%/authensor-gw"], env: { XDG_STATE_HOME: "/srv/$s" } },
    };
    const found = settings(unitText(odd));
    expect(found.get("ExecStart")).toEqual(['"/srv/a $x%%/authensor-gw" serve --config /srv/$$c']);
    expect(found.get("ReadWritePaths")).toEqual(["/srv/$d"]);
    expect(found.get("Environment")).toContain("XDG_STATE_HOME=/srv/$s");
    expect(found.get("Environment")?.some((one) => one.startsWith("PATH=/srv/$p:"))).toBe(true);
  });

  const line = "/srv/x\nExecStartPre=/bin/evil";
  const places: readonly Partial<UnitFacts>[] = [
    ...[
      { config: line },
      { dataDir: line },
      { command: [line] },
      { path: [line] },
      { group: line },
    ],
    ...[{ env: { A: line } }, { credentials: [{ name: "a", file: line }] }],
  ];
  for (const place of places) {
    test(`no line break of ${Object.keys(place)[0]} becomes a setting`, () => {
      expect(() => unitText({ ...facts, ...place })).toThrow("A unit cannot name");
    });
  }

  const words: readonly [text: string, written: string][] = [
    ["/a/b", "/a/b"],
    ["/a b", '"/a b"'],
    ["100%", "100%%"],
    ["$HOME", "$$HOME"],
    ['say "hi"', '"say \\"hi\\""'],
    ["a\\b", '"a\\\\b"'],
    ["a;b", '"a;b"'],
  ];
  for (const [text, written] of words) {
    test(`writes ${text} as one word`, () => expect(argument(text)).toBe(written));
  }
});

/** A home with a config, and a systemctl that writes down what it was asked. */
let home = "";
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "service-"));
  put(
    "bin/systemctl",
    '#!/bin/sh\necho "$@" >> "$HOME/asked"\n[ -e "$HOME/$2.out" ] && cat "$HOME/$2.out"\n[ ! -e "$HOME/$2.fail" ] || { echo "Job failed." >&2; exit 1; }\n',
    0o755,
  );
  put("authensor-gw.yaml", "data_dir: data\nauth: none\n");
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function put(name: string, text: string, mode = 0o644): string {
  const path = join(home, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

async function gw(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  rmSync(join(home, "asked"), { force: true });
  const code = await runCommandLine(argv, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    env: { HOME: home, PATH: `${home}/bin:/usr/bin:/bin` },
    cwd: home,
    interactive: false,
  });
  const asked = existsSync(join(home, "asked")) ? readFileSync(join(home, "asked"), "utf8") : "";
  return { code, out: out.join("\n"), err: err.join("\n"), asked: asked.trim().split("\n") };
}

describe("service --user", () => {
  const unit = () => join(home, ".config/systemd/user/authensor-gw.service");

  test("install writes the unit, and has it started now and at each login", async () => {
    const made = await gw("service", "install", "--user");
    expect([made.code, made.err]).toEqual([0, ""]);
    expect(made.out).toContain(`wrote ${unit()}`);
    expect(made.asked.map((line) => line.replace("--user ", ""))).toEqual([
      ...["--version", "daemon-reload", "enable authensor-gw.service"],
      "restart authensor-gw.service",
    ]);
    const text = readFileSync(unit(), "utf8");
    expect(text).toContain(`serve --config ${join(home, "authensor-gw.yaml")}`);
    const again = await gw("service", "install", "--user", "--at-boot");
    expect(again.out).toContain(`kept  ${unit()}`);
    expect(again.asked).not.toContain("--user restart authensor-gw.service");
  });

  test("a start that fails says where to look", async () => {
    put("restart.fail", "");
    const found = await gw("service", "install", "--user");
    rmSync(join(home, "restart.fail"));
    expect(found.code).toBe(69);
    expect(found.err).toContain("Job failed.");
    expect(found.err).toContain("Try: authensor-gw logs");
  });

  test("status tells what systemd knows", async () => {
    put(
      "show.out",
      "LoadState=loaded\nActiveState=active\nSubState=running\nStatusText=7/8 servers ready, 3 in flight\nMainPID=42\nNRestarts=0\nResult=success\nUnitFileState=enabled\n",
    );
    const found = await gw("service", "status", "--user");
    expect(found.code).toBe(0);
    expect(found.out).toContain("state    active (running), pid 42");
    expect(found.out).toContain("says     7/8 servers ready, 3 in flight");
    put(
      "show.out",
      "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=watchdog\nExecMainStatus=6\n",
    );
    const failed = await gw("service", "status", "--user", "--json");
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.out)).toMatchObject({ active: false, result: "watchdog", exit: 6 });
    put("show.out", "LoadState=not-found\n");
    const none = await gw("service", "status", "--user");
    expect([none.code, none.err]).toEqual([69, expect.stringContaining("service install --user")]);
  });

  test("uninstall removes it and leaves the rest", async () => {
    const found = await gw("service", "uninstall", "--user");
    expect(found.out).toContain(`removed ${unit()}`);
    expect(found.asked[0]).toBe("--user disable --now authensor-gw.service");
    expect([existsSync(unit()), existsSync(join(home, "authensor-gw.yaml"))]).toEqual([
      false,
      true,
    ]);
    expect((await gw("service", "uninstall", "--user")).code).toBe(69);
  });
});

describe("service of the system", () => {
  test("print warns of places that a service cannot see or others cannot find", async () => {
    const file = put("etc/plain.yaml", "auth: none\n");
    const found = await gw("service", "print", "--config", file);
    expect(found.code).toBe(0);
    expect(found.err).toContain("data_dir: /var/lib/authensor-gw; admin: { socket: /run/");
    expect(found.out).toContain("ProtectSystem=strict");
  });

  test("print names credentials, and those that are not there yet", async () => {
    const file = put(
      "etc/full.yaml",
      "data_dir: /var/lib/authensor-gw\nadmin: { socket: /run/authensor-gw/admin.sock }\nservers:\n" +
        '  a: { url: "https://a.example/mcp", headers: { A: "${cred:here} ${cred:gone}" } }\n' +
        "  b: { command: own-tool } # or ${cred:commented}\n",
    );
    put("etc/credentials/here", "secret-of-a\n", 0o600);
    put("bin/own-tool", "#!/bin/sh\n", 0o755);
    const found = await gw("service", "print", "--config", file);
    expect(found.out).toContain(`LoadCredential=here:${home}/etc/credentials/here`);
    expect(found.err).toContain("${cred:gone}: put the secret into");
    expect(found.err).not.toContain("commented");
    expect(found.out).toContain(`Environment=PATH=${home}/bin:/usr/local/sbin`);
    for (const text of [found.out, found.err]) expect(text).not.toContain("secret-of-a");
    expect(found.err).not.toContain("data_dir:");
  });

  test("a file that the service's user cannot read is said before anything starts", () => {
    const closed = put("etc/closed.yaml", "", 0o600);
    chmodSync(home, 0o755);
    expect(() => needReadable([closed], "nobody")).toThrow('The user nobody cannot read "');
    chmodSync(home, 0o700);
    const open = put("etc/open.yaml", "", 0o644);
    expect(() => needReadable([open], "nobody")).toThrow();
    chmodSync(home, 0o755);
    expect(() => needReadable([open], "nobody")).not.toThrow();
  });
});
