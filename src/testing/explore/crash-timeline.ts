// The story of a plan as text: each life with its steps and disk calls, each crash with what became of every effect at risk.
import type { SimulatedDisk } from "../simulated-disk.ts";
import { type DirtyEffect, type Outcome, outcomesOf } from "../survival.ts";
import type { CrashSite, PlannedCrash } from "./crash-plan.ts";
import { formatLoss, formatSite } from "./plan-text.ts";
import type { Violation } from "./violation.ts";

export class CrashTimeline {
  readonly #lines: string[] = [];
  #life = 0;

  get text(): string {
    return this.#lines.join("\n");
  }

  /** What happened in a life up to `last`. */
  life(
    steps: readonly unknown[],
    points: readonly { readonly site: CrashSite }[],
    last: { readonly site: CrashSite } | undefined,
  ): void {
    this.#life += 1;
    this.#lines.push(`life ${this.#life}${this.#life > 1 ? ", recovering" : ""}`, "  open");
    for (const point of points) {
      const { phase, operation, path, occurrence } = point.site;
      if (operation === "step") {
        const next = steps[occurrence];
        if (occurrence > 0) this.#lines.push("    ended");
        if (point !== last) {
          this.#lines.push(next === undefined ? "  close" : `  ${JSON.stringify(next)}`);
        }
      } else if (phase === "after") this.#lines.push(`    ${operation} ${path}`);
      else if (point === last) this.#lines.push(`    (${operation} ${path})`);
      if (point === last) return;
    }
  }

  crash({ site, loss }: PlannedCrash, disk: SimulatedDisk): void {
    const what = loss === "kill" ? "the process is killed" : "the power is cut";
    this.#lines.push(`  ${what} ${formatSite(site)}`);
    const effects = disk.dirtyEffects();
    if (loss === "kill") {
      if (effects.length > 0) this.#lines.push(`    ${effects.length} effects stay at risk`);
      return;
    }
    this.#lines.push(`    (${formatLoss(loss)})`);
    outcomesOf(loss, effects, disk.profile).forEach((outcome, at) => {
      this.#lines.push(`    ${outcomeText(outcome).padEnd(8)} ${effectText(effects[at])}`);
    });
    if (effects.length === 0) this.#lines.push("    everything was durable");
  }

  /** What is done to see whether everything holds. */
  judged(words: string): void {
    this.#life += 1;
    this.#lines.push(`life ${this.#life}, checked: ${words}`);
  }

  end(violation: Violation | undefined): void {
    this.#lines.push(
      violation === undefined ? "  everything holds" : `  BROKEN ${violation.message}`,
    );
  }
}

function outcomeText(outcome: Outcome): string {
  return typeof outcome === "string" ? outcome : outcome.kind;
}

function effectText(effect: DirtyEffect | undefined): string {
  if (effect === undefined) return "";
  const { kind, path, offset, length } = effect;
  const range =
    kind === "write" ? ` [${offset}, +${length})` : kind === "truncate" ? ` to ${offset}` : "";
  return `${kind} ${path}${range}`;
}
