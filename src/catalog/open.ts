/** The live catalog: keeps the lists of all servers, what is made of them, and each key's view. */

import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Sealer } from "../base/seal.ts";
import type { Policy, Subject } from "../policy/model.ts";
import { type ListMethod, listMethods, listShapes } from "../protocol/lists.ts";
import type { Era } from "../protocol/message.ts";
import type { ServerHello } from "../upstream/upstream.ts";
import { noItems } from "./build.ts";
import type { Catalog, Item, Tool } from "./catalog.ts";
import { type Carried, declares, describe, type Family, type HelloOf } from "./hello.ts";
import { type ListOptions, type Lists, openLists } from "./lists.ts";
import { resolveResource } from "./resources.ts";
import { openViews, targetOf, type Views } from "./views.ts";
import { isOff } from "./watch.ts";

export interface CatalogOptions extends ListOptions {
  /** The policy in force now. */
  policy(): Policy;
  /** What the call path answers. */
  readonly carried: Carried;
  readonly sealer: Sealer;
}

export function openCatalog(options: CatalogOptions): Catalog {
  const lists = openLists(options);
  const views = openViews(options, lists);
  const self = selfOf(options, lists, views);
  const tools = () => lists.built("tools/list").items;
  return {
    // Nothing but tools is made of tools/list.
    tool: (exposed) => tools().get(exposed) as Tool | undefined,
    prompt: (exposed) => lists.built("prompts/list").items.get(exposed),
    resource: resources(options, lists),
    candidates: views.candidates,
    async page(method, subject, era, cursor) {
      await lists.starting(method);
      if (self.offers(method, era)) return views.page(method, subject, era, cursor);
      const message = `The method "${method}" is not offered`;
      throw fault("GW_METHOD", { message, cause: "no server has such a list" });
    },
    async visibleHash(method, subject) {
      await lists.starting(method);
      return views.seen(method, subject).hash;
    },
    meet(client) {
      for (const { upstream } of options.servers) upstream.meet?.(client);
    },
    hello: self.hello,
    starting: (method = "tools/list") => lists.starting(method),
    onChange: lists.onChange,
    all: () => [...tools().values()] as readonly Item[] as readonly Tool[],
    listed: (method) => [...lists.built(method).items.values()],
    count: (method, server) => lists.built(method).counts.get(server) ?? noItems,
    target: targetOf,
    quarantined: () => listMethods.flatMap((method) => lists.built(method).quarantined),
    guess(exposed, kind = "tool") {
      const method = listOf[kind];
      const left = lists.left(method, exposed);
      const owner = options.servers.find(({ upstream: { id } }) =>
        left === undefined
          ? kind !== "resource" && exposed.startsWith(`${id}__`)
          : id === left.server,
      );
      if (owner === undefined) return undefined;
      const { id } = owner.upstream;
      const unlisted = lists.whyUnlisted(method, owner.upstream);
      return { server: id, tool: left?.name ?? exposed.slice(id.length + 2), unlisted };
    },
    listFault: lists.fault,
    listAge: lists.age,
    hidden(server) {
      const all = listMethods.flatMap((method) => lists.built(method).hidden);
      const its = all.filter((item) => item.server === server);
      const items = its.slice(0, limits.hiddenShown).map(({ target }) => target);
      return { characters: its.reduce((sum, { hidden }) => sum + hidden, 0), items };
    },
    policyChanged() {
      views.forget();
      lists.announce(listMethods);
    },
    refit: lists.refit,
    hold: lists.hold,
    stop: lists.stop,
  };
}

const listOf = {
  tool: "tools/list",
  prompt: "prompts/list",
  resource: "resources/list",
} as const satisfies Record<Item["kind"], ListMethod>;

function resources(options: CatalogOptions, lists: Lists): Catalog["resource"] {
  const found = new Map<string, Item | undefined>();
  lists.onRebuilt(() => found.clear());
  return (uri) => {
    // Listed ones need no memory of theirs.
    const listed = lists.built("resources/list").items;
    if (listed.has(uri)) return listed.get(uri);
    if (found.has(uri)) return found.get(uri);
    const owners = options.servers.filter(({ upstream }) => !isOff(upstream.status().state));
    const item = resolveResource(uri, {
      listed,
      templates: lists.built("resources/templates/list").items,
      owners: owners.filter(({ upstream }) => hasResources(lists.hello(upstream))),
    });
    // A server may still come that has it.
    if (item === undefined) return undefined;
    if (found.size >= limits.resolvedUris) found.clear();
    found.set(uri, item);
    return item;
  };
}

/** What is said of the gateway, and what therefore is answered. */
function selfOf(options: CatalogOptions, lists: Lists, views: Views) {
  const told = new Set<Family>();
  const enabled = () =>
    options.servers.map(({ upstream }) => upstream).filter((one) => !isOff(one.status().state));
  const describeAll = (subject: Subject, era: Era) => {
    const all = enabled().map(
      (upstream): HelloOf => ({
        server: upstream.id,
        hello: lists.hello(upstream),
        seen: views.sees(subject, upstream.id),
      }),
    );
    return describe(all, options.carried, era);
  };
  return {
    offers(method: ListMethod, era: Era): boolean {
      const { capability } = listShapes[method];
      // Who was told of it when its session began may ask for it to the session's end.
      if (era === "legacy" && told.has(capability)) return true;
      const hellos = enabled().map((upstream) => ({ hello: lists.hello(upstream) }));
      return declares(capability, hellos, options.carried);
    },
    async hello(subject: Subject, era: Era) {
      await Promise.all(listMethods.map((method) => lists.starting(method)));
      const description = describeAll(subject, era);
      for (const { capability } of Object.values(listShapes)) {
        if (description.capabilities[capability] !== undefined) told.add(capability);
      }
      return description;
    },
  };
}

function hasResources(hello: ServerHello | undefined): boolean {
  return hello?.capabilities["resources"] !== undefined;
}
