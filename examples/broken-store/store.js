// A small store of keys and values in one append-only log, over the `Disk` port of varve. Correct as it stands; each flag in
// `bugs` plants one of the mistakes that such stores are known for.

/** The mistakes, each with what it does. */
export const knownBugs = {
  noSync: "acknowledges before anything is synced",
  noFolderSync: "makes a folder whose name no sync makes durable",
  noRenameSync: "does not sync the folder after the log has got its name",
  renameBeforeSync: "gives the log its name before its content is synced",
  noChecksum: "trusts the length of a record and does not check its content",
  tornTail: "goes on in the old log, behind a torn record",
  shortWrite: "takes a write that failed half-way for a whole one",
  retriedSync: "syncs again after a sync has failed, and believes it",
  trustedLog: "goes on in the old log, and takes what can be read there for durable",
};

const folder = "/store";
const headerBytes = 8;

export class Store {
  #disk;
  #bugs;
  #file;
  #end = 0;
  #values = new Map();
  #tail = Promise.resolve();
  #failure;

  static async open(disk, bugs = {}) {
    const store = new Store();
    store.#disk = disk;
    store.#bugs = bugs;
    if ((await disk.stat(folder)) === undefined) await disk.makeDirectory(folder);
    if (!bugs.noFolderSync) await disk.syncDirectory("/");
    const names = await disk.list(folder);
    if (names.includes("log.new")) await disk.unlink(`${folder}/log.new`);
    try {
      if (names.includes("log")) await store.#read();
      // What a dead process left can be read and not be durable, and after a sync that failed no other one makes it so.
      const goesOn = (bugs.tornTail || bugs.trustedLog) && names.includes("log");
      if (!goesOn) await store.#startLog();
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  get values() {
    return new Map(this.#values);
  }

  set(key, value) {
    return this.#inTurn(async () => {
      await this.#append(frame({ key, value }));
      this.#values.set(key, value);
    });
  }

  /** Begins a new log with one record for each key. */
  compact() {
    return this.#inTurn(() => this.#startLog());
  }

  async close() {
    await this.#tail;
    await this.#file?.close();
  }

  /** One operation after the other. After a failure nobody knows what the disk holds: only opening again tells. */
  #inTurn(work) {
    const turn = this.#tail.then(async () => {
      if (this.#failure !== undefined) throw new Error("refused: the store has failed");
      try {
        await work();
      } catch (error) {
        this.#failure = error;
        throw error;
      }
    });
    this.#tail = turn.catch(() => {});
    return turn;
  }

  async #startLog() {
    const next = await this.#disk.open(`${folder}/log.new`, "create");
    const old = this.#file;
    try {
      this.#end = 0;
      for (const [key, value] of this.#values) {
        const record = frame({ key, value });
        next.writeSync(record, this.#end);
        this.#end += record.length;
      }
      if (!this.#bugs.renameBeforeSync) await next.sync();
      await this.#disk.rename(`${folder}/log.new`, `${folder}/log`);
      if (this.#bugs.renameBeforeSync) await next.sync();
      if (!this.#bugs.noRenameSync) await this.#disk.syncDirectory(folder);
    } catch (error) {
      await next.close();
      throw error;
    }
    this.#file = next;
    await old?.close();
  }

  async #append(record) {
    try {
      this.#file.writeSync(record.subarray(0, headerBytes), this.#end);
      this.#file.writeSync(record.subarray(headerBytes), this.#end + headerBytes);
    } catch (error) {
      if (!this.#bugs.shortWrite) throw error;
    }
    this.#end += record.length;
    if (this.#bugs.noSync) return;
    try {
      await this.#file.sync();
    } catch (error) {
      if (!this.#bugs.retriedSync) throw error;
      await this.#file.sync();
    }
  }

  async #read() {
    this.#file = await this.#disk.open(`${folder}/log`, "write");
    const size = await this.#file.size();
    const bytes = new Uint8Array(size);
    await this.#file.read(bytes, 0);
    for (;;) {
      const record = recordAt(bytes, this.#end, this.#bugs);
      if (record === undefined) break;
      this.#values.set(record.key, record.value);
      this.#end += record.bytes;
    }
    if (this.#bugs.tornTail) this.#end = size;
    if (this.#bugs.trustedLog) await this.#file.truncate(this.#end);
    if (!this.#bugs.tornTail && !this.#bugs.trustedLog) return;
    await this.#file.sync();
    await this.#disk.syncDirectory(folder);
  }
}

/** A record: its length, a checksum of its content, its content. */
function frame(content) {
  const payload = new TextEncoder().encode(JSON.stringify(content));
  const record = new Uint8Array(headerBytes + payload.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, payload.length);
  view.setUint32(4, checksum(payload));
  record.set(payload, headerBytes);
  return record;
}

function recordAt(bytes, at, { noChecksum }) {
  if (at + headerBytes > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, at);
  const length = view.getUint32(0);
  const payload = bytes.subarray(at + headerBytes, at + headerBytes + length);
  if (length === 0 || payload.length < length) return undefined;
  if (!noChecksum && checksum(payload) !== view.getUint32(4)) return undefined;
  return { ...JSON.parse(new TextDecoder().decode(payload)), bytes: headerBytes + length };
}

function checksum(bytes) {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
