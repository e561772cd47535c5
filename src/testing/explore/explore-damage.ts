// Damages the files of a store that was closed in order, in every way that disks do, and sees that nobody is lied to: O11 and O13.
import type { SimulatedDisk } from "../simulated-disk.ts";
import { simulatedPorts } from "../simulated-ports.ts";
import { CrashLife } from "./crash-life.ts";
import { copyOfWorld, freshState } from "./crash-points.ts";
import type { CrashSubject, Step } from "./crash-subject.ts";
import { filesFingerprint } from "./disk-fingerprint.ts";
import { violationOf } from "./replay-plan.ts";
import { settle } from "./settle.ts";
import { stateText } from "./state-text.ts";
import { Violation } from "./violation.ts";

export interface DamageOptions<Command> {
  /** The life that makes the files; it ends with an orderly close, which must promise `durable`. */
  readonly steps: readonly Step<Command>[];
  readonly seed?: number;
  /** Of the bytes and of the lengths of each file one in so many is tried; default 1, every one. */
  readonly byteStride?: number;
  /** Files that the store makes anew from others: whatever happens to them, it answers as before and refuses nothing. */
  readonly isDerived?: (path: string) => boolean;
  /** Files that are left alone; default none. */
  readonly isSpared?: (path: string) => boolean;
  /** Stops at so many failures; default 1. */
  readonly failuresMax?: number;
}

export interface DamageReport {
  readonly cases: number;
  /** Cases in which everything was as before, and those in which the store said that something is wrong. */
  readonly same: number;
  readonly refused: number;
  readonly failures: readonly { readonly damage: string; readonly violation: Violation }[];
}

interface Damage {
  readonly label: string;
  readonly path: string;
  /** Undefined: the file is gone. */
  readonly bytes: Uint8Array | undefined;
}

const blockBytes = 512;
const flips = [0x01, 0x80, 0xff] as const;

/**
 * Each byte changed, each length, each block zeroed, swapped with the next and put in its place; each file gone, empty, doubled and
 * swapped with each other one. The store either shows what it showed before or answers with an error that `isHonest` knows; an
 * opening that `isRefusal` says was refused leaves every file as it was.
 */
export async function exploreDamage<Store, Command, State, World = undefined>(
  subject: CrashSubject<Store, Command, State, World>,
  options: DamageOptions<Command>,
): Promise<DamageReport> {
  const { steps, seed = 1, failuresMax = 1, isDerived = () => false } = options;
  const fresh = freshState(subject, seed);
  const life = new CrashLife(subject, fresh, { seed, steps, closes: true });
  await life.run("kill");
  life.stop();
  const sound = fresh.disk.powerCut({
    label: "",
    files: "kept",
    directories: "kept",
    exceptions: [],
  });
  const due = stateText(life.history.finalState());
  const found = { cases: 0, same: 0, refused: 0 };
  const failures: { readonly damage: string; readonly violation: Violation }[] = [];
  for (const damage of damagesOf(sound, options)) {
    const disk = sound.clone();
    if (damage.bytes === undefined) disk.removeFile(damage.path);
    else disk.writeFile(damage.path, damage.bytes);
    found.cases += 1;
    const violation = await violationOf(async () => {
      const world = copyOfWorld(subject, fresh.world);
      const isAnswer = await answersAsBefore(subject, disk, world, seed, due);
      found[isAnswer ? "same" : "refused"] += 1;
      if (isAnswer || !isDerived(damage.path)) return;
      throw new Violation("O11 damage is visible", "a file that can be made anew is not");
    });
    if (violation === undefined) continue;
    failures.push({ damage: damage.label, violation });
    if (failures.length >= failuresMax) break;
  }
  return { ...found, failures };
}

/** Whether the store shows what is due, or else says that it does not. */
async function answersAsBefore<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  disk: SimulatedDisk,
  world: World,
  seed: number,
  due: string,
): Promise<boolean> {
  const ports = simulatedPorts({ disk, seed, tasks: "automatic" });
  const before = filesFingerprint(disk, subject.isScratch);
  let store: Store | undefined;
  try {
    store = await settle(ports, "open", subject.open(ports, world));
    const state = stateText(await settle(ports, "read", subject.read(store, world)));
    if (state === due) return true;
    throw new Violation(
      "O11 damage is visible",
      `shows ${state.slice(0, 200)}, due is ${due.slice(0, 200)}`,
    );
  } catch (error) {
    if (error instanceof Violation || subject.isHonest?.(error) === false) throw error;
    if (store !== undefined) return false;
    if (disk.openFiles > 0) throw new Violation("O12 no leaks", "a refused open keeps files open");
    const isRefusal = subject.isRefusal?.(error) ?? true;
    if (!isRefusal || filesFingerprint(disk, subject.isScratch) === before) return false;
    throw new Violation("O13 refusal is harmless", `files changed: ${(error as Error).message}`);
  } finally {
    ports.scheduler.stop();
    disk.stop();
  }
}

function* damagesOf<Command>(
  disk: SimulatedDisk,
  { isSpared = () => false, byteStride = 1 }: DamageOptions<Command>,
): Generator<Damage> {
  const paths = disk.listAll().filter((path) => !path.endsWith("/lock") && !isSpared(path));
  for (const path of paths) {
    const bytes = disk.readFile(path);
    yield { label: `${path} gone`, path, bytes: undefined };
    yield { label: `${path} empty`, path, bytes: new Uint8Array(0) };
    yield { label: `${path} doubled`, path, bytes: joined(bytes, bytes) };
    for (const other of paths) {
      const label = `${path} is ${other}`;
      if (other !== path) yield { label, path, bytes: disk.readFile(other) };
    }
    yield* bytewise(path, bytes, byteStride);
    yield* blockwise(path, bytes);
  }
}

function* bytewise(path: string, bytes: Uint8Array, stride: number): Generator<Damage> {
  for (let at = 0; at < bytes.length; at += stride) {
    const flip = flips[(at / stride) % flips.length] as number;
    const changed = bytes.slice();
    changed[at] = (changed[at] as number) ^ flip;
    yield { label: `${path} byte ${at} changed by ${flip}`, path, bytes: changed };
    yield { label: `${path} cut at ${at}`, path, bytes: bytes.slice(0, at) };
  }
}

function* blockwise(path: string, bytes: Uint8Array): Generator<Damage> {
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const end = Math.min(bytes.length, at + blockBytes);
    const zeroed = bytes.slice();
    zeroed.fill(0, at, end);
    yield { label: `${path} block at ${at} zeroed`, path, bytes: zeroed };
    const next = bytes.subarray(end, end + blockBytes);
    if (next.length === 0) continue;
    const stands = bytes.slice();
    stands.set(bytes.subarray(at, at + next.length), end);
    yield { label: `${path} block at ${at} once more behind it`, path, bytes: stands };
    const swapped = stands.slice();
    swapped.set(next, at);
    yield { label: `${path} block at ${at} swapped with the next`, path, bytes: swapped };
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
