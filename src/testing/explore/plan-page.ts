// What an exploration has found as a page to open in a browser: the property, the plan, and its story with what became of each effect.
import type { Disk } from "../../disk/ports.ts";
import { timelineStyle } from "../timeline-style.ts";

export interface PageOf {
  readonly property: string;
  readonly message: string;
  readonly minimalPlan: string;
  readonly timeline: string;
}

/** A page of HTML that needs nothing else: no script, no font, no request, and every text escaped. */
export function planPage({ property, message, minimalPlan, timeline }: PageOf): string {
  const rows = timeline.split("\n").map(rowOf).join("\n");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escaped(property)}</title>
<style>
${timelineStyle}
pre { white-space: pre-wrap; line-height: 1.5 }
.life { font-weight: bold; margin-top: 1em; display: inline-block }
.crash, .broken { color: #b00020; font-weight: bold }
.lost, .torn { color: #b00020 }
.kept { color: #1b6e2f }
</style>
<h1>${escaped(property)}</h1>
<p>${escaped(message)}</p>
<p>Replay it with <code>replayPlan(subject, ${escaped(JSON.stringify(minimalPlan))})</code>.</p>
<pre>
${rows}
</pre>
</html>
`;
}

/** Writes the page into a directory, which is made where it is missing; returns its path. */
export async function writePage(
  disk: Disk,
  directory: string,
  name: string,
  page: PageOf,
): Promise<string> {
  if ((await disk.stat(directory)) === undefined) await disk.makeDirectory(directory);
  const path = disk.join(directory, name);
  const file = await disk.open(path, "create");
  try {
    file.writeSync(new TextEncoder().encode(planPage(page)), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  return path;
}

function rowOf(line: string): string {
  const kind = kindOf(line);
  return kind === "" ? escaped(line) : `<span class="${kind}">${escaped(line)}</span>`;
}

function kindOf(line: string): string {
  if (line.startsWith("life ")) return "life";
  if (line.startsWith("  the p")) return "crash";
  if (line.startsWith("  BROKEN")) return "broken";
  const [, outcome = ""] =
    line.match(/^ {4}(kept|lost|prefix|suffix|pieces|garbage|zeros|length) /) ?? [];
  if (outcome === "") return "";
  return outcome === "kept" || outcome === "lost" ? outcome : "torn";
}

function escaped(text: string): string {
  return text.replace(/[&<>"']|\p{C}/gu, (sign) =>
    sign === "\n" ? sign : `&#${sign.codePointAt(0)};`,
  );
}
