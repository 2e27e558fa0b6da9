import { type Back, createCborCodec, Payload, reservedKey, Store } from '@tidemark/core'
import { encrypted } from '@tidemark/codecs'
import { ShiftedClock } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { drop, journal, prevalent, type Transaction } from '../src/index.ts'
import { interruptedBack } from './support/interrupted-back.ts'
import { openTemp, tempFile } from './support/temp.ts'

interface Log {
  log: string[]
  filler: readonly string[]
}

const LEASE_LOST = { code: 'LEASE_LOST' }
const key = (id: number) => ({ id, key: new Uint8Array(32).fill(id) })

/** One process is stopped for longer than its lease, while others write the same file. */
function stopped(filler: readonly string[] = []) {
  const file = tempFile()
  const clock = new ShiftedClock()
  const options = {
    name: 'p',
    initial: (): Log => ({ log: [], filler }),
    transactions: { add: ({ state }: Transaction<Log>, text: string) => void state.log.push(text) },
    leaseMs: 60_000,
    snapshotEvery: 0,
  }
  const openBack = (codec = createCborCodec() as Back['codec']): Back => openTemp({ file, clock, codec }).back
  const open = (back: Back, more: object = {}) => prevalent({ ...options, store: back, ...more })
  const written = async (back: Back, more: object = {}): Promise<[readonly string[], number]> => {
    await using db = await open(back, more)
    return [db.state.log, db.recovery.dropped.length]
  }
  return { open, openBack, written, beyondTheLease: () => clock.pass(61_000) }
}

/** The real tier, of which the next scans, or reads of marks, fail. */
function failing(real: Back): { readonly back: Back; fail: number } {
  const state = { back: real, fail: 0 }
  const unlessFailing =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (state.fail > 0 && state.fail-- > 0) throw new Error('injected')
      return call(...args)
    }
  const replaced: Partial<Record<keyof Back, unknown>> = {
    scan: unlessFailing(real.scan.bind(real)),
    marks: {
      read: unlessFailing(real.marks.read.bind(real.marks)),
      scan: real.marks.scan.bind(real.marks),
      write: real.marks.write.bind(real.marks),
    },
  }
  state.back = new Proxy(real, {
    get(target, name) {
      const value: unknown = replaced[name as keyof Back] ?? Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return state
}

describe('who was stopped for longer than his lease writes nothing over what others have written', () => {
  test('when he cannot read it: they have another key', async () => {
    const { open, openBack, written, beyondTheLease } = stopped()
    const old = openBack(encrypted(createCborCodec(), { keys: [key(1)], current: 1 }))
    const rotated = openBack(encrypted(createCborCodec(), { keys: [key(1), key(2)], current: 2 }))
    const a = await open(old)
    await a.execute('add', 'a1')
    beyondTheLease()
    const b = await open(rotated)
    await b.execute('add', 'b2')
    await b.execute('add', 'b3')
    await b.close()
    for (const text of ['a2', 'a3', 'a4']) await expect(a.execute('add', text)).rejects.toMatchObject(LEASE_LOST)
    await expect(a.snapshot()).rejects.toMatchObject(LEASE_LOST)
    expect(a.state.log).toEqual(['a1'])
    await a.close()
    expect(await written(rotated)).toEqual([['a1', 'b2', 'b3'], 0])
  })

  test('when he cannot see whether they have: he goes on as soon as he can, if they have not', async () => {
    for (const others of [[], ['b2', 'b3']]) {
      const { open, openBack, written, beyondTheLease } = stopped()
      const faulty = failing(openBack())
      const a = await open(faulty.back)
      await a.execute('add', 'a1')
      beyondTheLease()
      const back = openBack()
      const b = await open(back)
      for (const text of others) await b.execute('add', text)
      await b.close()
      faulty.fail = 1
      await expect(a.execute('add', 'a2')).rejects.toMatchObject(LEASE_LOST)
      const again = a.execute('add', 'a3')
      if (others.length === 0) await again
      else await expect(again).rejects.toMatchObject(LEASE_LOST)
      await a.close()
      expect(await written(back)).toEqual([['a1', ...(others.length === 0 ? ['a3'] : others)], 0])
    }
  })

  test('when there are as many transactions as before, of a system that has been begun anew', async () => {
    const { open, openBack, written, beyondTheLease } = stopped()
    const a = await open(openBack())
    await a.execute('add', 'a1')
    beyondTheLease()
    const back = openBack()
    await drop(back, 'p')
    const b = await open(back)
    await b.execute('add', 'b1')
    await b.close()
    await expect(a.execute('add', 'a2')).rejects.toMatchObject(LEASE_LOST)
    await a.close()
    expect(await written(back)).toEqual([['b1'], 0])
  })

  test('when it was dropped, whether he had written anything or not', async () => {
    for (const before of [[], ['a1']]) {
      const { open, openBack, written, beyondTheLease } = stopped()
      const a = await open(openBack())
      for (const text of before) await a.execute('add', text)
      beyondTheLease()
      const back = openBack()
      await drop(back, 'p')
      await expect(a.execute('add', 'a2')).rejects.toMatchObject(LEASE_LOST)
      await a.close()
      expect(await written(back)).toEqual([[], 0])
    }
  })

  test('when their records were put aside, or removed behind a snapshot', async () => {
    const { open, openBack, written, beyondTheLease } = stopped()
    const a = await open(openBack())
    await a.execute('add', 'a1')
    beyondTheLease()
    const back = openBack()
    const b = await open(back, { keepSnapshots: 1 })
    await b.execute('add', 'b2')
    await b.snapshot()
    await b.close()
    await expect(a.execute('add', 'a2')).rejects.toMatchObject(LEASE_LOST)
    await a.close()
    beyondTheLease()
    const c = await open(back)
    await c.execute('add', 'c3')
    beyondTheLease()
    await new Store(back).set(['p', 'journal', 3], 'torn')
    const d = await open(back)
    expect(d.recovery.dropped).toHaveLength(1)
    await d.close()
    await expect(c.execute('add', 'c4')).rejects.toMatchObject(LEASE_LOST)
    await c.close()
    expect(await written(back)).toEqual([['a1', 'b2'], 0])
  })

  test('when a snapshot that he counts on was damaged, and was removed', async () => {
    const { open, openBack, written, beyondTheLease } = stopped()
    const a = await open(openBack())
    await a.execute('add', 'a1')
    await a.snapshot()
    beyondTheLease()
    const back = openBack()
    const value = Payload.encode(back.codec, 'torn')
    await back.marks.write([{ key: reservedKey('state', 'snapshot', 'p', 1), value }])
    await (await open(back)).close()
    await expect(a.execute('add', 'a2')).rejects.toMatchObject(LEASE_LOST)
    await expect(a.snapshot()).rejects.toMatchObject(LEASE_LOST)
    await a.close()
    expect(await written(back)).toEqual([['a1'], 0])
  })

  test('of a journal on its own', async () => {
    const { openBack, beyondTheLease } = stopped()
    const options = { name: 'j', leaseMs: 60_000 }
    const a = await journal({ store: openBack(), ...options })
    await a.record('a1')
    beyondTheLease()
    const back = openBack()
    await (await journal({ store: back, ...options })).close()
    await a.record('a2')
    beyondTheLease()
    const b = await journal({ store: back, ...options })
    await b.record('b3')
    await b.close()
    await expect(a.record('a3')).rejects.toMatchObject(LEASE_LOST)
    await expect(a.record('a4')).rejects.toMatchObject(LEASE_LOST)
    await a.close()
    expect((await Array.fromAsync(b.read())).map(({ name }) => name)).toEqual(['a1', 'a2', 'b3'])
  })
})

test('a record is never written where there is one, whatever the lease says', async () => {
  const { open, openBack } = stopped()
  const back = openBack()
  await using db = await open(back)
  await db.execute('add', '1')
  await new Store(back).set(['p', 'journal', 2], 'of somebody else')
  await expect(db.execute('add', '2')).rejects.toMatchObject(LEASE_LOST)
  expect(await new Store(back).get(['p', 'journal', 2])).toBe('of somebody else')
  expect(db.state.log).toEqual(['1'])
})

test('a journal that is removed while somebody opens it is not one that lacks anything', async () => {
  const options = { name: 'j', leaseMs: 60_000 }
  const codes = new Set<unknown>()
  for (let at = 0, wasStopped = true; wasStopped; at++) {
    wasStopped = false
    const { openBack, beyondTheLease } = stopped()
    const first = await journal({ store: openBack(), ...options })
    await first.record('1')
    await first.close()
    const meanwhile = async (): Promise<void> => {
      wasStopped = true
      beyondTheLease()
      await drop(openBack(), 'j')
      beyondTheLease()
    }
    const { back } = interruptedBack(openBack(), { at, isBefore: true, meanwhile })
    const opened = await journal({ store: back, ...options }).catch((error: { code?: string }) => error.code)
    codes.add(typeof opened === 'object' ? await opened.close() : opened)
  }
  expect(codes).toEqual(new Set([undefined, 'ANOTHER_WRITER']))
})

describe('a process that is stopped at any step, while others write', { timeout: 120_000 }, () => {
  const ignore = (): void => {}

  /** Ends where it is not stopped any more. */
  async function atEveryStep(
    others: (back: Back, open: ReturnType<typeof stopped>['open'], told: (text: string) => void) => Promise<void>,
    {
      filler = [],
      before,
    }: {
      filler?: readonly string[]
      before?: (back: Back, open: ReturnType<typeof stopped>['open']) => Promise<void>
    } = {},
  ): Promise<number> {
    for (let at = 0; ; at++) {
      let wasStopped = false
      for (const isBefore of [true, false]) {
        const { open, openBack, written, beyondTheLease } = stopped(filler)
        await before?.(openBack(), open)
        const acknowledged = new Set<string>()
        const underWay = new Set<string>()
        /** Done before a drop, and acknowledged after it: their answer was on the way. */
        let gone: ReadonlySet<string> = new Set()
        const meanwhile = async (): Promise<void> => {
          wasStopped = true
          beyondTheLease()
          await others(openBack(), open, (text) => {
            if (text !== 'dropped') return void acknowledged.add(text)
            if (!isBefore) gone = new Set(underWay)
            acknowledged.clear()
          })
          beyondTheLease()
        }
        const { back } = interruptedBack(openBack(), { at, isBefore, meanwhile })
        const call = async (db: { execute(name: 'add', text: string): Promise<void> }, text: string): Promise<void> => {
          underWay.add(text)
          const isDone = await db.execute('add', text).then(
            () => true,
            () => false,
          )
          underWay.delete(text)
          if (isDone) acknowledged.add(text)
        }
        const a = await open(back, { keepSnapshots: 1 }).catch((error: { code?: string }) => {
          // What it has read while others wrote is nothing to be told of.
          expect([at, isBefore, error.code]).toEqual([at, isBefore, 'ANOTHER_WRITER'])
        })
        if (a !== undefined) {
          await Promise.all([call(a, 'a1'), call(a, 'a2')])
          await Promise.all([call(a, 'a3'), a.snapshot().catch(ignore), call(a, 'a4')])
          await call(a, 'a5')
          await call(a, 'a6')
          await a.close()
        }
        beyondTheLease()
        const [log, dropped] = await written(openBack())
        // All that was acknowledged, once, and in the order of each: nobody has written over anybody.
        const expected = [...acknowledged].filter((text) => !gone.has(text) || log.includes(text))
        expect([at, isBefore, log, dropped]).toEqual([at, isBefore, expect.arrayContaining(expected), 0])
        for (const who of ['a', 'b']) {
          const own = log.filter((text) => text.startsWith(who))
          expect(own).toEqual([...new Set(own)].toSorted())
        }
        expect(log.filter((text) => !text.startsWith('0')).length - expected.length).toBeLessThanOrEqual(2)
      }
      if (!wasStopped) return at
    }
  }

  test('a few transactions: all that was acknowledged is there, of both', async () => {
    const steps = await atEveryStep(async (back, open, told) => {
      const b = await open(back)
      for (const text of ['b1', 'b2']) await b.execute('add', text).then(() => told(text))
      await b.close()
    })
    expect(steps).toBeGreaterThan(20)
  })

  test('a snapshot that removes the journal: the same', async () => {
    const steps = await atEveryStep(async (back, open, told) => {
      const b = await open(back, { keepSnapshots: 1 })
      await b.execute('add', 'b1').then(() => told('b1'))
      await b.snapshot()
      await b.close()
    })
    expect(steps).toBeGreaterThan(20)
  })

  test('a snapshot in place of the one that it is about to read, and the journal', async () => {
    const steps = await atEveryStep(
      async (back, open, told) => {
        const b = await open(back, { keepSnapshots: 1 })
        await b.execute('add', 'b1').then(() => told('b1'))
        await b.snapshot()
        await b.close()
      },
      {
        before: async (back, open) => {
          await using db = await open(back)
          for (const text of ['0', '00', '000', '0000']) await db.execute('add', text)
        },
      },
    )
    expect(steps).toBeGreaterThan(20)
  })

  // Of several parts.
  const filler = Array.from({ length: 5_000 }, (_, i) => `filler ${i}`)

  test('nothing, but what they find of its snapshot, they remove: it never completes that', async () => {
    const steps = await atEveryStep(
      async (back, open) => {
        const b = await open(back, { keepSnapshots: 1 })
        await b.close()
      },
      { filler },
    )
    expect(steps).toBeGreaterThan(20)
  })

  test('the snapshot of which it removes what was left: that stays whole', async () => {
    const left = Array.from({ length: 20 }, (_, part) => reservedKey('state', 'snapshot-part', 'p', 4, part))
    const steps = await atEveryStep(
      async (back, open) => {
        const b = await open(back, { keepSnapshots: 1 })
        await b.snapshot()
        await b.close()
      },
      {
        filler,
        before: async (back, open) => {
          const db = await open(back)
          for (const text of ['0', '00', '000', '0000']) await db.execute('add', text)
          await db.close()
          const value = Payload.encode(back.codec, true)
          await back.marks.write(
            [reservedKey('state', 'snapshot-unclean', 'p'), ...left].map((key) => ({ key, value })),
          )
        },
      },
    )
    expect(steps).toBeGreaterThan(20)
  })

  test('another system of the same name: it is that one', async () => {
    const steps = await atEveryStep(async (back, open, told) => {
      await drop(back, 'p')
      told('dropped')
      const b = await open(back)
      for (const text of ['b1', 'b2', 'b3', 'b4']) await b.execute('add', text).then(() => told(text))
      await b.close()
    })
    expect(steps).toBeGreaterThan(20)
  })
})
