// The engine as the explorer is told of it: a small graph under eight operations, and the model of what they make. It is plain
// JavaScript, so that threads can load it beside the built package.

export const databasePath = "/graph";

const pad = Array.from({ length: 1900 }, (_, at) => String.fromCharCode(97 + ((at * 7) % 26))).join(
  "",
);

/** What each operation writes: a pure description, which both the engine and the model follow. */
const writes = {
  small: [{ put: "a" }],
  batch: [{ put: "a" }, { put: "b" }, { link: ["a", "knows", "b"] }, { emit: "met" }],
  large: Array.from({ length: 20 }, (_, at) => ({ put: `big.${at}`, pad: true })),
  delete: [{ remove: "a" }, { emit: "gone" }],
};

/** They leave the graph as it is, and cover no write that still waits to be accepted: each write is durable by itself. */
const idle = ["checkpoint", "flush", "ack"];

/**
 * @param open the function `open` of the package, or one with the same parameters.
 * @param options more options of `open`.
 */
export function graphSubject(open, options = {}) {
  return {
    open: (ports) =>
      open(databasePath, {
        ...ports,
        segmentBytes: 64 * 1024,
        memoryBudget: 16 * 2 ** 20,
        ...options,
      }),
    close: async (db) => {
      await db.close();
      return "durable";
    },
    run,
    read,
    initial: () => ({ nodes: {}, edges: [], events: [] }),
    apply,
    alphabet: [...Object.keys(writes), ...idle],
    isIdle: (command) => idle.includes(command),
    afterwards: ["batch"],
    failed: ({ code }) => (code === "DISK_FULL" || code === "IO" ? "rejected" : "unknown"),
    isHonest: ({ code }) => ["DISK_FULL", "IO", "POISONED", "CORRUPT"].includes(code),
    // The reserve is space, not data.
    isScratch: (path) => path.endsWith("/reserve"),
    traits,
  };
}

async function run(db, command) {
  if (command === "checkpoint") await db.checkpoint();
  else if (command === "flush") await db.flush();
  else if (command === "ack") await ack(db);
  else await db.transact((tx) => perform(tx, writes[command]));
  return idle.includes(command) ? "nothing" : "durable";
}

function perform(tx, steps) {
  for (const step of steps) performStep(tx, step);
}

function performStep(tx, write) {
  if ("put" in write) {
    const count = (tx.node(write.put)?.props.count ?? 0) + 1;
    tx.putNode(write.put, { props: write.pad ? { count, pad } : { count } });
  } else if ("link" in write) tx.addEdge(...write.link);
  else if ("emit" in write) tx.emit(write.emit);
  else if (tx.hasNode(write.remove)) tx.removeNode(write.remove);
}

/** Acknowledges what a consumer is given first, unless another is at that. */
async function ack(db) {
  try {
    const consumer = await db.consumer("reader");
    for await (const batch of consumer) {
      if (batch.changes.length > 0) await consumer.ack(batch.lastLsn);
      break;
    }
  } catch (error) {
    if (error.code !== "CONSUMER_BUSY") throw error;
  }
}

function apply(state, command) {
  const nodes = { ...state.nodes };
  let edges = state.edges;
  const events = [...state.events];
  for (const write of writes[command] ?? []) {
    if ("put" in write) {
      const count = (nodes[write.put]?.count ?? 0) + 1;
      nodes[write.put] = write.pad ? { count, pad } : { count };
    } else if ("link" in write) edges = [...edges, write.link.join(" ")];
    else if ("emit" in write) events.push(write.emit);
    else {
      delete nodes[write.remove];
      edges = edges.filter((edge) => !edge.split(" ").includes(write.remove));
    }
  }
  return { nodes, edges, events };
}

/** What the graph shows, and, which must be the same, what its changes add up to. */
async function read(db) {
  const shown = { nodes: {}, edges: [] };
  for (const node of db.nodes()) {
    shown.nodes[node.key] = { ...node.props };
    for (const to of db.neighbors(node.key, { direction: "out" })) {
      if (!db.hasNode(to))
        throw new Error(`O9: ${node.key} has the neighbour ${to}, which is not there`);
    }
    for (const edge of db.edges(node.key, { direction: "out" })) {
      shown.edges.push(`${edge.from} ${edge.type} ${edge.to}`);
    }
  }
  const told = await fold(db);
  const { events, ...graph } = told;
  if (!isSame(graph, shown)) {
    throw new Error(
      `O9: the changes make ${JSON.stringify(graph)}, shown is ${JSON.stringify(shown)}`,
    );
  }
  return { ...shown, events };
}

function isSame(told, shown) {
  return (
    isSameObject(told.nodes, shown.nodes, (one, other) => isSameObject(one, other, Object.is)) &&
    isSameObject([...told.edges].sort(), [...shown.edges].sort(), Object.is)
  );
}

function isSameObject(one, other, isSameMember) {
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every((name) => Object.hasOwn(other, name) && isSameMember(one[name], other[name]));
}

async function fold(db) {
  const nodes = {};
  let edges = [];
  const events = [];
  let next = 1;
  for await (const batch of db.changes({ live: false })) {
    if (batch.firstLsn !== next) throw new Error(`S3: a gap before ${batch.firstLsn}`);
    next = batch.nextLsn;
    for (const change of batch.changes) {
      if (change.kind === "node.put") nodes[change.key] = { ...change.props };
      else if (change.kind === "node.remove") delete nodes[change.key];
      else if (change.kind === "edge.add") edges.push(`${change.from} ${change.type} ${change.to}`);
      else if (change.kind === "edge.remove") {
        const gone = `${change.from} ${change.type} ${change.to}`;
        edges = edges.filter((edge) => edge !== gone);
      } else if (change.kind === "event") events.push(change.name);
    }
  }
  if (next !== db.durableLsn + 1) throw new Error(`S3: the feed ends before ${db.durableLsn}`);
  return { nodes, edges, events };
}

function traits({ recovery }) {
  const found = [recovery.clean ? "clean" : "unclean"];
  if (recovery.checkpointLsn > 0) found.push("from a checkpoint");
  if (recovery.truncatedBytes > 0) found.push("tail cut");
  if (recovery.quarantined.length > 0) found.push("segment set aside");
  return found;
}
