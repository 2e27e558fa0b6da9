import { resolve } from 'node:path'
import { changeJson } from '@tidemark/core'
import { assertBatch, type Sink } from '../sink.ts'
import { type JsonLinesOptions, resolveJsonLinesOptions } from './options.ts'
import { type Line, LineWriter } from './line-writer.ts'
import { changeIdOf } from './written-changes.ts'

/** A sink that holds a file. Close it after the consumer. */
export interface JsonLinesSink extends Sink, AsyncDisposable {
  /**
   * Resolves when everything that was handed over is written, and rotated files are compressed. Idempotent.
   * @throws TidemarkError what compressing failed with last, unless there is an `onError`
   */
  close(): Promise<void>
}

/**
 * Appends every change to a file, as one line of JSON: `id` (its idempotency key), then its fields. Each change once,
 * however often its batch comes, as long as one process at a time writes to the file and the files that hold it are kept:
 * what is there already is read when the file is opened, by the first batch. A batch is one write and one sync, together
 * with those of other lanes that wait at the same time, in the order in which they came.
 *
 * A line is there twice only where somebody else is at the file between the last look of a sink at it and the end of its
 * write, which are a few system calls apart:
 * - Another sink writes the same change. So there are two consumers or lanes on one path; or an owner was stopped just there
 *   (SIGSTOP, a suspended machine) for longer than its lease, and the next one has written the batch meanwhile.
 * - Another sink, or somebody by hand, moves the file away. Then the lines are in the file that was moved and in the new one,
 *   as the one that was moved may have been compressed before they were in it.
 *
 * It is what was written together then, once: before its next write a sink sees that the file is another one, or has grown,
 * and reads it. File systems have no write that fails when somebody else has written, so nothing closes this. Both lines
 * are the same bytes: take the first of each `id`.
 *
 * The sink rejects with a TidemarkError, and nothing of the batch in the file: DISK_FULL, READ_ONLY, FOLDER_MISSING, IO;
 * BUSY while another process keeps writing to the file, which then may hold the batch, or lines of it, all the same;
 * CORRUPT for a change that cannot be decoded, or a file that ends in somebody else's half line; CLOSED.
 *
 * @throws TypeError or RangeError for a wrong option.
 */
export function jsonLines(path: string, options: JsonLinesOptions = {}): JsonLinesSink {
  if (typeof path !== 'string' || path === '') throw new TypeError('the path of a JSON lines file must be a text')
  const writer = new LineWriter(resolve(path), resolveJsonLinesOptions(options))
  const sink: Sink = async (changes, context) => {
    assertBatch(changes)
    context.signal.throwIfAborted()
    const lines = changes.map((change): Line => {
      const id = context.idempotencyKey(change)
      return { id: changeIdOf(id, change.seq), bytes: Buffer.from(`${changeJson(id, change)}\n`) }
    })
    await writer.write(lines, context.signal)
  }
  const close = (): Promise<void> => writer.close()
  return Object.assign(sink, { takesBatches: true as const, close, [Symbol.asyncDispose]: close })
}
