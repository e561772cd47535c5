// A small sound store for tests of the explorer: a journal of notes, each with a check byte. Plain JavaScript, for threads.

class Journal {
  static async open({ disk, syncs = true }) {
    const journal = new Journal();
    journal.syncs = syncs;
    journal.disk = disk;
    journal.list = [];
    const names = await disk.list("/");
    if (names.includes("new")) await disk.unlink("/new");
    if (names.includes("notes")) await journal.read();
    await journal.rewrite();
    return journal;
  }

  async read() {
    const file = await this.disk.open("/notes", "read");
    try {
      const bytes = new Uint8Array(await file.size());
      await file.read(bytes, 0);
      for (let at = 0; at + 4 <= bytes.length && isNote(bytes, at); at += 4)
        this.list.push(bytes[at]);
    } finally {
      await file.close();
    }
  }

  /** A dead process may have left what can be read and is not durable. */
  async rewrite() {
    const file = await this.disk.open("/new", "create");
    try {
      this.list.forEach((note, at) => {
        file.writeSync(entry(note), at * 4);
      });
      await file.sync();
      await this.disk.rename("/new", "/notes");
      await this.disk.syncDirectory("/");
    } catch (error) {
      await file.close();
      throw error;
    }
    this.file = file;
  }

  add(note) {
    this.tail = (this.tail ?? Promise.resolve()).then(() => this.append(note));
    const added = this.tail;
    this.tail = added.catch(() => {});
    return added;
  }

  async append(note) {
    if (this.failed) throw new Error("refused");
    this.failed = true;
    this.file.writeSync(entry(note), this.list.length * 4);
    if (this.syncs) await this.file.sync();
    this.list.push(note);
    this.failed = false;
  }
}

function entry(note) {
  return Uint8Array.of(note, note ^ 0x5a, note ^ 0xa5, ~note);
}

function isNote(bytes, at) {
  return bytes[at] !== 0 && entry(bytes[at]).every((byte, within) => byte === bytes[at + within]);
}

export const subject = {
  open: (machine) => Journal.open(machine),
  close: (journal) => journal.file.close(),
  run: (journal, { note }) => journal.add(note),
  read: (journal) => [...journal.list],
  initial: () => [],
  apply: (list, { note }) => [...list, note],
  alphabet: [{ note: 7 }, { note: 200 }],
  failed: ({ message }) => (message === "refused" ? "rejected" : "unknown"),
};
