import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { documents } from "../kit/docs.ts";

// Forgotten? `npx bun test/kit/docs.ts` writes them.
for (const { path, text } of documents) {
  test(`${path} is what the code says`, () => {
    expect(readFileSync(join(import.meta.dirname, "../..", path), "utf8")).toBe(text());
  });
}
