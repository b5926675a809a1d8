import { expect, test } from "bun:test";
import { withoutSecrets } from "../../src/upstream/own-secrets.ts";

test("T10 U25 what an HTTP server repeats of the key it was given is hidden", () => {
  const hide = withoutSecrets({
    kind: "http",
    url: "https://host/mcp?token=planted-1&page=visible-1",
    headers: {
      Authorization: "Bearer planted-2",
      "X-Api-Key": "planted-22",
      "X-Team": "visible-2",
    },
    ca: undefined,
    allowLinkLocal: false,
    sse: false,
  });
  expect(hide("no key planted-2 or planted-22, ?token=planted-1 of visible-1, visible-2")).toBe(
    "no key [hidden] or [hidden], ?token=[hidden] of visible-1, visible-2",
  );
  expect(hide("sent Bearer planted-2")).toBe("sent [hidden]");
});
