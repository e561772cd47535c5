// A shop that charges for every order exactly once, whatever crashes: orders are events, a consumer charges for them at a bank that
// no crash of this machine takes back. Each flag in `bugs` plants a mistake that such code is known for.

/** The mistakes, each with what it does. */
export const knownBugs = {
  ackFirst: "acknowledges a batch before its charges are made: a crash between the two loses them",
  noKey:
    "charges without a key by which the bank knows a repetition: a crash makes it charge twice",
  earlyCharge: "charges when an order comes in, without waiting for it to be durable",
};

/** The world outside: what has happened there stays. */
export class Bank {
  /** Order to how often it was charged. */
  charges = new Map();
  #keys = new Set();

  copy() {
    const copy = new Bank();
    copy.charges = new Map(this.charges);
    copy.#keys = new Set(this.#keys);
    return copy;
  }

  /** With a key that it has seen before it does nothing. */
  async charge(order, key) {
    if (key !== undefined && this.#keys.has(key)) return;
    this.#keys.add(key);
    this.charges.set(order, (this.charges.get(order) ?? 0) + 1);
  }
}

export class Shop {
  #db;
  #bank;
  #bugs;
  #doneLsn = 0;
  #wake = () => {};

  /** @param open the function `open` of varve. */
  static async open(open, ports, bank, bugs = {}) {
    const shop = new Shop();
    shop.#bank = bank;
    shop.#bugs = bugs;
    shop.#db = await open("/shop", ports);
    const consumer = await shop.#db.consumer("payments");
    void shop.#work(consumer).catch(() => {});
    return shop;
  }

  /** Resolves once the order can not be lost any more. */
  async order(name) {
    const placed = this.#db.transact((tx) => tx.emit("order", name));
    if (this.#bugs.earlyCharge) await this.#bank.charge(name, name);
    await placed;
  }

  async orders() {
    const names = [];
    for await (const { changes } of this.#db.changes({ live: false })) {
      for (const change of changes) names.push(change.value);
    }
    return names;
  }

  /** Resolves once every order there is has been charged for. */
  async caughtUp() {
    while (this.#doneLsn < this.#db.durableLsn) {
      await new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close() {
    return this.#db.close();
  }

  async #work(consumer) {
    this.#done(consumer.lsn);
    for await (const { changes, lastLsn } of consumer) {
      if (this.#bugs.ackFirst && changes.length > 0) await consumer.ack(lastLsn);
      for (const { value, lsn } of changes) {
        if (this.#bugs.earlyCharge) continue;
        await this.#bank.charge(value, this.#bugs.noKey ? undefined : `${value} ${lsn}`);
      }
      if (changes.length > 0) await consumer.ack(lastLsn);
      this.#done(lastLsn);
    }
  }

  #done(lsn) {
    this.#doneLsn = Math.max(this.#doneLsn, lsn);
    this.#wake();
  }
}
