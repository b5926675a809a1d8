import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../src/base/errors.ts";
import { commands, laterCommands } from "../../src/cli/commands.ts";
import { parseArguments } from "../../src/cli/parse.ts";

function refused(...argv: string[]): string {
  try {
    parseArguments(argv);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    expect([thrown.code, thrown.spec.exit]).toEqual(["GW_USAGE", 3]);
    return `${thrown.message} | ${thrown.fix}`;
  }
  return "not refused";
}

describe("parseArguments", () => {
  test("joins two words to a command, with options before, between and after", () => {
    for (const line of [
      "keys create --role executor --name a",
      "--config x keys create --role executor --name a",
      "keys create --name=a --role=executor",
    ]) {
      const parsed = parseArguments(line.split(" "));
      expect(parsed.command?.name).toBe("keys create");
      expect(parsed.options.text("name")).toBe("a");
      expect(parsed.args).toEqual([]);
    }
  });

  test("keeps values as they are written", () => {
    const parsed = parseArguments([
      "keys",
      "create",
      "--name",
      "007",
      "--role",
      "1e3",
      "--role=0x1",
    ]);
    expect(parsed.options.text("name")).toBe("007");
    expect(parsed.options.all("role")).toEqual(["1e3", "0x1"]);
    const call = parseArguments(["tools", "call", "a/1e5", "--args", '{"a":1.0}', "--json"]);
    expect(call.args).toEqual(["a/1e5"]);
    expect(call.options.text("args")).toBe('{"a":1.0}');
    expect(call.options.has("json")).toBe(true);
    expect(parseArguments(["tools", "call", "a/b", "--args=-1"]).options.text("args")).toBe("-1");
    expect(parseArguments(["tools", "call", "--", "--odd/name"]).args).toEqual(["--odd/name"]);
  });

  test("names the nearest command and option", () => {
    expect(refused("statsu")).toContain("authensor-gw status");
    expect(refused("keys", "lst")).toContain("authensor-gw keys list");
    expect(refused("keys")).toContain('"keys" needs one of create, list, revoke, rotate');
    expect(refused("recipts", "list")).toContain("receipts list");
    expect(refused("keys", "create", "--nmae", "x")).toContain("write --name");
    expect(refused("serve", "--prot", "1")).toContain("--prot is not known");
    expect(refused("--confg", "x")).toContain("write --config");
  });

  test("says what is missing or too much", () => {
    expect(refused("keys", "create", "--name")).toContain("--name needs a value");
    expect(refused("keys", "revoke")).toContain("needs NAME|ID");
    expect(refused("serve", "now")).toContain('does not take "now"');
  });

  test("tells commands of later versions from misspelt ones", () => {
    for (const name of laterCommands) {
      expect(refused(...name.split(" "))).toContain("not in this version yet");
    }
  });

  test("hostile words are shown, not acted on", () => {
    expect(refused("\x1b[2J")).toContain("␛[2J");
    expect(refused("serve", "--\x1b]8;;x")).not.toContain("\x1b");
  });

  test("no command is no command, with or without options", () => {
    expect(parseArguments([]).command).toBeUndefined();
    const parsed = parseArguments(["--config", "x.yaml"]);
    expect([parsed.command, parsed.options.text("config")]).toEqual([undefined, "x.yaml"]);
    expect(parseArguments(["help", "keys", "create"])).toMatchObject({ wantsHelp: true });
    expect(parseArguments(["keys", "create", "-h"]).wantsHelp).toBe(true);
  });
});

describe("the table", () => {
  test("each command loads, and is named once", async () => {
    expect(new Set(commands.map((command) => command.name)).size).toBe(commands.length);
    for (const command of commands) expect(typeof (await command.load())).toBe("function");
  });

  test("examples parse as what they are examples of", () => {
    for (const { name, examples } of commands) {
      for (const example of examples ?? []) {
        const words = example.replaceAll(/'([^']*)'/g, (_, text) => text.replaceAll(" ", "\u00a0"));
        const argv = words.split(" > ")[0]!.split(" ");
        expect(parseArguments(argv).command?.name).toBe(name);
      }
    }
  });

  test("usage names every option that must be known to start", () => {
    for (const { usage, options, hidden } of commands) {
      if (hidden === true) continue;
      const words = usage.match(/--[a-z-]+/g) ?? [];
      const known = options.map((option) => `--${option.name}`);
      expect(words.filter((word) => !known.includes(word))).toEqual([]);
    }
  });
});

describe("everyday words, which cac does not see", () => {
  const read = (argv: readonly string[], quick: boolean) => {
    try {
      const parsed = quick ? parseArguments(argv) : parseArguments(argv, () => undefined);
      const { command, args, options } = parsed;
      const values = command?.options.map(({ name }) => [options.has(name), options.all(name)]);
      return { name: command?.name, args, values, help: parsed.wantsHelp };
    } catch (thrown) {
      if (!(thrown instanceof GatewayError)) throw thrown;
      return `${thrown.message} | ${thrown.fix}`;
    }
  };

  test("mean what they mean to cac", () => {
    const names = ["serve", "status", "receipts list", "keys create", "logs", "policy check"];
    const options = commands
      .filter(({ name }) => names.includes(name))
      .flatMap((one) => one.options);
    const long = options.map(({ name }) => `--${name}`);
    const short = options.flatMap((one) => (one.short === undefined ? [] : [`-${one.short}`]));
    const values = [
      "a",
      "007",
      "1e3",
      "",
      "-",
      "-1",
      "--",
      "true",
      "a=b",
      "no",
      "\u0001",
      "é",
      "=x",
    ];
    const word = fc.oneof(
      fc.constantFrom(...values),
      fc.constantFrom(...long),
      fc.constantFrom(...long, ...short, "-h", "--help", "--no-json", "--x", "-jv"),
      fc.tuple(fc.constantFrom(...long), fc.constantFrom(...values)).map((both) => both.join("=")),
    );
    const line = fc.tuple(fc.constantFrom(...names), fc.array(word, { maxLength: 5 }));
    let quick = 0;
    fc.assert(
      fc.property(line, ([name, words]) => {
        const argv = [...name.split(" "), ...words];
        const parsed = read(argv, true);
        if (typeof parsed === "object" && words.length > 0) quick += 1;
        expect(parsed).toEqual(read(argv, false));
      }),
      { numRuns: 3000 },
    );
    expect(quick).toBeGreaterThan(100);
  });
});
