/** Large answers leave from a copy: the memory they came in is given back before they are sent. */

import { expect, test } from "bun:test";
import { jsonPieces } from "../../src/front/answers.ts";

for (const size of [10, 64 * 1024, 64 * 1024 + 1, 1_000_000]) {
  test(`what becomes of the bytes of an answer of ${size} does not reach the client`, async () => {
    const bytes = new Uint8Array(size).fill(0x61);
    const response = jsonPieces(200, ['{"result":"', bytes, '"}']);
    bytes.fill(0x62);
    bytes.buffer.transfer(0);
    expect(bytes.length).toBe(0);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.text()).toBe(`{"result":"${"a".repeat(size)}"}`);
  });
}
