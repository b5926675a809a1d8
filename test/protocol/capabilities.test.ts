import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/base/json.ts";
import { readCapabilities } from "../../src/protocol/capabilities.ts";

interface Case {
  readonly raw: JsonObject;
  readonly legacy: string;
  readonly form?: boolean;
  readonly url?: boolean;
  readonly sampling?: boolean;
  readonly roots?: boolean;
}

const cases: readonly Case[] = [
  { raw: {}, legacy: "{}" },
  { raw: { elicitation: {} }, legacy: '{"elicitation":{"form":{}}}', form: true },
  { raw: { elicitation: { url: {} } }, legacy: '{"elicitation":{"url":{}}}', url: true },
  {
    raw: { elicitation: { url: {}, form: {} } },
    legacy: '{"elicitation":{"form":{},"url":{}}}',
    form: true,
    url: true,
  },
  {
    raw: { sampling: { tools: {}, odd: {} }, roots: { listChanged: true } },
    legacy: '{"sampling":{"tools":{}},"roots":{"listChanged":false}}',
    sampling: true,
    roots: true,
  },
  {
    raw: { roots: {}, sampling: {} },
    legacy: '{"sampling":{},"roots":{"listChanged":false}}',
    sampling: true,
    roots: true,
  },
  { raw: { extensions: { "x/y": {} }, elicitation: true }, legacy: "{}" },
];

describe("what a client can be asked", () => {
  for (const { raw, legacy, form, url, sampling, roots } of cases) {
    test(JSON.stringify(raw), () => {
      const read = readCapabilities(raw);
      expect(read.text).toBe(JSON.stringify(raw));
      expect(read.legacyText).toBe(legacy);
      expect(read.asks).toBe(legacy !== "{}");
      expect(read.allows("elicitation/create", {})).toBe(form ?? false);
      expect(read.allows("elicitation/create", { mode: "form" })).toBe(form ?? false);
      expect(read.allows("elicitation/create", { mode: "url" })).toBe(url ?? false);
      expect(read.allows("sampling/createMessage", {})).toBe(sampling ?? false);
      expect(read.allows("roots/list", {})).toBe(roots ?? false);
      expect(read.allows("tasks/get", {})).toBe(false);
    });
  }
});
