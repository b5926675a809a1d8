import { describe, expect, test } from "bun:test";
import type { LiveCall } from "../../src/admin/contract.ts";
import { demoSource } from "../../tui/demo.ts";
import { createStore, type Store } from "../../tui/live.ts";
import { plainText } from "../../tui/paint.ts";
import { reduce } from "../../tui/reduce.ts";
import { screens } from "../../tui/screens.ts";
import { type Effect, type Env, pickedOf, startUi, type Ui } from "../../tui/ui.ts";
import { frame } from "../../tui/view/frame.ts";

/** A reader at the demo's first picture: keys in, what is picked and shown out. */
function reader(options: Partial<Env> = {}) {
  let at = 0;
  const source = demoSource(() => at);
  const store: Store = createStore(source.place, source.now ?? Date.now);
  // The script's own timer is not waited for: the first picture is enough.
  source.watch({ snapshot: store.snapshot, batch: store.batch, lost: store.lost })();
  let ui: Ui = startUi({ columns: 80, rows: 24 });
  const effects: Effect[] = [];
  const env = (): Env => ({
    ...{ live: store.picture(), now: store.now(), ended: store.ended, screens },
    clockMs: store.now(),
    ...{ readOnly: undefined, ownsGateway: false, url: "http://localhost:3100/mcp" },
    ...options,
  });
  const send = (event: Parameters<typeof reduce>[1]) => {
    const next = reduce(ui, event, env());
    ui = next.ui;
    effects.push(...next.effects);
  };
  const lines = () => frame(ui, env()).map((line) => plainText(line).trimEnd());
  return {
    store,
    effects,
    ui: () => ui,
    env,
    /** Names of keys, or single characters, one read each. */
    press: (...keys: string[]) => {
      for (const key of keys) send({ kind: "key", key, alone: true });
    },
    /** Characters that arrive in one read. */
    bunch: (text: string) => {
      for (const key of text) send({ kind: "key", key, alone: false });
    },
    paste: (text: string) => send({ kind: "paste", text }),
    data: () => send({ kind: "data" }),
    wait: (ms: number) => {
      at += ms;
    },
    picked: () => pickedOf(ui, env()).id,
    line: (row: number) => lines().at(row) ?? "",
    text: () => lines().join("\n"),
  };
}

const template = reader().env().live.recent[0] as LiveCall;

function ended(id: string, more: Partial<LiveCall> = {}): LiveCall {
  return { ...template, id, ...more };
}

describe("a choice is an id", () => {
  test("what arrives, is sorted or is filtered does not move it; what is gone leaves its place", () => {
    const r = reader();
    r.press("tab", "j", "j", "j");
    const id = r.picked();
    const row = r
      .text()
      .split("\n")
      .findIndex((line) => line.startsWith(">"));
    r.store.batch({ seq: 2, now: r.env().now, calls: [ended("n-1"), ended("n-2")] });
    r.data();
    expect(r.picked()).toBe(id);
    expect(
      r
        .text()
        .split("\n")
        .findIndex((line) => line.startsWith(">")),
    ).toBe(row);
    r.press("o");
    expect(r.picked()).toBe(id);
    r.press("O", "o", "o");
    expect(r.picked()).toBe(id);
  });

  test("the newest stays picked until somebody moves; f and g follow again", () => {
    const r = reader();
    r.press("tab");
    r.store.batch({ seq: 2, now: r.env().now, calls: [ended("n-1")] });
    expect([r.picked(), r.text()]).toEqual(["n-1", expect.stringContaining("follow on")]);
    r.press("j");
    expect(r.text()).toContain("follow off");
    const id = r.picked();
    r.store.batch({ seq: 3, now: r.env().now, calls: [ended("n-2")] });
    expect(r.picked()).toBe(id);
    r.press("f");
    expect(r.picked()).toBe("n-2");
    r.press("G");
    expect(r.picked()).toBe(r.env().live.recent.at(-1)?.id);
    r.press("g");
    expect(r.picked()).toBe("n-2");
  });

  test("ten thousand calls: the oldest are overwritten, and the heading says so", () => {
    const r = reader();
    r.press("tab", "j", "j");
    const row = r
      .text()
      .split("\n")
      .findIndex((line) => line.startsWith(">"));
    const calls = Array.from({ length: 10_000 }, (_, at) => ended(`n-${at}`));
    r.store.batch({ seq: 2, now: r.env().now, calls });
    r.data();
    expect(r.env().live.recent.length).toBe(5_000);
    expect(r.text()).toMatch(/5,000 of 10,5\d\d/);
    expect(r.picked()).toBeDefined();
    expect(
      r
        .text()
        .split("\n")
        .findIndex((line) => line.startsWith(">")),
    ).toBeGreaterThanOrEqual(row);
  });

  test("several keys of one read each see what the one before did", () => {
    const r = reader();
    r.press("tab");
    r.bunch("jjj");
    expect(r.picked()).toBe(r.env().live.recent[3]?.id);
  });
});

describe("pause", () => {
  test("stops the picture and counts what arrives", () => {
    const r = reader();
    r.press("p");
    r.store.batch({ seq: 2, now: r.env().now, calls: [ended("n-1"), ended("n-2")] });
    expect(r.text()).toContain("PAUSED, 2 new   p resume");
    r.press("p");
    expect(r.text()).toContain("follow on");
  });
});

describe("while paused", () => {
  test("a question can be answered, and messages end", () => {
    const r = reader({ now: 5 });
    r.press("p", "x");
    r.wait(500);
    r.press("y");
    expect(r.effects).toHaveLength(1);
    r.press("4");
    expect(r.line(-2)).toContain("not in this version");
    r.wait(10_000);
    r.data();
    expect(r.line(-2)).toBe("");
  });
});

describe("a question", () => {
  const cancel: Effect = {
    ...{ run: "act", action: { do: "cancel", call: "" } },
    done: "",
  };

  function asked() {
    const r = reader();
    r.press("x");
    return { r, id: r.picked() ?? "" };
  }

  test("T7 names what it is about; y after 400 ms does it, to that id", () => {
    const { r, id } = asked();
    expect(r.line(-2)).toContain(id);
    r.wait(401);
    r.press("y");
    expect(r.effects).toEqual([
      { ...cancel, action: { do: "cancel", call: id }, done: expect.any(String) },
    ]);
    expect(r.ui().mode.kind).toBe("keys");
  });

  test("T6 xy in one read, y too soon, a paste and other keys are no answers", () => {
    const r = reader();
    r.bunch("xy");
    r.press("y");
    r.wait(1_000);
    r.bunch("yy");
    r.paste("y");
    r.press("j", "return");
    expect([r.effects, r.ui().mode.kind]).toEqual([[], "ask"]);
    r.press("n");
    expect([r.effects, r.line(-2)]).toEqual([[], expect.stringContaining("nothing was done")]);
  });

  test("closes with the reason when the call ends under it", () => {
    const { r, id } = asked();
    const call = r.env().live.running.find((one) => one.id === id) as LiveCall;
    const now = r.env().now;
    r.store.batch({ seq: 2, now, calls: [{ ...call, stage: "over", outcome: "ok", tookMs: 5 }] });
    r.data();
    expect([r.ui().mode.kind, r.line(-2)]).toEqual([
      "keys",
      expect.stringContaining("ended meanwhile: ok"),
    ]);
    r.wait(500);
    r.press("y");
    expect(r.effects).toEqual([]);
  });

  test("extend asks too, servers R and D name what is in flight", () => {
    const r = reader();
    r.press("+");
    expect(r.line(-2)).toMatch(/Give .* 30s more\?/);
    r.press("escape", "2", "R");
    expect(r.line(-2)).toContain("Restart");
    r.press("escape", "D");
    expect(r.line(-2)).toMatch(/Disable \S+.*\?/);
  });

  test("--read-only and no key: refused with the reason, not offered in the last row", () => {
    const r = reader({ readOnly: "--read-only was given" });
    r.press("x");
    expect([r.ui().mode.kind, r.line(-2)]).toEqual([
      "keys",
      expect.stringContaining("--read-only was given"),
    ]);
    expect(r.line(-1)).not.toContain("cancel");
    r.press(":");
    for (const one of "server github restart") r.press(one);
    r.press("return");
    expect(r.line(-2)).toContain("--read-only was given");
    expect(r.effects).toEqual([]);
  });

  test("a key that does nothing here says why", () => {
    const r = reader();
    r.press("tab", "x");
    expect(r.line(-2)).toContain("x cancel: this call already ended");
    r.press("4");
    expect(r.line(-2)).toContain("Holds is not in this version");
    r.press("2", "1", "[");
    expect(r.ui().screen).toBe("calls");
  });
});

describe("leaving", () => {
  test("q leaves; who started the gateway is asked what becomes of it", () => {
    const plain = reader();
    plain.press("q");
    expect(plain.effects).toEqual([{ run: "leave", stopGateway: false }]);
    const owner = reader({ ownsGateway: true });
    owner.press("q");
    expect([owner.effects, owner.line(-2)]).toEqual([[], expect.stringContaining("s stop it")]);
    owner.wait(500);
    owner.press("s");
    expect(owner.effects).toEqual([{ run: "leave", stopGateway: true }]);
  });

  test("ctrl-c says how to leave, twice leaves, from every mode", () => {
    for (const into of ["", "/", ":", "?", "y", "x"]) {
      const r = reader();
      r.press(...into);
      r.press("ctrl-c");
      expect([r.effects, r.line(-2)]).toEqual([[], expect.stringContaining("ctrl-c again")]);
      r.press("ctrl-c");
      expect(r.effects).toEqual([{ run: "leave", stopGateway: false }]);
    }
    const late = reader();
    late.press("ctrl-c");
    late.wait(3_000);
    late.press("ctrl-c");
    expect(late.effects).toEqual([]);
  });
});

describe("the filter", () => {
  test("shows as it is typed, a word that is not understood is named and the old one stays", () => {
    const r = reader();
    r.press("/");
    for (const one of "outcome:denied") r.press(one);
    expect(r.text()).toMatch(/In flight 0 of \d/);
    const shown = r.env().live.recent.filter((call) => call.outcome === "denied").length;
    expect(r.text()).toContain(`${shown} of ${r.env().live.ended}   filter outcome:denied`);
    for (const one of " colour:red") r.press(one);
    expect(r.line(-2)).toStartWith(" / outcome:denied colour:red");
    expect(r.text()).toContain('colour:red: no field "colour"');
    expect(r.ui().pages.calls.filter).toStartWith("outcome:denied");
    r.press("return");
    expect(r.ui().mode.kind).toBe("filter");
    r.press("ctrl-w", "return");
    expect(r.ui().mode.kind).toBe("keys");
    r.press("escape");
    expect(r.text()).toContain("filter none");
  });

  test("escape takes the old one back; a paste is text, also with line ends", () => {
    const r = reader();
    r.press("/");
    r.paste("tool:github/*\n");
    r.press("return", "/", "ctrl-u");
    for (const one of "key:ci") r.press(one);
    r.press("escape");
    expect(r.ui().pages.calls.filter).toBe("tool:github/*");
  });
});

describe("the command line", () => {
  const run = (line: string) => {
    const r = reader();
    r.press(":", ...line, "return");
    return r;
  };

  test("keys by their names, why, goto, server, filter, set, q", () => {
    expect(run("pause").text()).toContain("PAUSED");
    expect(run("why github/create_issue as ci-bot").effects).toEqual([
      { run: "why", tool: "github/create_issue", key: "ci-bot" },
    ]);
    expect(run("server github restart").line(-2)).toContain("Restart github");
    expect(run("filter took:>1s").ui().pages.calls.filter).toBe("took:>1s");
    expect(run("set refresh=1s").ui().refreshMs).toBe(1_000);
    expect(run("set theme=mono").ui().theme).toBe("mono");
    expect(run("q").effects).toEqual([{ run: "leave", stopGateway: false }]);
    const call = reader().env().live.recent[20] as LiveCall;
    expect(run(`goto ${call.id}`).picked()).toBe(call.id);
    expect(run(`goto ${call.receipt}`).picked()).toBe(call.id);
    expect(run("goto github").ui().screen).toBe("servers");
  });

  test("a word that is not known names the nearest; the line stays to be corrected", () => {
    const r = run("puase");
    expect([r.ui().mode.kind, r.line(-2)]).toEqual([
      "command",
      expect.stringContaining("did you mean pause?"),
    ]);
    expect(run("goto nowhere").line(-2)).toContain('nothing here has the id "nowhere"');
    expect(run("set refresh=3ms").line(-2)).toContain("write: set refresh");
  });

  test("tab completes, ↑ brings lines back, backspace in an empty one leaves", () => {
    const r = reader();
    r.press(":", ..."serv", "tab");
    expect(r.line(-2)).toStartWith(" : server");
    r.press("ctrl-u", ..."server gi", "tab");
    expect(r.line(-2)).toEndWith("server github");
    r.press("ctrl-u", ..."pause", "return", ":", "up");
    expect(r.line(-2)).toStartWith(" : pause");
    r.press("ctrl-u", "backspace");
    expect(r.ui().mode.kind).toBe("keys");
  });
});

describe("drill down", () => {
  test("enter opens, tab changes the tab, ] goes to the next, esc closes", () => {
    const r = reader();
    r.press("tab", "return");
    const [first, second] = r.env().live.recent;
    expect(r.text()).toContain(`Calls > ${first?.id}`);
    expect(r.effects).toEqual([{ run: "receipt", id: first?.receipt ?? "" }]);
    r.press("tab");
    expect(r.text()).toContain("[Receipt]");
    r.press("]");
    expect(r.text()).toContain(`Calls > ${second?.id}`);
    r.press("escape");
    expect(r.picked()).toBe(second?.id);
  });

  test("s goes to the call's server, c from there to the server's calls", () => {
    const r = reader();
    r.press("s");
    expect(r.ui().screen).toBe("servers");
    const server = r.picked();
    r.press("c");
    expect([r.ui().screen, r.ui().pages.calls.filter]).toEqual(["calls", `server:=${server}`]);
  });

  test("y copies: curl without a token, JSON, CLI, ids", () => {
    const r = reader();
    r.press("y");
    expect(r.text()).toContain("curl to this gateway");
    r.press("c");
    const [curl] = r.effects;
    expect(curl).toMatchObject({ run: "copy", text: expect.stringContaining("$AUTHENSOR_GW_KEY") });
    for (const [key, part] of [
      ["g", "authensor-gw tools call"],
      ["j", '"tool"'],
      ["i", "c-"],
      ["u", "r-"],
    ] as const) {
      r.press("y", key);
      expect(r.effects.at(-1)).toMatchObject({ run: "copy", text: expect.stringContaining(part) });
    }
  });
});
