// Measures the change feed as built in dist: catch-up through each shape, the time from durable commit to delivery, and what live
// subscribers cost the writer, at full speed and at a pace. `node bench/changes/feed.bench.js [part...]`, parts: catch-up, tail, writer,
// paced, lag (PACE, SUBSCRIBERS, SECONDS, LAG_EVENTS change the last two).
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { edgeProps, makeWorkload, nodeProps } from "../workload.js";

const { open } = await import(process.env.VARVE_DIST ?? "../../dist/varve.js");
const parts = process.argv.slice(2);
const wanted = (part) => parts.length === 0 || parts.includes(part);
const folder = mkdtempSync(join(tmpdir(), "varve-feed-"));

async function within(name, work) {
  const db = await open(join(folder, name));
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

const rounds = 12;

/** Runs `read` some times; prints the best and the median rate, and the best one per second of processor time, all threads together. */
async function rate(title, read) {
  const rates = [];
  let bestOfCpu = 0;
  for (let round = 0; round < rounds; round++) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    const events = await read();
    rates.push(events / (performance.now() - start) / 1000);
    const { user, system } = process.cpuUsage(cpu);
    bestOfCpu = Math.max(bestOfCpu, events / (user + system));
  }
  rates.sort((a, b) => b - a);
  console.log(
    `${title.padEnd(36)} ${rates[0].toFixed(2)} M/s, median ${rates[rounds / 2].toFixed(2)} ` +
      `(${bestOfCpu.toFixed(2)} M per CPU second)`,
  );
}

async function catchUp(db) {
  const w = makeWorkload({ scale: 17, edgeCount: 400_000 });
  const os = { durability: "os" };
  for (let s = 0; s < w.nodeCount; s += 1000) {
    await db.transact((tx) => {
      for (let i = s; i < Math.min(s + 1000, w.nodeCount); i++)
        tx.putNode(w.keys[i], { props: nodeProps(i) });
    }, os);
  }
  for (let s = 0; s < w.edgeCount; s += 1000) {
    await db.transact((tx) => {
      for (let i = s; i < s + 1000; i++)
        tx.addEdge(w.keys[w.from[i]], "KNOWS", w.keys[w.to[i]], edgeProps(i));
    }, os);
  }
  // What ingestion has left for the index to do is not part of what is measured.
  await db.checkpoint();
  const feed = db.changes({ live: false });
  let sum = 0;
  const sumOf = (changes) => {
    for (const change of changes) if (change.kind === "edge.add") sum += change.props.weight;
    return changes.length;
  };
  await rate("batches, every event with props", async () => {
    let events = 0;
    for await (const { changes } of feed) events += sumOf(changes);
    return events;
  });
  await rate("observable", () => {
    let events = 0;
    return new Promise((resolve, reject) => {
      feed.observable().subscribe({
        next: ({ changes }) => {
          events += sumOf(changes);
        },
        error: reject,
        complete: () => resolve(events),
      });
    });
  });
  await rate("readable", async () => {
    let events = 0;
    for await (const { changes } of feed.readable()) events += sumOf(changes);
    return events;
  });
  await rate("events", async () => {
    let events = 0;
    for await (const change of feed.events()) {
      if (change.kind === "edge.add") sum += change.props.weight;
      events++;
    }
    return events;
  });
  await rate("batches, before: true", async () => {
    let events = 0;
    for await (const { changes } of db.changes({ live: false, before: true }))
      events += changes.length;
    return events;
  });
  await rate("batches, a filter that takes nothing", async () => {
    for await (const _batch of db.changes({ live: false, filter: { types: ["LIKES"] } }));
    return db.lastLsn;
  });
  if (!(sum > 0)) throw new Error("nothing was read");
}

/** Commits of one event, `perTurn` at once and again as soon as they are durable, for so many ms. */
async function commitFor(db, ms, perTurn, onDurable) {
  const end = performance.now() + ms;
  let commits = 0;
  while (performance.now() < end) {
    const group = [];
    for (let i = 0; i < perTurn; i++) group.push(db.transact((tx) => tx.emit("tick", commits)));
    const [{ firstLsn }] = await Promise.all(group);
    onDurable?.(firstLsn, performance.now());
    commits += perTurn;
  }
  return commits / (ms / 1000);
}

async function tail(db) {
  const heard = new Map();
  const abort = new AbortController();
  const reading = (async () => {
    for await (const { changes } of db.changes({ from: "now", signal: abort.signal })) {
      const now = performance.now();
      for (const { lsn } of changes) heard.set(lsn, now);
    }
  })().catch(() => {});
  const durable = [];
  const commits = await commitFor(db, 3000, 16, (lsn, at) => durable.push([lsn, at]));
  await new Promise((resolve) => setTimeout(resolve, 50));
  abort.abort();
  await reading;
  const delays = durable.map(([lsn, at]) => Math.max(0, heard.get(lsn) - at)).sort((a, b) => a - b);
  const at = (part) => delays[Math.floor((delays.length - 1) * part)].toFixed(3);
  console.log(
    `tail at ${Math.round(commits)} commits/s: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ` +
      `max ${at(1)} ms behind the commit's own answer`,
  );
}

async function writer(db) {
  const run = async (count, options) => {
    const abort = new AbortController();
    let events = 0;
    const feeds = Array.from({ length: count }, async () => {
      try {
        for await (const { changes } of db.changes({
          from: "now",
          signal: abort.signal,
          ...options,
        }))
          events += changes.length;
      } catch {
        // The abort.
      }
    });
    const commits = await commitFor(db, 1500, 64);
    abort.abort();
    await Promise.all(feeds);
    return { commits, events };
  };
  await run(0);
  const title = { 0: "alone", 100: "with 100 live subscribers", 1000: "with 1,000" };
  for (let round = 0; round < 2; round++) {
    for (const count of [0, 100, 1000]) {
      const { commits, events } = await run(count);
      const perSecond = Math.round(commits).toLocaleString("en");
      console.log(
        `writer ${title[count]}: ${perSecond} commits/s, ${events.toLocaleString("en")} delivered`,
      );
    }
  }
}

/** Commits of one event at so many a second, a few at a time as they fall due; how late they are answered, and what they cost. */
async function pacedFor(db, seconds, perSecond) {
  const start = performance.now();
  const cpu = process.cpuUsage();
  const total = seconds * perSecond;
  const answers = [];
  let sent = 0;
  const inFlight = new Set();
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * perSecond));
    for (; sent < due; sent++) {
      const at = performance.now();
      const done = db
        .transact((tx) => tx.emit("tick", sent))
        .then(({ firstLsn }) => {
          const now = performance.now();
          answers.push([firstLsn, now, now - at]);
          inFlight.delete(done);
        });
      inFlight.add(done);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(inFlight);
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { answers, perSecond: total / (ms / 1000), cpuMicros: (user + system) / total };
}

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part) => (sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(2);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}

/** Alone and with live subscribers in turns, in one process: only the two side by side say anything on a busy machine. */
async function paced(db) {
  const pace = Number(process.env.PACE ?? 20_000);
  const subscribers = Number(process.env.SUBSCRIBERS ?? 100);
  const seconds = Number(process.env.SECONDS ?? 2);
  await pacedFor(db, 0.5, pace);
  for (const count of [0, subscribers, 0, subscribers]) {
    const abort = new AbortController();
    const heard = new Map();
    let events = 0;
    const feeds = Array.from({ length: count }, async (_, ordinal) => {
      try {
        for await (const { changes } of db.changes({ from: "now", signal: abort.signal })) {
          events += changes.length;
          if (ordinal > 0) continue;
          const now = performance.now();
          for (const { lsn } of changes) heard.set(lsn, now);
        }
      } catch {
        // The abort.
      }
    });
    const { answers, perSecond, cpuMicros } = await pacedFor(db, seconds, pace);
    await new Promise((resolve) => setTimeout(resolve, 50));
    abort.abort();
    await Promise.all(feeds);
    const delays = answers.map(([lsn, at]) => Math.max(0, (heard.get(lsn) ?? at) - at));
    console.log(
      `${String(count).padStart(5)} subscribers: ${Math.round(perSecond)} commits/s, answered ` +
        `${spread(answers.map(([, , ms]) => ms))}, ${cpuMicros.toFixed(1)} µs of CPU a commit` +
        (count === 0 ? "" : `; delivered ${spread(delays)} behind the answer, ${events} in all`),
    );
  }
}

/** A reader that takes a batch now and then while the writer runs ahead: memory is that of the writer. */
async function lag(db) {
  const total = Number(process.env.LAG_EVENTS ?? 500_000);
  const reader = db.changes({ from: "now" })[Symbol.asyncIterator]();
  let next = reader.next();
  const marks = [];
  for (let done = 0; done < total; done += 1000) {
    await db.transact(
      (tx) => {
        for (let i = 0; i < 1000; i++) tx.emit("tick", i);
      },
      { durability: "os" },
    );
    if (done % (total / 5) !== 0) continue;
    await db.flush();
    const { value } = await next;
    next = reader.next();
    globalThis.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const behind = (db.durableLsn - value.lastLsn).toLocaleString("en");
    marks.push(`${behind} behind: ${((heapUsed + arrayBuffers) / 2 ** 20).toFixed(1)} MiB`);
  }
  console.log(`lag (--expose-gc for exact figures): ${marks.join("; ")}`);
  await reader.return();
}

try {
  if (wanted("paced")) await within("paced", paced);
  if (wanted("lag")) await within("lag", lag);
  if (wanted("catch-up")) await within("catch-up", catchUp);
  if (wanted("tail")) await within("tail", tail);
  if (wanted("writer")) await within("writer", writer);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
