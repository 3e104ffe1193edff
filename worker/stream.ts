/** Event streams on their way to the client: chunk by chunk as they come, broken off when the origin falls silent. */

/** Why a stream was broken off. */
export class StreamIdle extends Error {
  override readonly name = "StreamIdle";
}

/**
 * Passes chunks on unchanged and unbuffered. Breaks off when nothing came for `idleMs`; the origins send a comment every 15 s.
 * When the client goes away the source is cancelled.
 */
export function endWhenIdle(source: ReadableStream<Uint8Array>, idleMs: number): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let idle = false;
        const timer = setTimeout(() => {
          idle = true;
          // Ends the pending read; a silent origin is told to stop.
          void reader.cancel(new StreamIdle()).catch(() => undefined);
        }, idleMs);
        try {
          const { done, value } = await reader.read();
          // A stream that broke off must not look like one that came to its end.
          if (idle) controller.error(new StreamIdle());
          else if (done) controller.close();
          else controller.enqueue(value);
        } finally {
          clearTimeout(timer);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
