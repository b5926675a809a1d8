import { healLimits } from "./heal-limits.ts";
import { httpLimits } from "./http-limits.ts";
import { listLimits } from "./list-limits.ts";
import { memoryLimits } from "./memory-limits.ts";
import { recordLimits } from "./record-limits.ts";
import { shownLimits } from "./shown-limits.ts";

/**
 * Every limit on what comes from outside: the unit is in the name, the reason beside it. Sizes that
 * only make code fast, and what a screen shows at once, stand with their code.
 */
export const limits = {
  ...healLimits,
  ...httpLimits,
  ...shownLimits,
  /** A request body. Config: limits.body. Tool arguments are rarely over 100 kB; R1. */
  bodyBytes: 4 * 1024 * 1024,
  /** All of a request body, from its headers to its last byte: a drip resets idle limits; R5. */
  bodyMs: 30_000,
  /** One JSON-RPC answer of a server. Config: limits.result. U21. */
  resultBytes: 16 * 1024 * 1024,
  /** Nesting of a request. Config: limits.json_depth. Recursive walkers die far later; R2. */
  jsonDepth: 64,
  /** Values in a request. Config: limits.json_values. A million keys stall the loop; R3. */
  jsonValues: 20_000,
  /** One object key, R4. */
  jsonKeyBytes: 256,
  /** Nesting and values of one answer of a server; a million keys stall the loop, U21. */
  resultDepth: 512,
  resultValues: 500_000,
  /** A request id, F22. */
  idBytes: 256,
  /** An Authorization header; ours are under 60 bytes, F7. */
  authorizationBytes: 512,
  /** Distinct Authorization headers whose answer is remembered; emptied at every key change. */
  authCacheEntries: 4096,
  /** Legacy sessions of one key, R6. */
  sessionsPerKey: 1024,
  /** Open GET and listen streams of one key, R6. */
  streamsPerKey: 64,
  /** A legacy session, from initialize on: its id is sealed with that time in it. */
  sessionLifeMs: 24 * 60 * 60 * 1000,
  /** A session id; and the capabilities that travel in it, longer ones are in the store. */
  sessionIdBytes: 8 * 1024,
  sessionSealedBytes: 2 * 1024,
  /** A session of before the start waits this long for what the store knows of it. */
  sessionReadMs: 2_000,
  /** Sessions that are taken up at one time. */
  sessionsTakenUp: 10_000,
  /** Ended sessions that are known without asking the store. */
  sessionsEnded: 4096,
  /** Changes of sessions that wait for the store, and of how many sessions one key in an hour. */
  sessionChanges: 10_000,
  sessionRowsPerKey: 4096,
  /** Changes are collected for this long before they are written. */
  sessionWriteMs: 50,
  /** How often rows of sessions whose time is over are dropped. */
  sessionForgetMs: 10 * 60_000,
  /** A full key's longest unused session makes room for a new one when it is at least this old. */
  sessionKeepMs: 60_000,
  /** Capabilities that a legacy client declares; kept as long as its session, R6. */
  sessionCapabilityBytes: 16 * 1024,
  /** GET streams of one session: one, and a few that died unnoticed. */
  streamsPerSession: 4,
  /** Questions of servers that one session has not answered yet, and late answers known as such. */
  questionsPerSession: 32,
  questionsClosed: 64,
  /** Resources that one session is told of, and one subscriptions/listen. */
  watchedPerSession: 256,
  watchedChars: 64 * 1024,
  /**
   * Events kept for clients that lost their stream: of one session, one key, and in all, R6; and
   * for how long. An answer that is larger is lost with its connection.
   */
  eventsPerSession: 1024,
  eventBytesPerSession: 4 * 1024 * 1024,
  eventBytesPerKey: 16 * 1024 * 1024,
  eventBytes: 64 * 1024 * 1024,
  eventKeepMs: 5 * 60_000,
  /** Last-Event-ID: ours carry the id of a request in base64. */
  eventIdBytes: 512,
  /** When a client whose stream broke comes back (`retry:`). */
  sseRetryMs: 1_000,
  /** Messages of one batch (2025-03-26). */
  batchMessages: 20,
  /**
   * HTTP+SSE streams of one key, and what one may owe when an answer is added: nothing there is
   * read in slices, R7.
   */
  oldStreamsPerKey: 16,
  oldAnswerBytes: 4 * 1024 * 1024,
  /** A call whose client could come back for its answer becomes a stream after this long. */
  resumableAfterMs: 2_000,
  /** A client's own name or version; longer ones are not kept. */
  clientNameLength: 256,
  /** Between two looks at what waits: heartbeats, slow answers, idle sessions. */
  frontTickMs: 1_000,
  /** Bytes a client's stream may owe before it is dropped, R7. */
  streamBacklogBytes: 1024 * 1024,
  /** Answers above this size are counted until their client has read them; R7. */
  unreadFromBytes: 64 * 1024,
  /** Bytes of them for one key and in all, before further ones are dropped; R7. */
  unreadBytesPerKey: 64 * 1024 * 1024,
  unreadBytes: 256 * 1024 * 1024,
  /**
   * unreadBytesPerKey holds for this long where nobody can tell what was read; by then a connection
   * that is stuck was cut for being idle, R7.
   */
  queuedWindowMs: 30_000,
  /** An answer of which nothing was read for this long is ended, R7. */
  unreadMs: 60_000,
  /** What is given to a socket at once of a large answer; smaller ones cost time. */
  answerSliceBytes: 1024 * 1024,
  /** Silence on a client's stream before a comment keeps proxies from cutting it. */
  heartbeatMs: 15_000,
  /** A call that runs longer than this is answered as an event stream, with heartbeats. */
  answerAsStreamAfterMs: 10_000,
  /** Requests that wait while the gateway opens its store; more are sent away. */
  startWaiting: 1024,
  /** Idle HTTP connections are cut after this many seconds; R5. */
  httpIdleSeconds: 30,
  /** Calls in flight at one server. Config: servers.NAME.max_in_flight; R14. */
  inFlightPerServer: 256,
  /**
   * Calls that wait for their turn there: as many again, so that a burst is no failure, and few
   * enough that each is soon its turn. Config: servers.NAME.max_queued. And bytes of them; U14.
   */
  queuedPerServer: 256,
  queuedBytesPerServer: 16 * 1024 * 1024,
  /**
   * Calls of one key at one time, R14. Config: limits.calls_per_key. Generous, as fleets of agents
   * share a key; one key still cannot fill the memory with calls.
   */
  callsPerKey: 1_024,
  /** Calls of one tick whose time is over: so many are told at once, others have turns between. */
  expiredAtOnce: 4,
  /** Default timeout.idle. */
  idleTimeoutMs: 60_000,
  /** Default timeout.max: MCP asks for a maximum whatever the progress says. */
  maxTimeoutMs: 10 * 60_000,
  /**
   * Processes or sessions of one legacy server: with `instance: shared` one for each set of client
   * capabilities, else one for each key or session too; how long a call waits for its start, and
   * when an unused one is closed.
   */
  instancesShared: 4,
  instancesOfKeys: 64,
  instanceStartMs: 30_000,
  instanceIdleMs: 30 * 60_000,
  instanceSweepMs: 20_000,
  /**
   * Progress and log messages that a server sends about one call: what is over is dropped, U18. Of
   * those the last progress is told after so long a silence, where it is no larger.
   */
  notesPerSecond: 100,
  lateNoteMs: 100,
  /**
   * notesPerSecond holds for what it tells beside its calls too. Of lists and resources that it
   * says have changed, what was dropped is told once after so long (R12).
   */
  coalesceMs: 1_000,
  /** doctor tells of what was dropped for so long. */
  floodShownMs: 10 * 60_000,
  /** Requests of one server: each of its calls may well ask something at once. */
  requestsPerSecond: 512,
  /** Its notices and answers that the gateway sends on, and it has not taken: more are dropped. */
  tellsAtOnce: 512,
  cancelsAtOnce: 64,
  noteBytes: 4 * 1024,
  /**
   * Who sends too many is not read for so long, and then so much at once: the pipe holds it up, and
   * others, who need the loop several times for one call, have their turns.
   */
  crowdedRestMs: 5,
  crowdedBytes: 64 * 1024,
  /** The same for a stream that answers nothing; what is dropped of it counts as so many bytes. */
  streamRestMs: 50,
  streamDropBytes: 8 * 1024,
  /** A broken stream of a call is read on after this long (or `retry:`), and so often in vain. */
  resumeMs: 1_000,
  resumeTries: 5,
  /** Questions of a server to one call's client that wait at once, R6. */
  questionsPerCall: 16,
  /** Rounds of questions in one call, as the SDKs have it, and how long one answer may take. */
  askRounds: 8,
  clientAnswerMs: 10 * 60_000,
  /** Questions that one receipt names. */
  askedPerReceipt: 64,
  /** Calls of one key that wait for its next request, R6: each holds a request at its server. */
  parksPerKey: 64,
  /** Tasks of one key that tasks/list tells of; older ones are still good by their id. */
  tasksPerKey: 256,
  /** How long a modern server's own state is good for a retry: the gateway keeps nothing for it. */
  requestStateMs: 60 * 60_000,
  /**
   * Calls taken back that their server has not answered: so many are remembered, and for so long
   * they may still log; what runs longer than the default timeout.max is not waited for.
   */
  ghostCalls: 1_024,
  ghostMs: 10 * 60_000,
  /** One connect to a server. */
  connectMs: 5_000,
  /**
   * Addresses of one name, less than `queryMs`, so that a database says what it lacks; where it has
   * known ones, and how old these may be; names kept.
   */
  lookupMs: 4_500,
  lookupSoonMs: 500,
  lookupStaleMs: 30 * 60_000,
  lookupNames: 256,
  /** A changed server: how long the old one stands in, its calls last, how many, how often seen. */
  handoverMs: 60_000,
  serverDrainMs: 60 * 60_000,
  drainingPerServer: 8,
  drainLookMs: 100,
  /** initialize, discover or one page of a list. */
  handshakeMs: 15_000,
  /** A child's handshake: npx may have to fetch the server first. */
  childHandshakeMs: 60_000,
  /** A child that has not answered server/discover for this long is asked the older way too. */
  childProbeMs: 3_000,
  /** A server found to be of the older kind is asked again after this long: it may be upgraded. */
  eraVerdictMs: 60 * 60 * 1000,
  /** One line of a child's stdout, U13; at least what limits.result allows and so much more. */
  childLineBytes: 20 * 1024 * 1024,
  childLineMoreBytes: 4 * 1024 * 1024,
  /** Lines of it in a row that are no messages: it is no MCP server, U16. */
  childStrayLines: 10_000,
  /** Bytes waiting for a child that does not read, U14. */
  childBacklogBytes: 32 * 1024 * 1024,
  /** Lines of a child's stderr that are kept. */
  childStderrLines: 50,
  /** One line of it. */
  childStderrBytes: 8 * 1024,
  /** Time from closing stdin to TERM, and from TERM to KILL. */
  childStopMs: 2_000,
  /** Processes that a child left behind: between two looks, and how long KILL is repeated, U11. */
  strayLookMs: 50,
  strayKillMs: 1_500,
  /** Between two looks for dead processes that fell to us as the first process of a container. */
  reapMs: 2_000,
  /** A guard that was ended is started again after this long, U12. */
  guardAgainMs: 1_000,
  /** One answer of the guard: a mark and process ids. */
  guardLineBytes: 1024 * 1024,
  /** Header block of a server's HTTP answer. */
  upstreamHeaderBytes: 64 * 1024,
  /** What is read of an HTTP answer that refuses. */
  upstreamRefusalBytes: 8 * 1024,
  /**
   * Idle connections kept per server, as many as calls in flight or bursts would reconnect; and how
   * long: servers commonly close at 5 s.
   */
  upstreamIdleConnections: 256,
  upstreamIdleMs: 4_000,
  ...listLimits,
  /** One answer or event that a stdio client is given; a result with its envelope fits. */
  stdioAnswerBytes: 72 * 1024 * 1024,
  /** A line that a stdio client sends; the gateway itself refuses what is over limits.body. */
  stdioLineBytes: 64 * 1024 * 1024,
  /** A stdio client's standing stream ended: when it is opened again. */
  stdioReopenMs: 1_000,
  /** How often a stdio client says that it is there, and how long its goodbye may take. */
  stdioBeatMs: 15_000,
  stdioGoodbyeMs: 1_000,
  /** How long what came before the end of stdin may still be answered, when a file is piped in. */
  stdioLingerMs: 2_000,
  /** Messages that wait for the answer to `initialize`; more are sent without it. */
  stdioHeldMessages: 256,
  /** A gateway that was started for stdio clients ends after this long without any. */
  stdioIdleMs: 60_000,
  /** How long a stdio client waits for the gateway it started. */
  stdioStartMs: 20_000,
  /** From so many calls in flight on, a step is done for all that are ready in one turn. */
  crowd: 4,
  /** How long the loop stays awake for what a lone call waits for; longer waits are rested. */
  awakeMs: 0.4,
  ...recordLimits,
  ...memoryLimits,
  /** Ended calls that are kept in memory to be shown live. */
  boardCalls: 1_000,
  /** Characters that are kept of such a call's tool and of why it failed, R6. */
  boardText: 1_000,
  /** Of these a live snapshot shows the last ones: a list that nobody scrolls through. */
  liveCalls: 500,
  /** Changes are sent to who watches at most this often; the eye sees no more. */
  liveBatchMs: 100,
  /** Numbers that always move (gauges, counts) are sent this often, a comment after this long. */
  liveGaugesMs: 1_000,
  liveHeartbeatMs: 5_000,
  /** A watcher hears nothing for this long: the gateway hangs. */
  liveSilentMs: 15_000,
  /** Batches that a watcher may have missed and still gets; after that a new snapshot. */
  liveRingBytes: 4 * 1024 * 1024,
  /** What is given to a watcher at once, and how long it may take nothing before it is dropped. */
  liveSliceBytes: 256 * 1024,
  liveStalledMs: 30_000,
  /** People who watch at once; each costs a snapshot and a queue. */
  liveWatchers: 32,
  /** Events of a server that are kept, lines of stderr shown live, and characters of each. */
  liveHistory: 50,
  liveStderrLines: 20,
  liveTextChars: 400,
  /** A server that an operator starts is waited for this long before the answer. */
  serverActionMs: 5_000,
  /** A call in flight may be given this much more at once. */
  extendMs: 24 * 60 * 60 * 1000,
  latencyCalls: 500, // of a server, that its p50 and p95 are made of
  /** A loop that is this late makes every call wait; shown as trouble. */
  loopLagMs: 200,
  /** One statement to the database, L10: a frozen server gives no error by itself. */
  queryMs: 5_000,
  /**
   * Creating and upgrading tables, and waiting for another starter that does it: a new index over
   * all receipts takes minutes where there are 100 million. A start does not wait so long for a
   * database that it can do without.
   */
  migrateMs: 60 * 60_000,
  storeStartMs: 60_000,
  /** A database that was away at the start is tried again: tables, settings, pin. */
  storeRetryMs: 5_000,
  /** Characters of a column that is only for lists and searches; the body keeps all of it. */
  columnChars: 512,
  /** Records of one transaction of the embedded store, and rows of one answer of any store. */
  storeTransaction: 500,
  storeTransactionBytes: 8 * 1024 * 1024,
  storePage: 10_000,
  storeRunLeast: 64, // records, from which a batch is one row of the embedded store
  /** Key changes made by another process are seen within this time. */
  keyRefreshMs: 500,
  /** How often systemd is told what the gateway does, where that changed. */
  notifyStatusMs: 1_000,
  /** How often the watchdog is fed, whatever WATCHDOG_USEC says. */
  watchdogLeastMs: 10,
  watchdogMostMs: 60_000,
  /** `reload.watch`: how often files are looked at, and how long one may be away meanwhile. */
  reloadLookMs: 500,
  reloadAwayMs: 5_000,
  /** What a reload asks of policy to say who sees a difference: beyond it, "at least". */
  reloadLooks: 50_000,
  /** SIGTERM: answers that were given get this long to reach their sockets. */
  flushMs: 500,
  /** SIGTERM: calls in flight get this long to end. */
  drainMs: 30_000,
  /** A policy file, a pattern in it, a string it is matched with; P8. */
  policyBytes: 1024 * 1024,
  patternBytes: 1024,
  subjectBytes: 64 * 1024,
  /** Values a decision may look at, long strings counting more; what is over is unknown; P8. */
  policySteps: 200_000,
  /** any, all and not inside each other; and values of the file, so that its walk ends. */
  policyDepth: 16,
  policyYamlDepth: 100,
  /** Rules of one bundle. */
  policyRules: 10_000,
  /** Lines of one message, server and state in one window, and how many are told apart; R18. */
  logBurst: 20,
  logWindowMs: 10_000,
  logMessages: 4_000,
  /** One text in a line: what agents send may be megabytes. */
  logValueChars: 4 * 1024,
  /** Lines of a log that `logs` keeps to show the last ones, and how much of a file it reads. */
  logLines: 100_000,
  logReadBytes: 64 * 1024 * 1024,
  /** How often `logs -f` looks for new lines. */
  logPollMs: 200,
  /** The same for frames at level debug, and how long a changed level lasts at most. */
  logFrames: 2_000,
  logLevelMs: 24 * 60 * 60 * 1000,
  /** An answer of the admin API: the slowest reads the store. */
  adminMs: 30_000,
  /** A request to the admin API. */
  adminBodyBytes: 64 * 1024,
  /** Receipts of one list. */
  receiptsPerList: 10_000,
  /** A `receipts tail` or `logs -f` that lost what it follows tries again this often. */
  tailRetryMs: 1_000,
  /** Receipts that a filter looks at before it says that there are more. */
  receiptsSearched: 200_000,
  /** A filter, and the words in it: people type them, and each is tried on every row shown. */
  filterChars: 1024,
  filterTerms: 64,
  /** A config file: people write them. A file that one value of it names: a key, a certificate. */
  configBytes: 1024 * 1024,
  secretBytes: 64 * 1024,
  /** A server's name: agents see it before each tool's. A key's: people read it in lists. */
  serverNameChars: 32,
  keyNameChars: 64,
} as const;
