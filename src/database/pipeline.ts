// The RxJS pipeline: takes each accepted transaction, in the turn it is accepted, through the stages that build indexes.
import { map, type Observable, Subject, type Subscription } from "rxjs";

/** One accepted transaction on its way through the stages. */
export interface AcceptedTransaction {
  readonly firstLsn: number;
  readonly lastLsn: number;
  /** Encoded bytes, records and names. */
  readonly bytes: number;
}

/** Puts what is accepted into the in-memory trees. Later stages (freeze, flush, merge) come behind it. */
export type ApplyStage = (transaction: AcceptedTransaction) => void;

/**
 * One item per transaction, never per event. Delivery is synchronous: when `push` returns, every
 * read sees the transaction.
 */
export class Pipeline {
  readonly #accepted: Subject<AcceptedTransaction> = new Subject();
  readonly #subscription: Subscription;
  #failure: unknown;
  #failed = false;

  constructor(apply: ApplyStage) {
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
  }

  /** Throws where a stage has failed: then the indexes no longer follow the log. */
  push(transaction: AcceptedTransaction): void {
    this.#accepted.next(transaction);
    if (this.#failed) throw this.#failure;
  }

  close(): void {
    this.#subscription.unsubscribe();
    this.#accepted.complete();
  }
}
