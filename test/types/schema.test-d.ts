// Checked by the compiler only: what a schema lets through and what it refuses, in writes and in reads.
import type { Database } from "../../src/database/database.ts";
import type { Transaction } from "../../src/database/transaction.ts";
import type { GraphReader } from "../../src/graph/graph-reader.ts";
import type { GraphTransaction } from "../../src/graph/graph-transaction.ts";

interface Person {
  name: string;
  born?: number;
}

interface Social {
  nodes: { Person: Person; City: { population: bigint } };
  edges: { KNOWS: { since: number }; LIVES_IN: { from: Date } };
  events: { "signed-up": { user: string } };
}

interface Layered extends Social {
  maps: { config: { any: number }; names: string };
  graphs: { roads: { nodes: { Town: { name: string } }; edges: { ROAD: { km: number } } } };
}

export function writes(tx: GraphTransaction<Social>): void {
  tx.putNode("ada", { labels: ["Person"], props: { name: "Ada", born: 1815 } });
  tx.putNode("rome", { labels: ["City"], props: { population: 3n } });
  tx.putNode("bare");
  // @ts-expect-error: a label that the schema does not have
  tx.putNode("x", { labels: ["Robot"] });
  // @ts-expect-error: props of another label
  tx.putNode("x", { labels: ["Person"], props: { population: 3n } });
  // @ts-expect-error: a required prop is missing
  tx.putNode("x", { labels: ["Person"], props: {} });

  tx.patchNode<"Person">("ada", { props: { born: null }, removeLabels: ["City"] });
  // @ts-expect-error: a prop of the wrong type
  tx.patchNode<"Person">("ada", { props: { born: "1815" } });

  const id: number = tx.addEdge("ada", "KNOWS", "bob", { since: 1843 });
  tx.addEdge("ada", "KNOWS", "bob");
  // @ts-expect-error: an edge type that the schema does not have
  tx.addEdge("ada", "HATES", "bob");
  // @ts-expect-error: props of another type
  tx.addEdge("ada", "LIVES_IN", "rome", { since: 1843 });
  // @ts-expect-error: a number as a key
  tx.addEdge(1, "KNOWS", "bob");
  tx.patchEdge<"KNOWS">(id, { since: null });
  tx.addEdges({ type: "KNOWS", from: new Uint32Array(1), to: new Uint32Array(1) });
  // @ts-expect-error: ids as a plain array
  tx.addEdges({ type: "KNOWS", from: [1], to: [1] });

  tx.emit("signed-up", { user: "ada" });
  // @ts-expect-error: an event that the schema does not have
  tx.emit("signed-off", {});
  // @ts-expect-error: a value of the wrong shape
  tx.emit("signed-up", { name: "ada" });
}

export function reads(graph: GraphReader<Social>): void {
  const name: string | undefined = graph.node<"Person">("ada")?.props.name;
  for (const city of graph.nodes({ label: "City" })) {
    const population: bigint = city.props.population;
    // @ts-expect-error: a prop of another label
    city.props.name;
    use(population);
  }
  // @ts-expect-error: a label that the schema does not have
  graph.nodes({ label: "Robot" });

  for (const edge of graph.edges("ada")) {
    if (edge.type === "KNOWS") use(edge.props.since.toFixed());
    // @ts-expect-error: known to be there only for one of the types
    else use(edge.props.since);
  }
  for (const edge of graph.edges("ada", { type: "LIVES_IN" })) use(edge.props.from.getTime());
  for (const edge of graph.allEdges({ type: ["KNOWS"] })) use(edge.props.since);
  // @ts-expect-error: an edge type that the schema does not have
  graph.neighborIds(1, { type: "HATES" });
  const path: string[] | undefined = graph.shortestPath("ada", "bob", { type: "KNOWS" });
  use(name, path);
}

export function families(db: Database<Layered>, tx: Transaction<Layered>): void {
  tx.map("config").put("k", { any: 1 });
  // @ts-expect-error: a value of another map
  tx.map("config").put("k", "text");
  // @ts-expect-error: a map that the schema does not have
  tx.map("other");
  const any: number | undefined = tx.map("config").get("k")?.any;
  for (const [key, value] of db.map("names").range({ gte: "a", limit: 2 })) {
    use(key.length, value.length);
  }
  // @ts-expect-error: no option of range
  db.map("names").range({ from: "a" });
  tx.graph("roads").putNode("x", { labels: ["Town"], props: { name: "X" } });
  tx.graph("roads").addEdge("x", "ROAD", "y", { km: 2 });
  // @ts-expect-error: a label of the default graph
  tx.graph("roads").putNode("x", { labels: ["Person"] });
  // @ts-expect-error: a graph that the schema does not have
  db.graph("rails");
  const km: number | undefined = db.graph("roads").edge<"ROAD">(1)?.props.km;
  const town: string | undefined = db.snapshot().graph("roads").node<"Town">("x")?.props.name;
  tx.dropGraph("roads");
  tx.dropMap("names");
  // @ts-expect-error: a map, not a graph
  tx.dropGraph("names");
  use(any, km, town);
}

export function familiesWithoutSchema(db: Database, tx: Transaction): void {
  tx.map("any").put("k", [1, null]);
  tx.graph("any").putNode("x", { labels: ["L"] });
  const value: unknown = db.map("any").get("k");
  // @ts-expect-error: nothing is known of the value
  const text: string = db.map("any").get("k");
  use(value, text);
}

export function withoutSchema(graph: GraphReader, tx: GraphTransaction): void {
  tx.putNode("a", { labels: ["Any"], props: { any: [1, { b: null }] } });
  tx.addEdge("a", "ANY", "b", { x: 1 });
  tx.emit("anything", 7);
  const value: unknown = graph.node("a")?.props["any"];
  const type: string | undefined = graph.edge(1)?.type;
  // @ts-expect-error: nothing is known of the value
  const text: string = graph.node("a")?.props["any"];
  use(value, type, text);
}

function use(..._values: unknown[]): void {
  // Only what the compiler says of the arguments matters.
}

export async function past(db: Database<Social>): Promise<void> {
  const view = await db.asOf(new Date(0), { signal: undefined });
  const name: string | undefined = view.node<"Person">("ada")?.props.name;
  // @ts-expect-error: a label that the schema does not have
  view.nodes({ label: "Robot" });
  for await (const change of db.history("ada", { from: 1, to: new Date(0) })) {
    if (change.kind === "node.put") use(change.labels.length);
  }
  for await (const change of db.diff(view, 7)) use(change.lsn);
  // @ts-expect-error: no point of the history
  await db.asOf("yesterday");
  // @ts-expect-error: neither a key nor an edge id
  db.history(7n);
  use(name, view.lsn);
}
