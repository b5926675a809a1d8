import { expect, test } from "bun:test";
import { fault } from "../../src/base/errors.ts";
import { closeAll } from "../../src/gateway/close-all.ts";

const late = (pending: boolean) =>
  fault("GW_AUDIT_UNAVAILABLE", { message: "late", data: { pending } });

test.each([
  ["well", undefined, ""],
  ["failed", late(false), ""],
  ["still writes", late(true), "pending"],
])(
  "A6 a part that %s: those that close after it know whether data_dir may go",
  async (_, fails, told) => {
    const seen: string[] = [];
    const close = closeAll(
      [
        (pending) => void seen.push(`owner ${pending === true ? "pending" : ""}`.trim()),
        () => void seen.push("store"),
        () => {
          seen.push("audit");
          if (fails !== undefined) throw fails;
        },
        (pending) => void seen.push(`front ${pending}`),
      ],
      { error: () => {} },
    );
    expect(
      await close.then(
        () => undefined,
        (thrown: unknown) => thrown,
      ),
    ).toBe(fails);
    expect(seen).toEqual(["front false", "audit", "store", `owner ${told}`.trim()]);
  },
);
