// Runs both projections beside a writer, and checks them against a recount: `node examples/projections/run.js`, after
// `npm run build`. The database is a temporary one.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "../../dist/varve.js";
import { activity } from "./activity.js";
import { degrees } from "./degrees.js";

const folder = mkdtempSync(join(tmpdir(), "varve-projections-"));
const people = ["ada", "bob", "eve", "kim", "leo"];
const db = await open(join(folder, "social.varve"));
try {
  const byDegree = await db.project("degrees", degrees);
  const byMinute = await db.project("activity", activity);
  await db.transact((tx) => {
    for (const key of people) tx.putNode(key);
  });
  for (let i = 0; i < 200; i++) {
    await db.transact((tx) => {
      const [from, to] = [people[i % 5], people[(i * 7 + 3) % 5]];
      const known = [...tx.edges(from, { type: "KNOWS", to })];
      if (known.length > 3) {
        tx.removeEdge(known[0].id);
        tx.emit("forgot", { from, to });
      } else {
        tx.addEdge(from, "KNOWS", to);
        tx.emit("met", { from, to });
      }
    });
  }
  await Promise.all([byDegree.caughtUp(), byMinute.caughtUp()]);

  let wrong = byDegree.state.edges === db.edgeCount ? 0 : 1;
  for (const [key, node] of byDegree.out.range()) {
    console.log(`${key}: ${node.out} out, ${node.in} in`);
    if (node.out !== db.degree(key, { direction: "out" })) wrong++;
    if (node.in !== db.degree(key, { direction: "in" })) wrong++;
  }
  let events = 0;
  for (const [minute, counts] of byMinute.out.range()) {
    console.log(minute, counts);
    for (const count of Object.values(counts)) events += count;
  }
  if (events !== 200) wrong++;
  console.log(wrong === 0 ? "a recount agrees" : `${wrong} counts are wrong`);
  process.exitCode = wrong === 0 ? 0 : 1;
} finally {
  await db.close();
  rmSync(folder, { recursive: true, force: true });
}
