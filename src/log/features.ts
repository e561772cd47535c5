// Format versions and feature bits, the same in the manifest and in every segment header.
import { getU32, putU32 } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";

/**
 * Three classes of feature bits: who meets an unknown incompatible bit must refuse the file, an
 * unknown read-only compatible bit allows reading alone, a compatible one may be ignored.
 */
export interface Features {
  readonly incompatible: number;
  readonly readOnlyCompatible: number;
  readonly compatible: number;
}

/** The bits that this version writes and understands: none yet. */
export const ownFeatures: Features = { incompatible: 0, readOnlyCompatible: 0, compatible: 0 };

export function putFeatures(bytes: Uint8Array, at: number): void {
  putU32(bytes, at, ownFeatures.incompatible);
  putU32(bytes, at + 4, ownFeatures.readOnlyCompatible);
  putU32(bytes, at + 8, ownFeatures.compatible);
}

/** Refuses what this version cannot read (or, unless `readOnly`, cannot safely write). */
export function checkFormat(
  bytes: Uint8Array,
  at: { readonly version: number; readonly features: number },
  supportedVersion: number,
  file: string,
  readOnly: boolean,
): void {
  const version = getU32(bytes, at.version);
  const incompatible = getU32(bytes, at.features) & ~ownFeatures.incompatible;
  const readOnlyBits = getU32(bytes, at.features + 4) & ~ownFeatures.readOnlyCompatible;
  if (version === supportedVersion && incompatible === 0 && (readOnly || readOnlyBits === 0))
    return;
  throw new VarveError(
    "FORMAT_UNSUPPORTED",
    version === supportedVersion
      ? `${file} uses features that this version does not know`
      : `${file} has format version ${version}; this version reads ${supportedVersion}`,
    {
      details: { file, version, supportedVersion, incompatible, readOnlyCompatible: readOnlyBits },
    },
  );
}
