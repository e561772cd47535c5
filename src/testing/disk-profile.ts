// The profiles of the simulated disk: what kind of machine and file system it stands for. Each trait is one thing
// that real ones do differently; none makes the disk kinder than the strict one but where it says so.

export interface DiskProfile {
  readonly name: string;
  /** Otherwise a crash may leave a rename with both names, or with neither (A6). */
  readonly atomicRename: boolean;
  /** Otherwise a write that a crash interrupts may damage what else lies in its first and last sector (A10). */
  readonly powersafeOverwrite: boolean;
  /** What a file holds where its length survived and its content did not (A11): zeros, or old blocks of other files. */
  readonly gaps: "zeros" | "stale";
  /** Whether what a failed sync covered stays readable, or reads give the old content again (A8). */
  readonly failedSync: "keeps" | "reverts";
  /**
   * `each`: a name is at risk on its own until its directory is synced. `journal`: there is no directory sync (it
   * resolves and does nothing); names survive in the order in which they were changed, and the sync of any
   * file makes every name changed before it durable.
   */
  readonly names: "each" | "journal";
  /** Whether files that are open can be renamed, replaced and removed (A7); otherwise `EBUSY`. */
  readonly openFilesMovable: boolean;
  /** How many renames and unlinks of a hundred fail with `EPERM` or `EBUSY` for no lasting reason, twice in a row at most. */
  readonly busyPercent: number;
  /** Otherwise names that differ in case alone are one name. */
  readonly caseSensitive: boolean;
  /** Whether names that Windows keeps for itself (`con`, `a:b`, a dot at the end) are refused with `EINVAL`. */
  readonly reservedNames: boolean;
  /**
   * How many syncs of the whole disk a lying one keeps to itself: a sync resolves at once, and what it covered is
   * durable only when so many more were made. 0 for a disk that tells the truth.
   */
  readonly syncLag: number;
  /** The units at which random survivals cut writes in pieces, and `1` for single bytes. */
  readonly grains: readonly number[];
}

export type DiskProfileName = "strict" | "harsh" | "windows" | "lying";

const strict: DiskProfile = {
  name: "strict",
  atomicRename: true,
  powersafeOverwrite: true,
  gaps: "zeros",
  failedSync: "keeps",
  names: "each",
  openFilesMovable: true,
  busyPercent: 0,
  caseSensitive: true,
  reservedNames: false,
  syncLag: 0,
  grains: [4096, 512, 61],
};

/**
 * `strict` (the default) is POSIX and no more: whatever is not synced survives or not, each effect on its own,
 * down to the byte. `harsh` besides breaks renames and sectors apart, shows old blocks and takes back what a
 * failed sync covered. `windows` has no directory sync, no renaming of open files, busy names and no case.
 * `lying` resolves syncs too early. Traits can be mixed: `{ ...diskProfiles.harsh, powersafeOverwrite: true }`.
 */
export const diskProfiles: Readonly<Record<DiskProfileName, DiskProfile>> = {
  strict,
  harsh: {
    ...strict,
    name: "harsh",
    atomicRename: false,
    powersafeOverwrite: false,
    gaps: "stale",
    failedSync: "reverts",
    grains: [512, 1],
  },
  windows: {
    ...strict,
    name: "windows",
    names: "journal",
    openFilesMovable: false,
    busyPercent: 20,
    caseSensitive: false,
    reservedNames: true,
  },
  lying: { ...strict, name: "lying", syncLag: 3 },
};

export function profileOf(profile: DiskProfileName | DiskProfile | undefined): DiskProfile {
  if (typeof profile === "object") return profile;
  const known = diskProfiles[profile ?? "strict"];
  if (known === undefined) throw new TypeError(`no disk profile is called ${String(profile)}`);
  return known;
}

/** Otherwise no single copy can keep what it was told is durable: syncs that lie, or sectors that a later write takes with it. */
export function keepsDurable({ syncLag, powersafeOverwrite }: DiskProfile): boolean {
  return syncLag === 0 && powersafeOverwrite;
}
