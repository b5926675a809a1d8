import { describe, expect, test } from "bun:test";
import type { HttpRequest } from "../../src/base/http-request.ts";
import { limits } from "../../src/base/limits.ts";
import { createCrowd } from "../../src/front/crowd.ts";
import type { Answer } from "../../src/front/door.ts";
import { fulfil, type Promised, promiseOf } from "../../src/front/promised.ts";

interface One extends Promised {
  readonly name: string;
}

const request = new Request("http://localhost/mcp");
const fields = { request, promise: undefined, settle: undefined, awaited: false };
const one = (name: string): One => ({ ...fields, name, peer: {} });

test("few in flight: each request is answered at once", () => {
  const handle = createCrowd<One>({ size: limits.crowd - 1 }, () => new Response());
  expect(handle(one("a"))).toBeInstanceOf(Response);
});

test("many: answered at the end of the turn, in their order, each with its own", async () => {
  const seen: string[] = [];
  const handle = createCrowd<One>({ size: limits.crowd }, ({ name }) => {
    seen.push(name);
    return new Response(name);
  });
  for (const round of ["first", "second"]) {
    seen.length = 0;
    const names = [1, 2, 3].map((n) => `${round} ${n}`);
    const answers = names.map((name) => handle(one(name)));
    expect(seen).toEqual([]);
    const texts = await Promise.all(answers.map(async (answer) => (await answer).text()));
    expect(texts).toEqual(names);
    expect(seen).toEqual(texts);
  }
});

test("what comes while a turn is answered is answered in the next", async () => {
  const seen: string[] = [];
  let late: Response | Promise<Response> | undefined;
  const handle = createCrowd<One>({ size: limits.crowd }, ({ name }) => {
    seen.push(name);
    if (name === "a") late = handle(one("c"));
    return new Response(name);
  });
  const answers = [handle(one("a")), handle(one("b"))];
  expect(await (await answers[1])?.text()).toBe("b");
  expect(await (await late)?.text()).toBe("c");
  expect(seen).toEqual(["a", "b", "c"]);
});

test("who waits on has the promise of the crowd, and none is waited for twice", async () => {
  const waiting: One[] = [];
  const handle = createCrowd<One>({ size: limits.crowd }, (asked) => {
    waiting.push(asked);
    return promiseOf(asked);
  });
  const asked = one("a");
  const answer = handle(asked);
  expect(answer).toBe(promiseOf(asked));
  await new Promise((resolve) => setImmediate(resolve));
  expect(waiting).toEqual([asked]);
  asked.settle?.(new Response("late"));
  expect(await (await answer).text()).toBe("late");
});

test("an answer that waits for another promise of the same request comes", async () => {
  const handle = createCrowd<One>({ size: limits.crowd }, async (asked) => {
    await undefined;
    const own = promiseOf(asked);
    asked.settle?.(new Response("own"));
    return own;
  });
  expect(await (await handle(one("a"))).text()).toBe("own");
});

describe("a peer that takes answers later", () => {
  /** What `handle` comes to in the end. */
  async function asked(name: string, handle: (one: One) => Response | Promise<Response>) {
    const { promise, resolve } = Promise.withResolvers<string>();
    const answer = new Response("later");
    const give = async (found: Answer) => {
      const given = await found;
      if (given !== answer) resolve(await given.text());
    };
    const later = { answer, give: (_: HttpRequest, found: Answer) => void give(found) };
    void give(handle({ ...fields, name, peer: { later } }));
    return promise;
  }

  test("gets them without a promise, at once or at the end of the turn", async () => {
    for (const size of [limits.crowd - 1, limits.crowd]) {
      const handle = createCrowd<One>({ size }, ({ name }) => new Response(name));
      expect(await asked("a", handle)).toBe("a");
    }
  });

  test("also where somebody waits for more, once or twice", async () => {
    const work = async (one: One) => {
      await undefined;
      fulfil(one, new Response("own"));
    };
    const handle = createCrowd<One>({ size: limits.crowd }, (one) => {
      void work(one);
      return promiseOf(one);
    });
    expect(await asked("a", handle)).toBe("own");
    const late = createCrowd<One>({ size: limits.crowd }, async (one) => {
      await undefined;
      void work(one);
      return promiseOf(one);
    });
    expect(await asked("a", late)).toBe("own");
  });
});
