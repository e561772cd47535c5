// A disk that a reader sees through, state after state, while another process changes it; it lets nothing be written.
import type { Disk, DiskFile } from "../../src/disk/ports.ts";
import type { SimulatedDisk } from "../../src/testing/testing.ts";

export class MovingDisk implements Disk {
  now: SimulatedDisk;
  open: Disk["open"];
  openHandles = 0;

  constructor(first: SimulatedDisk) {
    this.now = first;
    this.open = async (path, mode) => {
      if (mode !== "read") throw new Error(`a reader opened ${path} to ${mode}`);
      await (await this.now.open(path, "read")).close();
      return this.openSync(path);
    };
  }

  openSync(path: string): DiskFile {
    // The state in which the file was seen last: what was unlinked stays readable through its handle.
    let last = this.now;
    let handle = last.openSync(path);
    this.openHandles++;
    let isClosed = false;
    const file = <T>(use: (file: DiskFile) => T): T => {
      if (isClosed) throw new Error(`a reader used ${path} after closing it`);
      if (this.now !== last && this.now.listAll().includes(path)) {
        void handle.close();
        last = this.now;
        handle = last.openSync(path);
      }
      return use(handle);
    };
    const refuse = (): never => {
      throw new Error(`a reader wrote to ${path}`);
    };
    return {
      path,
      readSync: (into, position) => file((opened) => opened.readSync(into, position)),
      read: async (into, position) => file((opened) => opened.readSync(into, position)),
      size: () => file((opened) => opened.size()),
      writeSync: refuse,
      sync: async () => refuse(),
      truncate: async () => refuse(),
      close: async () => {
        if (isClosed) return;
        this.openHandles--;
        isClosed = true;
        await handle.close();
      },
    };
  }

  stat: Disk["stat"] = (path) => this.now.stat(path);
  list: Disk["list"] = (path) => this.now.list(path);
  makeDirectory: Disk["makeDirectory"] = (path) => refused("makeDirectory", path);
  rename: Disk["rename"] = (path) => refused("rename", path);
  unlink: Disk["unlink"] = (path) => refused("unlink", path);
  syncDirectory: Disk["syncDirectory"] = (path) => refused("syncDirectory", path);
  lock: Disk["lock"] = (path) => refused("lock", path);
  join: Disk["join"] = (...parts) => this.now.join(...parts);
  dirname: Disk["dirname"] = (path) => this.now.dirname(path);
  resolve: Disk["resolve"] = (path) => this.now.resolve(path);
}

function refused(operation: string, path: string): Promise<never> {
  return Promise.reject(new Error(`a reader called ${operation} on ${path}`));
}
