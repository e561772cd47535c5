// The push shape of a feed: an Observable that reads the next batch only once the last one has been handled.
import { Observable } from "rxjs";
import type { Scheduler } from "../disk/ports.ts";
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
