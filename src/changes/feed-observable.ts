// The push shape of a feed: an Observable that reads the next batch only once the last one has been handled.
import { Observable } from "rxjs";
import type { Scheduler } from "../disk/ports.ts";
import type { BatchSource } from "./batch-iterator.ts";
import type { ChangeBatch } from "./change.ts";
import type { FeedReader } from "./feed-reader.ts";

/** Cold: every subscriber gets a reader of its own, and hears nothing before `subscribe` has returned. */
export function observeFeed(open: () => FeedReader, scheduler: Scheduler): Observable<ChangeBatch> {
  return new Observable<ChangeBatch>((subscriber) => {
    const reader = open();
    const later = (): void => scheduler.task(step);
    const step = (): void => {
      if (subscriber.closed) return;
      try {
        const reading = reader.read();
        if (reading === "end") subscriber.complete();
        else if (reading === "wait") reader.wait(later);
        else {
          if (reading !== "again") subscriber.next(reading);
          if (!subscriber.closed) later();
        }
      } catch (error) {
        subscriber.error(error);
      }
    };
    later();
    return () => reader.close();
  });
}

/** The same of batches that are waited for, as those of a consumer are. */
export function observeBatches(
  open: () => BatchSource,
  scheduler: Scheduler,
): Observable<ChangeBatch> {
  return new Observable<ChangeBatch>((subscriber) => {
    const batches = open();
    const later = (): void => scheduler.task(step);
    const step = (): void => {
      if (!subscriber.closed) batches.next().then(deliver, fail);
    };
    const deliver = ({ done, value }: IteratorResult<ChangeBatch, undefined>): void => {
      if (done === true) subscriber.complete();
      else subscriber.next(value);
      if (!subscriber.closed) later();
    };
    const fail = (error: unknown): void => subscriber.error(error);
    later();
    return () => void batches.return();
  });
}

/** Gives `shapes` the method that other libraries look for: a package may define its symbol after this module was loaded. */
export function answerSymbol(shapes: { observable(): Observable<ChangeBatch> }): void {
  const symbol = (Symbol as { readonly observable?: symbol }).observable;
  if (symbol === undefined) return;
  Object.defineProperty(shapes, symbol, { value: () => shapes.observable(), configurable: true });
}
