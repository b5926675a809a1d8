/**
 * A disk in memory that forgets what was not synced: unsynced sectors and directory entries survive
 * a crash or not, as the seed says. It can crash at any step, fail a sync, write short, be full.
 */

import type { SpoolFile, SpoolFs } from "../../src/audit/fs.ts";

const sector = 512;

interface Inode {
  /** What is surely on disk, and what a reader sees. */
  durable: Uint8Array;
  live: Uint8Array;
  /** Offsets of live sectors that may not be on disk yet. */
  readonly dirty: Set<number>;
}

export interface SimDisk {
  /** Steps done; a crash happens in step `crashAt`. */
  steps: number;
  crashAt: number;
  /** The sync, write (counted from 1) that fails; 0 none. */
  failSync: number;
  shortWrite: number;
  syncs: number;
  writes: number;
  /** Bytes that files may take together. */
  capacity: number;
  crashed: boolean;
  /** The file system of one process; dead after a crash. */
  mount(): SpoolFs;
  /** Power comes back: what was not synced is there or not. */
  restart(random: () => number): void;
  /** Bytes of a file, live: change them to damage it. */
  bytes(name: string): Uint8Array;
  put(name: string, bytes: Uint8Array): void;
  names(): string[];
  copy(): SimDisk;
}

interface World {
  /** Counts restarts: what was mounted before one is dead for good. */
  epoch: number;
  disk: SimDisk;
  live: Map<string, Inode>;
  durable: Map<string, Inode>;
}

/** Numbers in [0, 1) from a seed. */
export function seeded(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function simDisk(): SimDisk {
  const world: World = { epoch: 0, disk: undefined as never, live: new Map(), durable: new Map() };
  const disk: SimDisk = {
    steps: 0,
    crashAt: 0,
    failSync: 0,
    shortWrite: 0,
    syncs: 0,
    writes: 0,
    capacity: Number.POSITIVE_INFINITY,
    crashed: false,
    mount: () => mount(world),
    restart: (random) => restart(world, random),
    bytes: (name) => inodeOf(world, name).live,
    put(name, bytes) {
      const inode = { durable: bytes.slice(), live: bytes.slice(), dirty: new Set<number>() };
      world.live.set(name, inode);
      world.durable.set(name, inode);
    },
    names: () => [...world.live.keys()].sort(),
    copy() {
      const other = simDisk();
      for (const [name, inode] of world.live) other.put(name, inode.live);
      return other;
    },
  };
  world.disk = disk;
  return disk;
}

/** Each unsynced sector and directory entry by its own toss, as drives and file systems do. */
function restart(world: World, random: () => number): void {
  const names = new Set([...world.live.keys(), ...world.durable.keys()]);
  const kept = new Map<string, Inode>();
  for (const name of names) {
    const now = world.live.get(name);
    const then = world.durable.get(name);
    const inode = now === then || random() < 0.5 ? now : then;
    if (inode !== undefined) kept.set(name, inode);
  }
  const settled = new Map<Inode, Inode>();
  for (const [name, inode] of kept) {
    const after = settled.get(inode) ?? settle(inode, random);
    settled.set(inode, after);
    kept.set(name, after);
  }
  world.live = kept;
  world.durable = new Map(kept);
  world.epoch += 1;
  const { disk } = world;
  disk.crashed = false;
  disk.crashAt = disk.steps = disk.syncs = disk.writes = 0;
  disk.failSync = disk.shortWrite = 0;
}

function settle(inode: Inode, random: () => number): Inode {
  if (inode.dirty.size === 0 && inode.live.length === inode.durable.length) return inode;
  const size = random() < 0.5 ? inode.live.length : inode.durable.length;
  const bytes = new Uint8Array(size);
  bytes.set(inode.durable.subarray(0, size));
  for (const at of inode.dirty) {
    if (at >= size || random() < 0.5) continue;
    bytes.set(inode.live.subarray(at, Math.min(at + sector, size)), at);
  }
  return { durable: bytes.slice(), live: bytes, dirty: new Set() };
}

class Crash extends Error {}

/** One step; the crash may come before or after its effect. */
async function step(at: Mounted, effect: () => void): Promise<void> {
  await Promise.resolve();
  const { disk } = at.world;
  if (isDead(at)) throw new Crash("the power is off");
  disk.steps += 1;
  if (disk.steps === disk.crashAt) {
    disk.crashed = true;
    if (disk.steps % 2 === 0) effect();
    throw new Crash("the power went off");
  }
  effect();
}

interface Mounted {
  readonly world: World;
  readonly epoch: number;
}

function isDead(at: Mounted): boolean {
  return at.world.disk.crashed || at.world.epoch !== at.epoch;
}

function errno(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}

function mount(world: World): SpoolFs {
  const at: Mounted = { world, epoch: world.epoch };
  const syncDir = (): Promise<void> =>
    step(at, () => {
      world.durable = new Map(world.live);
    });
  return {
    list: async () => [...world.live.keys()].sort(),
    async create(name, bytes) {
      await step(at, () => {
        if (world.live.has(name)) throw errno("EEXIST");
        let used = bytes;
        for (const inode of world.live.values()) used += inode.live.length;
        if (used > world.disk.capacity) throw errno("ENOSPC");
        const inode = {
          durable: new Uint8Array(0),
          live: new Uint8Array(bytes),
          dirty: new Set<number>(),
        };
        world.live.set(name, inode);
      });
      const inode = inodeOf(world, name);
      await step(at, () => syncInode(inode));
      await syncDir();
      return simFile(at, inode);
    },
    open: async (name) => simFile(at, inodeOf(world, name)),
    rename: (from, to) =>
      step(at, () => {
        world.live.set(to, inodeOf(world, from));
        world.live.delete(from);
      }),
    remove: (name) =>
      step(at, () => {
        inodeOf(world, name);
        world.live.delete(name);
      }),
    syncDir,
  };
}

function inodeOf(world: World, name: string): Inode {
  const inode = world.live.get(name);
  if (inode === undefined) throw errno("ENOENT");
  return inode;
}

function syncInode(inode: Inode): void {
  inode.durable = inode.live.slice();
  inode.dirty.clear();
}

function simFile(mounted: Mounted, inode: Inode): SpoolFile {
  const { world } = mounted;
  let closed = false;
  const check = (): void => {
    if (isDead(mounted)) throw new Crash("the power is off");
    if (closed) throw errno("EBADF");
  };
  const sync = (): Promise<void> =>
    step(mounted, () => {
      check();
      world.disk.syncs += 1;
      if (world.disk.syncs === world.disk.failSync) throw errno("EIO");
      syncInode(inode);
    });
  const writeNow = (bytes: Uint8Array, at: number): void => {
    world.disk.writes += 1;
    if (world.disk.writes === world.disk.shortWrite) {
      store(inode, bytes.subarray(0, bytes.length >> 1), at);
      throw new Error("short write");
    }
    store(inode, bytes, at);
  };
  return {
    size: async () => inode.live.length,
    async read(into, at) {
      check();
      const part = inode.live.subarray(at, at + into.length);
      into.set(part);
      return part.length;
    },
    async write(bytes, at) {
      const copy = bytes.slice();
      await step(mounted, () => writeNow(copy, at));
      await sync();
    },
    sync,
    truncate: (bytes) =>
      step(mounted, () => {
        check();
        inode.live = inode.live.slice(0, bytes);
      }),
    reserve: async () => {},
    async close() {
      check();
      closed = true;
    },
  };
}

function store(inode: Inode, bytes: Uint8Array, at: number): void {
  if (at + bytes.length > inode.live.length) {
    const larger = new Uint8Array(at + bytes.length);
    larger.set(inode.live);
    inode.live = larger;
  }
  inode.live.set(bytes, at);
  const first = at - (at % sector);
  for (let one = first; one < at + bytes.length; one += sector) inode.dirty.add(one);
}
