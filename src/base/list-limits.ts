/** The limits of lists and of what is in them: part of limits.ts, where all are read. */
export const listLimits = {
  /** Items of one server in each list, bytes of one item, pages of one list; R11. */
  toolsPerServer: 2_000,
  promptsPerServer: 2_000,
  /** A server of files lists each of them; looking at more takes a key's first list over 100 ms. */
  resourcesPerServer: 5_000,
  /** A URI that nobody lists is tried on each of them. */
  templatesPerServer: 100,
  itemBytes: 64 * 1024,
  listPages: 100,
  /**
   * All pages of one list together, and what an item costs beside its text: each is kept in memory
   * as it came and as it was read. A hundred pages may have limits.result each; R11.
   */
  listBytes: 32 * 1024 * 1024,
  listItemCost: 128,
  /**
   * A tool's schema: nesting (two levels of JSON are one of schemas), subschemas, and how many of
   * them a validator may enter for one value; U22.
   */
  schemaDepth: 64,
  subschemas: 500,
  schemaSteps: 10_000,
  /** A tool's name, MCP 2025-11-25 and later; a prompt's too. */
  toolNameBytes: 128,
  /** Characters of a name as agents see it: several refuse longer ones. */
  exposedNameChars: 64,
  /** Bytes of a resource's URI or template: what servers, proxies and logs take without trouble. */
  uriBytes: 4 * 1024,
  /** Expressions of a template by which URIs are routed: trying one costs this times the URI. */
  templateExpressions: 10,
  /** URIs that no list names and whose server is remembered. */
  resolvedUris: 1_000,
  /** Items of one page of a list: more of it than a model reads, and soon written (R11). */
  listPage: 500,
  /** Items of one list of one server that are shown as held back; of more only how many. */
  heldBackShown: 100,
  /** Items of one server that are named for the hidden characters in them. */
  hiddenShown: 5,
  /** A list that changes all the time is read this often within that time; R12. */
  relists: 10,
  relistWindowMs: 10_000,
  /**
   * Default freshness and max_stale of a server's lists. Most servers tell of changes, so the timer
   * is only for those that do not; a server that is away for a night is back in the morning.
   */
  freshnessMs: 5 * 60_000,
  maxStaleMs: 24 * 60 * 60_000,
  /** A server that gives its lists a shorter life than this (`ttlMs`) is not asked more often. */
  freshnessLeastMs: 5_000,
  /** A list that failed, or is empty for once: first and last wait; share of it that is random. */
  relistFirstMs: 1_000,
  relistLastMs: 60_000,
  relistJitter: 0.2,
  /** A list of a server that is kept in data_dir: larger ones are fetched anew at each start. */
  keptListBytes: 16 * 1024 * 1024,
  /** Written again after this long where it is still the same: then only its time is new. */
  keptListMs: 60_000,
  /** Default start_wait: by then servers in their first start are not waited for any more. */
  startWaitMs: 2_000,
  /** Changes of a list within this time are told once; R12. */
  listChangedMs: 250,
  /** Characters of one server's instructions, and of all: they stand in the model's context. */
  serverInstructionChars: 4_000,
  /** Characters of the extensions of one server that are declared as ours. */
  serverCapabilityChars: 16_000,
  instructionChars: 16_000,
} as const;
