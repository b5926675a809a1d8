/**
 * The terminal interface: Ink draws the lines of frame.ts, keys go to reduce.ts. A process of its
 * own beside the gateway: a terminal that does not read blocks this process and nothing else.
 */

import process from "node:process";
import { Box, type Instance, type Key, render, Text, useApp, useInput, usePaste } from "ink";
import { memo, useSyncExternalStore } from "react";
import { createDriver, type Driver } from "./driver.ts";
import { keyEvents } from "./input.ts";
import type { Source } from "./live.ts";
import { guardPastes } from "./pastes.ts";
import { stray } from "./stray.ts";

export interface AppOptions {
  readonly source: Source & { reconnect?(): void };
  /** Why nothing can be changed; undefined where it can. */
  readonly readOnly: string | undefined;
  readonly colour: boolean;
  readonly ascii: boolean;
  /** Between two pictures. */
  readonly refreshMs: number;
  /** The gateway that was started for this; leaving asks what becomes of it. */
  readonly own: { readonly ended: Promise<string>; stop(): Promise<void> } | undefined;
}

/** Runs until the reader leaves; resolves with the exit code. Restores the terminal. */
export async function openApp(options: AppOptions): Promise<number> {
  const quiet = stray();
  let mounted: Mounted | undefined;
  const crash = (thrown: unknown) => {
    mounted?.instance.unmount();
    quiet.end();
    process.stderr.write(`authensor-gw: the terminal interface failed: ${reasonOf(thrown)}\n`);
    process.exit(70);
  };
  // An uncaught error does not end a process whose entry module waits.
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
  try {
    mounted = mount(options, process);
    await mounted.instance.waitUntilExit();
    mounted.close();
    if (mounted.driver.stopsGateway) await options.own?.stop();
    return 0;
  } finally {
    mounted?.close();
    process.off("uncaughtException", crash);
    process.off("unhandledRejection", crash);
    quiet.end();
  }
}

export interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly stderr: NodeJS.WriteStream;
}

interface Mounted {
  readonly instance: Instance;
  readonly driver: Driver;
  /** Lets go of the source; may come twice. */
  close(): void;
}

/** Takes the terminal and draws; `instance.unmount()` gives it back. */
export function mount(options: AppOptions, { stdout, stdin, stderr }: Streams): Mounted {
  let instance: Instance | undefined;
  const driver = createDriver({
    ...options,
    size: () => sizeOf(stdout),
    write: (text) => void stdout.write(text),
    redraw: () => {
      instance?.clear();
      instance?.rerender(<Root driver={driver} />);
    },
    leave: () => instance?.unmount(),
  });
  // Ink does it after its first frame: what is typed meanwhile would wait for a line's end.
  stdin.setRawMode(true);
  const unguard = guardPastes(stdin);
  const resized = () => driver.resized();
  stdout.on("resize", resized);
  instance = render(<Root driver={driver} />, {
    ...{ stdout, stdin, stderr },
    ...{ alternateScreen: true, incrementalRendering: true, maxFps: 60, patchConsole: false },
    // Not what CI or a screen reader's variable says: both are decided before.
    ...{ exitOnCtrlC: false, interactive: true, isScreenReaderEnabled: false },
  });
  driver.start();
  const close = () => {
    driver.close();
    stdout.off("resize", resized);
    unguard();
  };
  return { instance, driver, close };
}

function reasonOf(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).split("\n")[0] ?? "";
}

/** Windows Terminal scrolls when the last cell is written: one row less there. */
function sizeOf(stdout: NodeJS.WriteStream): { readonly columns: number; readonly rows: number } {
  const rows = (stdout.rows || 24) - (process.platform === "win32" ? 1 : 0);
  return { columns: stdout.columns || 80, rows };
}

function Root({ driver }: { readonly driver: Driver }) {
  const { lines, columns } = useSyncExternalStore(driver.subscribe, driver.picture);
  const { suspendTerminal } = useApp();
  driver.suspendWith(() => {
    void suspendTerminal(() => {
      process.kill(process.pid, "SIGTSTP");
    });
  });
  useInput((input: string, key: Key) => driver.keys(keyEvents(input, key)));
  usePaste((text: string) => driver.paste(text));
  return (
    <Box flexDirection="column" width={columns} height={lines.length} overflow="hidden">
      {lines.map((text, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row of the screen is its place.
        <Row key={row} text={text} />
      ))}
    </Box>
  );
}

const Row = memo(function Row({ text }: { readonly text: string }) {
  return <Text wrap="truncate">{text}</Text>;
});
