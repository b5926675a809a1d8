/**
 * The tables, as an ordered list: forward only and additive (an index or a view may become a wider
 * one), so that the gateway before this one still runs on them (O5). A step that shipped is never
 * edited. Receipts are one table; splitting it by time comes later, as a step of its own, when
 * retention needs it.
 */

export interface Migration {
  readonly version: number;
  readonly postgres: readonly string[];
  readonly sqlite: readonly string[];
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    postgres: [
      `create table receipts (
        chain uuid not null, seq bigint not null, kind text not null,
        hash bytea not null, prev bytea not null, body bytea not null,
        at timestamptz, key_id text, key_name text, method text, server text, tool text,
        effect text, rule text, outcome text, code text, of_seq bigint,
        args_bytes bigint, result_bytes bigint, took_ms double precision,
        primary key (chain, seq))`,
      // Bodies are small and rarely read: compressing them costs more than it saves.
      "alter table receipts alter column body set storage external",
      `create index receipts_calls on receipts (at desc nulls last, chain desc, seq desc)
        where kind in ('intent', 'refusal')`,
      "create index receipts_outcomes on receipts (chain, of_seq) where of_seq is not null",
      `create table chain_heads (
        chain uuid primary key, last_seq bigint not null, last_hash bytea not null,
        first_at timestamptz not null default clock_timestamp())`,
      `create table gateway_keys (
        id text primary key, name text not null, roles text not null,
        token_hash text not null unique, created_ms bigint not null,
        expires_ms bigint, revoked_ms bigint, replaced_by text)`,
      `create unique index gateway_keys_name on gateway_keys (name)
        where revoked_ms is null and replaced_by is null`,
      "create table keys_version (one boolean primary key default true, version bigint not null)",
      "insert into keys_version (version) values (0)",
    ],
    sqlite: [
      `create table chain_heads (
        no integer primary key, chain text not null unique,
        last_seq integer not null, last_hash blob not null)`,
      // id: the chain's number, then seq in 40 bits, so that rows are only ever added at the end.
      // What lists and searches need of a body is read from it: columns cost more than all else.
      `create table records (
        id integer primary key, kind text not null, at_ms integer, of_id integer,
        hash blob not null, body blob not null)`,
      `create index records_calls on records (at_ms)
        where kind in ('intent', 'refusal')`,
      "create index records_outcomes on records (of_id) where of_id is not null",
      `create view receipts as select chain, id & 1099511627775 as seq, kind, hash, body, at_ms
        from records join chain_heads on no = id >> 40`,
      `create table gateway_keys (
        id text primary key, name text not null, roles text not null,
        token_hash text not null unique, created_ms integer not null,
        expires_ms integer, revoked_ms integer, replaced_by text)`,
      `create unique index gateway_keys_name on gateway_keys (name)
        where revoked_ms is null and replaced_by is null`,
      "create table keys_version (one integer primary key, version integer not null)",
      "insert into keys_version (one, version) values (1, 0)",
    ],
  },
  {
    version: 2,
    postgres: [
      `create table gateway_sessions (
        digest text primary key, key_id text not null, ends_ms bigint not null,
        ended_ms bigint, state text not null, version bigint not null)`,
      "create index gateway_sessions_version on gateway_sessions (version)",
      "create index gateway_sessions_ends on gateway_sessions (ends_ms)",
      `create table sessions_version (
        one boolean primary key default true, version bigint not null)`,
      "insert into sessions_version (version) values (0)",
    ],
    sqlite: [
      `create table gateway_sessions (
        digest text primary key, key_id text not null, ends_ms integer not null,
        ended_ms integer, state text not null, version integer not null)`,
      "create index gateway_sessions_version on gateway_sessions (version)",
      "create index gateway_sessions_ends on gateway_sessions (ends_ms)",
      "create table sessions_version (one integer primary key, version integer not null)",
      "insert into sessions_version (one, version) values (1, 0)",
    ],
  },
  {
    // The kind `call` came; lists of the gateway before this one are slower on SQLite, not wrong.
    version: 3,
    postgres: [
      `create index receipts_by_time on receipts (at desc nulls last, chain desc, seq desc)
        where kind in ('intent', 'refusal', 'call')`,
      // Waits for all who read, and nobody can write meanwhile: beside a dump, which takes hours,
      // the old index stays, and only costs a little.
      `do $$ begin
        set local lock_timeout = '2s';
        drop index receipts_calls;
      exception when lock_not_available then null;
      end $$`,
    ],
    sqlite: [
      `create index records_by_time on records (at_ms)
        where kind in ('intent', 'refusal', 'call')`,
      "drop index records_calls",
    ],
  },
  {
    // Batches under load as one row each; the gateway before this one does not see what is in them
    // (docs/database.md). The layout of heads and bodies is in sqlite-run.ts.
    version: 4,
    postgres: [],
    sqlite: [
      // id: that of the first record in it. Times: of the calls in it.
      `create table runs (
        id integer primary key, last_seq integer not null, from_ms integer, until_ms integer,
        heads blob not null, bodies blob not null)`,
      "create index runs_by_time on runs (until_ms, from_ms) where until_ms is not null",
      "create index runs_extent on runs (id, last_seq)",
      // Outcomes in a run whose intent is not in it; both ids are those that records would have.
      "create table ends (of_id integer primary key, id integer not null)",
      "drop view receipts",
      `create view receipts as
        select chain, id & 1099511627775 as seq, kind, hash, body, at_ms
          from records join chain_heads on no = id >> 40
        union all
        select chain, (runs.id & 1099511627775) + key, value ->> '$.kind',
            substr(heads, 37 * key + 6, 32), cast(value as blob),
            iif(value ->> '$.kind' in ('intent', 'refusal', 'call'), value ->> '$.at', null)
          from runs join chain_heads on no = runs.id >> 40, json_each(
            iif(json_valid(cast(bodies as text)), cast(bodies as text), '[]'))`,
    ],
  },
];

/** What this build knows; a database may be newer. */
export const schemaVersion: number = migrations.at(-1)?.version ?? 0;
