/**
 * What the store makes of Postgres' answers, as a program that build.ts compiles: URL and ADMIN_URL
 * of an empty database in, JSON out. A build that renames classes once made outages of them.
 */

import process from "node:process";
import postgres from "postgres";
import { GatewayError } from "../../src/base/errors.ts";
import { intentBody } from "../../src/receipt/encode.ts";
import { postgresStore } from "../../src/store/postgres.ts";
import { noLookup } from "../kit/no-lookup.ts";
import { buildChain, callChain, intentFields } from "../kit/records.ts";

const key = {
  ...{ id: "k-1", name: "one", roles: ["executor"], tokenHash: "00" },
  ...{ createdMs: 1, expiresMs: null, revokedMs: null },
};

export async function storeAnswers(url: string, adminUrl: string) {
  const owner = postgresStore({ url: adminUrl, pool: 2, queryMs: 5000, lookup: noLookup });
  const role = postgresStore({ url, pool: 2, queryMs: 5000, lookup: noLookup });
  const wrong = new URL(url);
  wrong.password = "wrong";
  const stranger = postgresStore({ url: wrong.href, pool: 1, queryMs: 5000, lookup: noLookup });
  const { chain, records } = callChain(2);
  const raced = callChain(1).records;
  const forged = buildChain(chain);
  forged.add("intent", intentBody(intentFields({ tool: "another" }), 1));
  try {
    return {
      "no tables": await told(owner.ship(records)),
      migrated: await told(owner.migrate()),
      shipped: await told(owner.ship(records)),
      "shipped again": await told(owner.ship(records)),
      "two at once": await told(Promise.all([owner.ship(raced), owner.ship(raced)])),
      forged: await told(owner.ship(forged.records)),
      key: await told(owner.addKey(key)),
      "name taken": await told(owner.addKey({ ...key, id: "k-2", tokenHash: "01" })),
      "key of nobody": await told(owner.replaceKey({ ...key, id: "k-3" }, "k-9", 5)),
      "no grant": await told(role.ship(records)),
      password: await told(stranger.ping()),
      "then still": await told(owner.ping()),
      "class of the package": postgres.PostgresError.name,
    };
  } finally {
    for (const store of [owner, role, stranger]) await store.close();
  }
}

async function told(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "ok";
  } catch (thrown) {
    if (thrown instanceof GatewayError) return `${thrown.code} ${thrown.why} ${thrown.fix}`;
    return thrown instanceof Error ? `${thrown.name} ${thrown.message}` : String(thrown);
  }
}

const { URL: url, ADMIN_URL: adminUrl } = process.env;
if (import.meta.main && url !== undefined && adminUrl !== undefined) {
  process.stdout.write(JSON.stringify(await storeAnswers(url, adminUrl)));
}
