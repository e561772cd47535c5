// The RxJS pipeline: takes each accepted transaction, in the turn it is accepted, into the trees, and wakes the stages behind them.
import {
  defer,
  EMPTY,
  exhaustMap,
  expand,
  map,
  Observable,
  retry,
  Subject,
  type Subscription,
} from "rxjs";
import type { Scheduler } from "../disk/ports.ts";

/** One accepted transaction on its way through the stages. */
export interface AcceptedTransaction {
  readonly firstLsn: number;
  readonly lastLsn: number;
  /** Encoded bytes, records and names. */
  readonly bytes: number;
}

/** Puts what is accepted into the active layer of the trees. */
export type ApplyStage = (transaction: AcceptedTransaction) => void;

/** Does one step of work in the background; resolves to whether there may be another. */
export type BackgroundStage = () => Promise<boolean>;

const retryMsMin = 50;
const retryMsMax = 10_000;

/**
 * One item per transaction, never per event. Delivery to the trees is synchronous: when `push` returns, every
 * read sees the transaction. The stages behind them run one step at a time, each on its own; a step that fails is
 * tried again, later and later, from what the stage finds then: nothing is lost or done twice.
 */
export class Pipeline {
  readonly #accepted: Subject<AcceptedTransaction> = new Subject();
  readonly #stages: readonly Loop[];
  readonly #subscription: Subscription;
  #failure: unknown;
  #failed = false;

  constructor(apply: ApplyStage, stages: readonly BackgroundStage[], background: Background) {
    const applied$: Observable<number> = this.#accepted.pipe(
      map((transaction) => {
        apply(transaction);
        return transaction.lastLsn;
      }),
    );
    this.#subscription = applied$.subscribe({
      error: (error: unknown) => {
        this.#failed = true;
        this.#failure = error;
      },
    });
    this.#stages = stages.map((stage) => new Loop(stage, background));
  }

  /** Throws where a stage has failed: then the indexes no longer follow the log. */
  push(transaction: AcceptedTransaction): void {
    this.#accepted.next(transaction);
    if (this.#failed) throw this.#failure;
  }

  /** Has the stages look whether they have something to do. */
  wake(): void {
    for (const stage of this.#stages) stage.wake();
  }

  close(): void {
    this.#subscription.unsubscribe();
    this.#accepted.complete();
    for (const stage of this.#stages) stage.close();
  }
}

/** What the loops of the background stages need of the world around them. */
export interface Background {
  readonly scheduler: Scheduler;
  /** Told of each step that failed; undefined once one has worked again. */
  failed(error: unknown): void;
}

/** Runs the steps of one stage while there are any, one at a time. */
class Loop {
  readonly #woken: Subject<void> = new Subject();
  readonly #subscription: Subscription;
  #isWoken = false;
  #failures = 0;

  constructor(stage: BackgroundStage, background: Background) {
    const step$ = defer(() => {
      this.#isWoken = false;
      return stage();
    });
    const steps$ = step$.pipe(
      // A wake-up in the middle of the last step is not lost: the step may have looked before it.
      expand((more) => (more || this.#isWoken ? step$ : EMPTY)),
      map(() => {
        if (this.#failures > 0) background.failed(undefined);
        this.#failures = 0;
      }),
      retry({
        delay: (error: unknown) => {
          background.failed(error);
          return pause(background.scheduler, retryDelayMs(this.#failures++));
        },
      }),
    );
    this.#subscription = this.#woken.pipe(exhaustMap(() => steps$)).subscribe();
  }

  wake(): void {
    this.#isWoken = true;
    this.#woken.next();
  }

  close(): void {
    this.#subscription.unsubscribe();
    this.#woken.complete();
  }
}

function retryDelayMs(failures: number): number {
  return Math.min(retryMsMax, retryMsMin * 2 ** failures);
}

/** Emits once, after so many ms of the scheduler. */
function pause(scheduler: Scheduler, ms: number): Observable<void> {
  return new Observable((subscriber) =>
    scheduler.after(ms, () => {
      subscriber.next();
      subscriber.complete();
    }),
  );
}
