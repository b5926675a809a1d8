import { expect, test } from "bun:test";
import { createIdle } from "../../src/gateway/idle.ts";
import { setClock, settle } from "../kit/scripted.ts";

const peer = { address: () => "unix", keepOpen() {}, limitIdle() {} };

test("a gateway ends after its idle time, and not before: requests and open work keep it", async () => {
  const clock = setClock();
  const idle = createIdle(clock, 1_000);
  const handle = idle.noted(() => new Response("ok"));
  let [busy, over] = [false, false];
  void idle.wait(() => busy).then(() => (over = true));

  await clock.advance(900);
  await handle(new Request("http://localhost/mcp"), peer);
  await clock.advance(900);
  expect(over).toBe(false);
  busy = true;
  await clock.advance(10_000);
  expect(over).toBe(false);
  busy = false;
  await clock.advance(1_300);
  await settle();
  expect(over).toBe(true);
});
