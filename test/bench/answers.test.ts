/** The load generator's reader knows an answer's end however it is cut into packets. */

import { expect, test } from "bun:test";
import { type Answer, answerReader } from "./answers.ts";

const body = `{"jsonrpc":"2.0","id":10000001,"result":{"text":"${"x".repeat(600)}"}}`;
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const parts = [body.slice(0, 99), body.slice(99), ""];
const answers: Readonly<Record<string, string>> = {
  "with a length": `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  "in chunks": `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${parts.map(chunk).join("")}`,
};

for (const [name, text] of Object.entries(answers)) {
  for (const size of [1, 2, 3, 4, 5, 7, 64, text.length]) {
    test(`an answer ${name}, ${size} bytes a packet`, () => {
      const seen: Answer[] = [];
      const read = answerReader((answer) => seen.push(answer));
      const bytes = Buffer.from(text.repeat(2), "latin1");
      for (let at = 0; at < text.length * 2; ) {
        // No packet holds bytes of two answers: the next request waits for this answer.
        const end = Math.min(at + size, at < text.length ? text.length : bytes.length);
        read(bytes.subarray(at, end));
        at = end;
      }
      const [start, end] = [body.slice(0, 500), body.slice(-300)];
      expect(seen).toEqual(Array(2).fill({ status: 200, bodyBytes: body.length, start, end }));
    });
  }
}
