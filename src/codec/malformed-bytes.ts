// Owns the internal error of every decoder: bytes that no encoder of ours writes. It never reaches users as it is;
// the caller that knows the file and offset turns it into VarveError CORRUPT or a torn tail.

export class MalformedBytes extends Error {
  override readonly name: string = "MalformedBytes";
}
