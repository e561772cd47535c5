// Owns the first byte of every encoded value: stored on disk, never renumber. Bytes that are not named here begin no
// value. Four ranges carry a small length, count or number in the byte itself.

export const tagNull: number = 0x00;
export const tagFalse: number = 0x01;
export const tagTrue: number = 0x02;
/** Eight bytes: a double that is no safe integer, or is -0. */
export const tagFloat: number = 0x03;
/** Varint n: the integer n. */
export const tagInteger: number = 0x04;
/** Varint n: the integer -1 - n. */
export const tagNegativeInteger: number = 0x05;
/** Varint count, then that many magnitude bytes, the most significant first and not zero. */
export const tagBigint: number = 0x06;
/** As `tagBigint`, for a number below zero. */
export const tagNegativeBigint: number = 0x07;
/** Varint byte count, then WTF-8. */
export const tagText: number = 0x08;
/** Varint count, then the bytes. */
export const tagBytes: number = 0x09;
/** Eight bytes: a double, milliseconds since 1970, NaN for an invalid date. */
export const tagDate: number = 0x0a;
/** Varint count, then that many values. */
export const tagArray: number = 0x0b;
/** Varint count, then that many keys (varint byte count and WTF-8) with a value each. */
export const tagObject: number = 0x0c;

/** 0x10-0x1f: an object of 0 to 15 keys. */
export const tagShortObject: number = 0x10;
/** 0x20-0x2f: an array of 0 to 15 values. */
export const tagShortArray: number = 0x20;
/** 0x40-0x7f: text of 0 to 63 bytes. */
export const tagShortText: number = 0x40;
/** 0x80-0xff: the integers 0 to 127. */
export const tagSmallInteger: number = 0x80;

export const shortCountMax: number = 0x0f;
export const shortTextBytesMax: number = 0x3f;
export const smallIntegerMax: number = 0x7f;
