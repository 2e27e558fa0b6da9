import { createMemoryBack } from '@tidemark/core'
import { firstValueFrom, map, take, toArray } from 'rxjs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { changes$ } from '../src/index.ts'
import { deferred } from './support/deferred.ts'
import { withLog } from './support/reading.ts'
import { commitNumbers } from './support/writing.ts'

afterEach(() => vi.restoreAllMocks())

describe('changes$', () => {
  it('is cold: each subscription reads for itself', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    const pages$ = changes$(back.log, { from: 'start', batch: 2 }).pipe(
      map((batch) => batch.changes.map((change) => change.seq)),
      take(2),
      toArray(),
    )
    expect(await Promise.all([firstValueFrom(pages$), firstValueFrom(pages$)])).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [1, 2],
        [3, 4],
      ],
    ])
  })

  it('unsubscribing ends the wait', async () => {
    const back = createMemoryBack()
    const waiting = deferred()
    let signal: AbortSignal | undefined
    const log = withLog(back.log, {
      wait: (after, waitSignal) => {
        signal = waitSignal
        waiting.resolve()
        return back.log.wait(after, waitSignal)
      },
    })
    const seen: unknown[] = []
    const subscription = changes$(log).subscribe((batch) => seen.push(batch))
    await waiting.promise
    subscription.unsubscribe()
    expect(signal?.aborted).toBe(true)
    await commitNumbers(back, 1)
    await new Promise(setImmediate)
    expect(seen).toEqual([])
  })

  it('unsubscribing in the middle of a batch reads no further page', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    let reads = 0
    const log = withLog(back.log, { read: (options) => (reads++, back.log.read(options)) })
    await firstValueFrom(changes$(log, { from: 'start', batch: 1 }))
    await new Promise(setImmediate)
    expect(reads).toBe(1)
  })

  it('completes when the signal aborts', async () => {
    const controller = new AbortController()
    const completed = deferred()
    changes$(createMemoryBack().log, { signal: controller.signal }).subscribe({ complete: completed.resolve })
    controller.abort()
    await completed.promise
  })

  it('hands errors of the log to the subscriber', async () => {
    await expect(firstValueFrom(changes$(createMemoryBack().log, { after: 'nonsense' }))).rejects.toMatchObject({
      code: 'TOKEN_INVALID',
    })
  })

  it('a subscriber that throws is ended with its own error, and the batch is not passed over', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 3)
    const failed = deferred()
    const boom = new Error('boom')
    const seen: number[] = []
    const errors: unknown[] = []
    changes$(back.log, { from: 'start', batch: 1 })
      .pipe(map((batch) => batch.changes[0]!.seq))
      .subscribe({
        next(seq) {
          seen.push(seq)
          if (seq === 2) throw boom
        },
        error(error) {
          errors.push(error)
          failed.resolve()
        },
      })
    await failed.promise
    await new Promise(setImmediate)
    expect(seen).toEqual([1, 2])
    expect(errors).toEqual([boom])
  })

  it('prints the failure of a subscriber that has no error handler', async () => {
    const printed = deferred()
    const print = vi.spyOn(console, 'error').mockImplementation(() => printed.resolve())
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    const boom = new Error('boom')
    changes$(back.log, { from: 'start' }).subscribe(() => {
      throw boom
    })
    await printed.promise
    expect(print).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('changes$'), boom)
  })
})
