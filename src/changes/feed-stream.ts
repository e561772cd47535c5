// The stream shape of a feed: a web stream that reads a batch when it is pulled, and none ahead.
import type { BatchSource } from "./batch-iterator.ts";
import type { ChangeBatch } from "./change.ts";

export function streamBatches(batches: BatchSource): ReadableStream<ChangeBatch> {
  return new ReadableStream<ChangeBatch>(
    {
      async pull(controller) {
        const { done, value } = await batches.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await batches.return();
      },
    },
    { highWaterMark: 0 },
  );
}
