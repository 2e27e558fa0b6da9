import { type MarkWrite, Payload, type SharedJournal, type StoreKey, TidemarkError } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import type { WriteBehindOptions } from '../../src/index.ts'
import { Machine, turns } from './support/machine.ts'
import type { Process } from './support/process.ts'

const LEASE_MS = 1_000
const EVERYTHING = { start: new Uint8Array(), end: undefined }

/** A journal that is shared, as one in Redis is, and that cannot be reached at times. */
class Shared {
  isReachable = true
  readonly #rows = new Map<string, { readonly row: number; readonly bytes: Uint8Array }[]>()

  get journal(): SharedJournal {
    const reach = <T>(work: () => T): Promise<T> =>
      this.isReachable
        ? Promise.resolve(work())
        : Promise.reject(new TidemarkError('FRONT_UNAVAILABLE', 'Redis is down', { retryable: true }))
    const rowsOf = (journal: string): { readonly row: number; readonly bytes: Uint8Array }[] => {
      const rows = this.#rows.get(journal) ?? []
      this.#rows.set(journal, rows)
      return rows
    }
    return {
      name: 'shared',
      append: (journal, row) => reach(() => void rowsOf(journal).push(row)),
      seal: () => reach(() => {}),
      unseal: () => reach(() => {}),
      read: (journal, after) => reach(() => rowsOf(journal).filter(({ row }) => row > after)),
      trim: () => reach(() => {}),
      drop: (journal) => reach(() => void this.#rows.delete(journal)),
      close: async () => {},
    }
  }
}

/** What a process has acknowledged and left behind, which is nobody's now. */
async function left(
  machine: Machine,
  options: WriteBehindOptions = {},
  write?: (process: Process) => Promise<unknown>,
) {
  const process = machine.start({ leaseMs: LEASE_MS, ...options })
  if (write === undefined) for (const key of ['a', 'b', 'c']) await process.store.set(key, 1)
  else await write(process)
  process.kill()
  await machine.after(LEASE_MS)
}

async function marksOf({ back }: Machine, kind: string): Promise<readonly StoreKey[]> {
  const marks = await back.marks.scan(EVERYTHING, { after: undefined, limit: 100 })
  return marks.flatMap(({ key }) => (key.tuple[3] === kind ? [key] : []))
}

async function change({ back }: Machine, key: StoreKey, to: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  const [mark] = await back.marks.read([key])
  const value = Payload.fromBytes(back.codec, to(mark!.bytes.slice()))
  await back.marks.write([{ key, value } satisfies MarkWrite])
}

const flipped = (bytes: Uint8Array): Uint8Array => bytes.with(bytes.length - 3, bytes.at(-3)! ^ 1)

describe('a row that was damaged', () => {
  test.each([
    ['one bit is another one', flipped],
    ['it was cut', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 4)],
    ['nothing is left of it', () => new Uint8Array(0)],
  ])('(%s) is set aside with its bytes, once, and the others are flushed in their order', async (_, damage) => {
    const machine = new Machine()
    await left(machine)
    const [, second] = await marksOf(machine, 'row')
    await change(machine, second!, damage)
    const [{ bytes }] = [(await machine.back.marks.read([second!]))[0]!]
    const next = machine.start()
    await next.tiers.recoverWrites({ isRequired: true })
    const { changes } = await machine.back.log.read({ after: 0, limit: 9 })
    expect(changes.map(({ key }) => key.tuple[0])).toEqual(['a', 'c'])
    const letters = await Array.fromAsync(next.tiers.deadLetters())
    expect(letters).toMatchObject([{ writes: [], bytes: Uint8Array.from(bytes) }])
    await turns()
    expect(next.errors).toMatchObject([{ name: 'CorruptError', key: second!.id }])
    expect((next.errors[0] as Error).message).toContain(`row 2 of the journal ${String(second!.tuple[4])}`)
    // It cannot be written, and is not lost by the attempt.
    await expect(next.tiers.redeem(letters[0]!.id)).rejects.toMatchObject({ name: 'CorruptError' })
    expect([await next.tiers.dropDeadLetter(letters[0]!.id), await marksOf(machine, 'row')]).toEqual([true, []])
  })

  test('as the note of whose journal it is: its rows are flushed', async () => {
    const machine = new Machine()
    await left(machine)
    const [owner] = await marksOf(machine, 'owner')
    await change(machine, owner!, () => new Uint8Array(0))
    await machine.start().tiers.recoverWrites({ isRequired: true })
    expect([await machine.back.log.head(), await marksOf(machine, 'owner')]).toEqual([3, []])
  })
})

describe('calls of one turn, which stand in one row', () => {
  test('are set aside by themselves where one of them is refused when they are recovered', async () => {
    const machine = new Machine()
    await left(machine, {}, ({ store }) =>
      Promise.all([
        store.set('fine', 1),
        store.setMany([
          ['bad', 1],
          ['with bad', 1],
        ]),
        store.set('fine too', 1),
      ]),
    )
    const commit = machine.back.commit.bind(machine.back)
    machine.back.commit = async (proposal, ...rest) => {
      const writes = proposal.reads.length === 0 ? proposal.decide([]) : []
      if (writes.some(({ key }) => key.tuple[0] === 'bad')) throw new RangeError('too large')
      return commit(proposal, ...rest)
    }
    const next = machine.start()
    await next.tiers.recoverWrites({ isRequired: true })
    const held = await Array.fromAsync(machine.other.keys(), ([key]) => key)
    expect([held, await marksOf(machine, 'row')]).toEqual([['fine', 'fine too'], []])
    const letters = await Array.fromAsync(next.tiers.deadLetters(), ({ writes }) => writes.map(({ key }) => key[0]))
    expect(letters).toEqual([['bad', 'with bad']])
  })
})

test('a row that only a later release can read is kept, and told of, and keeps nobody else’s back', async () => {
  const machine = new Machine()
  await left(machine)
  const [row] = await marksOf(machine, 'row')
  const { codec } = machine.back
  const bundle = Payload.bundle(codec, Uint8Array.of(99), [])
  await machine.back.marks.write([{ key: row!, value: bundle }])
  await left(machine, {}, ({ store }) => store.set('of another', 1))
  const next = machine.start()
  await expect(next.tiers.recoverWrites({ isRequired: true })).rejects.toMatchObject({
    code: 'UNRECOVERED',
    retryable: false,
    cause: { key: row!.id, mayBeWhole: true },
  })
  expect([await next.store.get('of another'), (await marksOf(machine, 'row')).length]).toEqual([1, 3])
  expect(await Array.fromAsync(next.tiers.deadLetters())).toEqual([])
})

describe('a journal that cannot be reached', () => {
  async function unreachable(
    write?: (process: Process) => Promise<unknown>,
    options: WriteBehindOptions = {},
  ): Promise<{ readonly machine: Machine; readonly shared: Shared; readonly next: Process }> {
    const machine = new Machine()
    const shared = new Shared()
    await left(machine, { acknowledge: 'front', shared: shared.journal }, write)
    shared.isReachable = false
    return { machine, shared, next: machine.start({ shared: shared.journal, leaseMs: LEASE_MS, ...options }) }
  }

  async function back({ machine, shared }: { readonly machine: Machine; readonly shared: Shared }): Promise<void> {
    shared.isReachable = true
    for (let i = 0; i < 3; i++) await machine.after(LEASE_MS)
  }

  const pairs = async ({ store, tiers }: Process): Promise<unknown> => {
    await store.set('gone', 'left')
    await store.setMany([
      ['a', 'left'],
      ['with a', 'left'],
    ])
    await store.set('free', 'left')
    return tiers.checkpoint('', 'left')
  }

  test('for so long is waited for, and the store is not opened then', async () => {
    const { machine, next } = await unreachable()
    const opened = next.tiers.recoverWrites({ isRequired: true })
    opened.catch(() => undefined)
    let isOver = false
    void opened.finally(() => (isOver = true)).catch(() => undefined)
    for (let ms = 0; ms < 9_500; ms += 500) await machine.after(500)
    expect(isOver).toBe(false)
    await machine.after(1_000)
    await expect(opened).rejects.toMatchObject({
      code: 'UNRECOVERED',
      retryable: true,
      cause: { code: 'FRONT_UNAVAILABLE' },
    })
  })

  test('at first is recovered as soon as it can be, before the store is opened', async () => {
    const { machine, shared, next } = await unreachable()
    const opened = next.tiers.recoverWrites({ isRequired: true })
    await machine.after(1_000)
    shared.isReachable = true
    await machine.after(1_000)
    await opened
    expect([await next.store.get('c'), next.errors]).toEqual([1, []])
  })

  test('as this store has none is told at once', async () => {
    const { machine } = await unreachable()
    const other = machine.start()
    await expect(other.tiers.recoverWrites({ isRequired: true })).rejects.toMatchObject({ code: 'UNRECOVERED' })
  })

  test('overwrites nothing when it is recovered at last that was written since; the rest of it comes then', async () => {
    const state = await unreachable(pairs, { unrecovered: 'leave', recoverWithinMs: 0 })
    const { machine, next } = state
    await next.tiers.recoverWrites({ isRequired: true })
    await turns()
    expect(next.errors).toMatchObject([{ code: 'FRONT_UNAVAILABLE' }])
    await machine.other.set('a', 'newer')
    await machine.other.set('gone', 'newer')
    await machine.other.delete('gone')
    await back(state)
    const found = await machine.other.getMany(['a', 'with a', 'free', 'gone'])
    expect(Array.from(found, ([[key], value]) => [key, value])).toEqual([
      ['a', 'newer'],
      ['free', 'left'],
    ])
    const letters = await Array.fromAsync(next.tiers.deadLetters(), ({ writes }) => writes.map(({ key }) => key[0]))
    expect(letters).toEqual(expect.arrayContaining([['gone'], ['a', 'with a']]))
    expect([letters.length, await next.tiers.lastCheckpoint('')]).toEqual([2, 'left'])
    expect([await marksOf(machine, 'owner'), await marksOf(machine, 'held-back')]).toEqual([[], []])
  })

  test('does not put a checkpoint in the place of a later one', async () => {
    const state = await unreachable(pairs, { unrecovered: 'leave', recoverWithinMs: 0 })
    await state.next.tiers.recoverWrites({ isRequired: true })
    await state.next.tiers.checkpoint('', 'newer')
    await state.next.tiers.flush()
    await back(state)
    expect([await state.next.tiers.lastCheckpoint(''), await state.next.store.get('free')]).toEqual(['newer', 'left'])
  })

  test('does not bring back what was invalidated since by a tag that it carries', async () => {
    const state = await unreachable(({ store }) => store.set('tagged', 'left', { tags: ['t', 'u'] }), {
      unrecovered: 'leave',
      recoverWithinMs: 0,
    })
    await state.next.tiers.recoverWrites({ isRequired: true })
    await state.machine.other.invalidateTag('u')
    await back(state)
    const letters = await Array.fromAsync(state.next.tiers.deadLetters(), ({ writes }) => writes.map(({ key }) => key))
    expect([await state.machine.other.get('tagged'), letters]).toEqual([undefined, [[['tagged']]]])
  })

  test('overwrites nothing for those who had opened the store before, either', async () => {
    const state = await unreachable(pairs)
    const { machine, next } = state
    await next.tiers.recoverWrites()
    await next.store.set('a', 'newer')
    await next.tiers.flush()
    await back(state)
    expect([await next.store.get('a'), await next.store.get('free')]).toEqual(['newer', 'left'])
    expect(await machine.other.get('with a')).toBeUndefined()
  })

  test('overwrites nothing that is written and deleted while it is recovered', async () => {
    const state = await unreachable(({ store }) => store.set('k', 'left'), { unrecovered: 'leave', recoverWithinMs: 0 })
    const { machine, shared, next } = state
    await next.tiers.recoverWrites({ isRequired: true })
    const commit = machine.back.commit.bind(machine.back)
    machine.back.commit = async (...args) => {
      if (args[0].reads.length === 0 || args[0].lease === undefined) return commit(...args)
      machine.back.commit = commit
      // Between the look at the log and the commit; nothing of it can be seen in the end.
      await machine.other.set('k', 'newer')
      await machine.other.delete('k')
      return commit(...args)
    }
    shared.isReachable = true
    await next.tiers.recoverWrites()
    expect([await machine.other.get('k'), await machine.back.log.head()]).toEqual([undefined, 2])
    expect((await Array.fromAsync(next.tiers.deadLetters())).length).toBe(1)
  })

  test('of who was only slow is his again, and what he writes from then on is not as old as that', async () => {
    const machine = new Machine()
    const shared = new Shared()
    const slow = machine.start({ acknowledge: 'front', shared: shared.journal, leaseMs: LEASE_MS })
    await slow.store.set('a', 'slow')
    slow.pause()
    await machine.after(2 * LEASE_MS)
    shared.isReachable = false
    const next = machine.start({ shared: shared.journal, leaseMs: LEASE_MS })
    await next.tiers.recoverWrites()
    expect((await marksOf(machine, 'held-back')).length).toBe(1)
    slow.resume()
    await slow.tiers.flush()
    await machine.other.set('b', 'others')
    shared.isReachable = true
    await slow.store.set('b', 'slow')
    slow.kill()
    for (let i = 0; i < 3; i++) await machine.after(LEASE_MS)
    expect([await machine.other.get('a'), await machine.other.get('b')]).toEqual(['slow', 'slow'])
  })
})
