// What the kit has to know of the shop: orders are never lost, and the bank is asked for each of them once.
import { Bank, Shop } from "./shop.js";

/**
 * @param open the function `open` of varve.
 * @param bugs the mistakes to plant; see `knownBugs`.
 */
export function shopSubject(open, bugs = {}) {
  return {
    open: (ports, bank) => Shop.open(open, ports, bank, bugs),
    close: async (shop) => {
      await shop.close();
      return "durable";
    },
    run: (shop, { order }) => shop.order(order),
    read: (shop) => shop.orders(),

    initial: () => [],
    apply: (orders, { order }) => [...orders, order],

    // After every recovery, once the shop has caught up: each order is charged for, once, and nothing else is.
    check: async (shop, orders, bank) => {
      await shop.caughtUp();
      for (const order of new Set(orders)) {
        const due = orders.filter((other) => other === order).length;
        const made = bank.charges.get(order) ?? 0;
        if (made !== due) throw new Error(`${order} was charged ${made} times, ${due} are due`);
      }
      for (const order of bank.charges.keys()) {
        if (!orders.includes(order)) throw new Error(`${order} was charged and does not exist`);
      }
    },
    world: () => new Bank(),
    copyWorld: (bank) => bank.copy(),

    alphabet: [{ order: "tea" }, { order: "cake" }],
    afterwards: [{ order: "last" }],
    isScratch: (path) => path.endsWith("/reserve"),
  };
}
