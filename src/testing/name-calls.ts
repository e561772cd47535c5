// What the calls about names do on a simulated disk: finding the place, refusing what the profile refuses, renaming
// and removing.
import { failure, type GatedCall } from "./call-gate.ts";
import type { DiskProfile } from "./disk-profile.ts";
import type { DiskState, Place } from "./disk-state.ts";
import type { DirectoryNode, Inode } from "./inode.ts";
import { basenamePath, dirnamePath } from "./simulated-path.ts";
import { SimulatedRandom } from "./simulated-random.ts";

const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)|[<>:"|?*\\]|[. ]$/i;

/** In a row, for one name: a program that tries three times gets through. */
const BUSY_MAX = 2;

export class NameCalls {
  readonly #state: DiskState;
  readonly #profile: DiskProfile;
  readonly #random: SimulatedRandom;
  #busy: Map<string, number> = new Map();

  constructor(state: DiskState, profile: DiskProfile, seed: number) {
    this.#state = state;
    this.#profile = profile;
    this.#random = new SimulatedRandom(seed).fork("busy names");
  }

  directory(call: GatedCall): DirectoryNode {
    const node = this.#state.find(call.path);
    if (node === undefined) throw failure(call, "ENOENT");
    if (node.kind === "file") throw failure(call, "ENOTDIR");
    return node;
  }

  /** The place of a name that is there, or that is to be made. */
  place(call: GatedCall, path: string): Place {
    const place = this.#state.place(path);
    if (place !== undefined) return place;
    const parent = this.#state.find(dirnamePath(path));
    throw failure(call, parent?.kind === "file" ? "ENOTDIR" : "ENOENT");
  }

  /** The place of a name that must be free. */
  freePlace(call: GatedCall): Place {
    const place = this.place(call, call.path);
    if (this.#state.childAt(place) !== undefined) throw failure(call, "EEXIST");
    this.#assertName(call, call.path);
    return place;
  }

  rename(call: GatedCall, to: string): void {
    const source = this.place(call, call.path);
    const node = this.#state.childAt(source);
    if (node === undefined) throw failure(call, "ENOENT");
    const target = this.place(call, to);
    const replaced = this.#state.childAt(target);
    if (replaced?.kind === "directory" && replaced !== node) throw failure(call, "EISDIR");
    if (node.kind === "directory" && replaced?.kind === "file") throw failure(call, "ENOTDIR");
    this.#assertName(call, to);
    this.#assertMovable(call, node);
    if (replaced !== undefined && replaced !== node) this.#assertMovable(call, replaced);
    this.#assertNotBusy(call);
    // Where case does not count, the name is there already in the old case, and gets the new one.
    const name = replaced === node ? basenamePath(to) : target.name;
    this.#state.rename(source, { ...target, name }, node);
  }

  unlink(call: GatedCall): void {
    const place = this.place(call, call.path);
    const node = this.#state.childAt(place);
    if (node === undefined) throw failure(call, "ENOENT");
    if (node.kind === "directory") throw failure(call, "EISDIR");
    this.#assertMovable(call, node);
    this.#assertNotBusy(call);
    this.#state.unlink(place, node);
  }

  #assertName(call: GatedCall, path: string): void {
    if (this.#profile.reservedNames && RESERVED.test(basenamePath(path))) {
      throw failure(call, "EINVAL");
    }
  }

  #assertMovable(call: GatedCall, node: Inode): void {
    if (this.#profile.openFilesMovable || node.kind !== "file") return;
    if (node.openHandles > 0) throw failure(call, "EBUSY");
  }

  #assertNotBusy(call: GatedCall): void {
    if (this.#profile.busyPercent === 0) return;
    const key = `${call.operation} ${call.path}`;
    const times = this.#busy.get(key) ?? 0;
    const draw = this.#random.below(100);
    if (times >= BUSY_MAX || draw >= this.#profile.busyPercent) {
      this.#busy.delete(key);
      return;
    }
    this.#busy.set(key, times + 1);
    throw failure(call, draw % 2 === 0 ? "EBUSY" : "EPERM");
  }
}
