/** What each key sees, prepared when it first asks; kept until the list or the policy changes. */

import type { Sealer } from "../base/seal.ts";
import type { Candidates, Policy, Subject, Target } from "../policy/model.ts";
import { type ListMethod, listMethods } from "../protocol/lists.ts";
import type { Era } from "../protocol/message.ts";
import type { Built } from "./build.ts";
import type { Item } from "./catalog.ts";
import type { Listed } from "./item.ts";
import type { Lists } from "./lists.ts";
import { type KeyList, type PageTexts, pageOf, type Seen, seenOf } from "./view.ts";

export interface Views {
  candidates(subject: Subject, item: Item): Candidates;
  seen(method: ListMethod, subject: Subject): Seen;
  page(method: ListMethod, subject: Subject, era: Era, cursor: string | undefined): string;
  /** Whether this key sees anything of the server. */
  sees(subject: Subject, server: string): boolean;
  /** The policy changed. */
  forget(): void;
}

export interface ViewOptions {
  policy(): Policy;
  readonly sealer: Sealer;
}

interface View {
  readonly candidates: WeakMap<Item, Candidates>;
  readonly lists: Map<ListMethod, Made<KeyList>>;
}

/** Good as long as `of` is what there is. */
interface Made<T> {
  readonly of: Built;
  readonly what: T;
}

export function openViews(options: ViewOptions, lists: Lists): Views {
  let views = new WeakMap<Subject, View>();
  const texts = new Map<ListMethod, PageTexts>();
  /** Where rules are the same for every key. */
  const common = new Map<ListMethod, Made<Seen>>();
  lists.onRebuilt((method) => texts.delete(method));

  const viewOf = (subject: Subject): View => {
    let view = views.get(subject);
    if (view === undefined) {
      view = { candidates: new WeakMap(), lists: new Map() };
      views.set(subject, view);
    }
    return view;
  };
  const candidates = (subject: Subject, item: Item): Candidates => {
    const prepared = viewOf(subject).candidates;
    let found = prepared.get(item);
    if (found === undefined) {
      found = options.policy().candidates(subject, targetOf(item));
      prepared.set(item, found);
    }
    return found;
  };
  const look = (built: Built, subject: Subject): Seen => {
    const policy = options.policy();
    // Rules are prepared for what is called; of a list of thousands only few items ever are.
    const shown = [...built.items.values()].filter(
      (item) => policy.candidates(subject, targetOf(item)).visibility !== "deny",
    );
    return seenOf(shown);
  };
  const seenNow = (method: ListMethod, subject: Subject, built: Built): Seen => {
    if (options.policy().dependsOnKey) return look(built, subject);
    const before = common.get(method);
    if (before?.of === built) return before.what;
    const what = look(built, subject);
    common.set(method, { of: built, what });
    return what;
  };
  const list = (method: ListMethod, subject: Subject): KeyList => {
    const view = viewOf(subject);
    const built = lists.built(method);
    const before = view.lists.get(method);
    if (before?.of === built) return before.what;
    const what = { seen: seenNow(method, subject, built), cursors: new Map() };
    view.lists.set(method, { of: built, what });
    return what;
  };

  return {
    candidates,
    seen: (method, subject) => list(method, subject).seen,
    page(method, subject, era, cursor) {
      let shared = texts.get(method);
      if (shared === undefined) {
        shared = new Map();
        texts.set(method, shared);
      }
      const { ttlMs, cacheScope } = lists.hints(method);
      // What one key may see must not be shown to another that shares its cache (F16).
      const own = options.policy().dependsOnKey;
      const hints = { ttlMs, cacheScope: own ? "private" : cacheScope } as const;
      const request = { method, keyId: subject.keyId, era, cursor, hints };
      return pageOf(list(method, subject), request, shared, options.sealer);
    },
    sees: (subject, server) =>
      listMethods.some((method) =>
        list(method, subject).seen.items.some((item) => item.server === server),
      ),
    forget() {
      views = new WeakMap();
      texts.clear();
      common.clear();
    },
  };
}

export function targetOf(item: Item | Listed): Target {
  const { kind, target, declared } = item;
  const template = "template" in item ? item.template : undefined;
  return { kind, name: target, declared, ...(template && { template }) };
}
