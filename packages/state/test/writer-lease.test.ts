import { ShiftedClock } from '@tidemark/testkit'
import { createSqliteBack, type SqliteBack } from '@tidemark/sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { writerKey } from '../src/journal/journal-keys.ts'
import { WriterLease } from '../src/journal/writer-lease.ts'
import { tempFile } from './support/temp.ts'

const LEASE_MS = 60_000

/** Who sleeps has slept at once; in the first moments of that something may happen, once each. */
class SleepingClock extends ShiftedClock {
  readonly #events: (() => unknown)[]

  constructor(...events: (() => unknown)[]) {
    super()
    this.#events = events
  }

  override async sleep(ms: number): Promise<void> {
    await this.#events.shift()?.()
    this.pass(ms)
  }
}

function opened(file: string, clock: SleepingClock): SqliteBack {
  const back = createSqliteBack({ file, clock })
  onTestFinished(() => back.close())
  return back
}

test('a writer waits for one that is dead, also when the clock was ahead when it looked first', async () => {
  const clock = new SleepingClock(() => clock.step(-50_000))
  const file = tempFile()
  await opened(file, clock).leases.acquire(writerKey('bank'), LEASE_MS)
  clock.step(50_000)
  const lease = await WriterLease.take({ back: opened(file, clock), clock, name: 'bank', leaseMs: LEASE_MS })
  await lease.release()
})

test('a writer waits for one that is dead beside another that waits, and the clock goes back', async () => {
  const file = tempFile()
  const clock = new SleepingClock(
    () => clock.pass(20_000),
    async () => {
      clock.step(-600_000)
      expect((await another.leases.acquire(writerKey('bank'), LEASE_MS)).lease).toBeUndefined()
      clock.step(-600_000)
    },
  )
  const another = opened(file, clock)
  await opened(file, clock).leases.acquire(writerKey('bank'), LEASE_MS)
  clock.step(-600_000)
  const lease = await WriterLease.take({ back: opened(file, clock), clock, name: 'bank', leaseMs: LEASE_MS })
  await lease.release()
})

test('a writer is refused as soon as the one that lives prolongs its time', async () => {
  const file = tempFile()

  const clock: SleepingClock = new SleepingClock(
    () => clock.pass(LEASE_MS / 3),
    () => living.leases.renew(lease!, LEASE_MS),
  )
  const living = opened(file, clock)
  const { lease } = await living.leases.acquire(writerKey('bank'), LEASE_MS)
  const began = clock.monotonic()
  const taking = WriterLease.take({ back: opened(file, clock), clock, name: 'bank', leaseMs: LEASE_MS })
  await expect(taking).rejects.toMatchObject({ code: 'ANOTHER_WRITER' })
  expect(clock.monotonic() - began).toBeLessThan(LEASE_MS)
})
