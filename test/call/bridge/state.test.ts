/** F23: requestState opens for the request it was made for, and for no other. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { someone } from "../../kit/scripted.ts";
import { again, asked, cell } from "./kit.ts";

const result = (state: string) =>
  `{"resultType":"input_required","requestState":${JSON.stringify(state)}}`;

test("any state of a server goes round, and any change of the sealed one is refused", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: "grapheme" }),
      fc.nat(),
      fc.integer({ min: 1, max: 63 }),
      async (state, at, by) => {
        const world = await cell("modern", "modern");
        const made = await world.call();
        world.last().result(result(state));
        await new Promise(setImmediate);
        const sealed = asked(made).state;
        await world.call({ params: again(sealed, {}) });
        expect(JSON.parse(world.last().params).requestState).toBe(state);
        const sent = world.server.sent.length;
        const refused = await world.call({ params: again(changed(sealed, at, by), {}) });
        expect(refused.error()).toMatchObject({ data: { code: "GW_REQUEST_STATE" } });
        const stranger = { ...someone, keyId: "k2" };
        const his = await world.call({ params: again(sealed, {}), identity: stranger });
        expect(his.error()).toMatchObject({ data: { code: "GW_REQUEST_STATE" } });
        expect(world.server.sent).toHaveLength(sent);
      },
    ),
    { numRuns: 50 },
  );
});

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Another character of base64url somewhere. */
function changed(text: string, at: number, by: number): string {
  const place = at % text.length;
  const was = alphabet.indexOf(text[place] ?? "");
  return text.slice(0, place) + alphabet[(was + by) % 64] + text.slice(place + 1);
}
