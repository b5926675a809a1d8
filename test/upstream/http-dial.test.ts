import { expect, test } from "bun:test";
import type { Connection, DialOptions, Runtime } from "../../src/runtime/runtime.ts";
import { createDialler } from "../../src/upstream/http-dial.ts";

const on: DialOptions["on"] = {
  data: () => undefined,
  drain: () => undefined,
  close: () => undefined,
};

function world(addresses: () => Promise<readonly string[]>, dial: Runtime["dial"]) {
  const runtime = { dial } as Runtime;
  return createDialler({ runtime, port: 80, tls: undefined, addresses });
}

const refused: Runtime["dial"] = async ({ host }) => {
  throw new Error(`${host} refused`);
};

test("the first address that takes a connection, or what the last one said", async () => {
  const tried: string[] = [];
  const two = async () => ["10.0.0.1", "10.0.0.2"];
  const connection = {} as Connection;
  const second = world(two, async (options) => {
    tried.push(options.host);
    return options.host === "10.0.0.2" ? connection : refused(options);
  });
  expect(await second.dial(on)).toBe(connection);
  expect(tried).toEqual(["10.0.0.1", "10.0.0.2"]);
  await expect(world(two, refused).dial(on)).rejects.toThrow("10.0.0.2 refused");
});

test("L10 a stop waits for no name and no connection", async () => {
  const never = () => new Promise<never>(() => undefined);
  const named = world(never, refused);
  const waits = named.dial(on);
  named.end();
  await expect(waits).rejects.toThrow("the gateway is stopping");
  let open: (connection: Connection) => void = () => undefined;
  let destroyed = 0;
  const opening = world(
    async () => ["10.0.0.1"],
    () =>
      new Promise((resolve) => {
        open = resolve;
      }),
  );
  const late = opening.dial(on);
  await expect(named.dial(on)).rejects.toThrow("the gateway is stopping");
  await Bun.sleep(1);
  opening.end();
  await expect(late).rejects.toThrow("the gateway is stopping");
  open({ destroy: () => (destroyed += 1) } as unknown as Connection);
  await Bun.sleep(1);
  expect(destroyed).toBe(1);
});
