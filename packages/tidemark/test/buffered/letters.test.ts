import { ALL_KEYS, Payload } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import { buffered as bufferedOver } from '@tidemark/tiered'
import { describe, expect, test } from 'vitest'
import { buffered, type Buffered, open } from '../../src/index.ts'
import { tempFile } from '../support/temp.ts'

import { journalBack } from './support/journal-back.ts'
import { MapConnector, PATIENT, refused } from './support/map-connector.ts'

/** Refuses one value for good; and all that has a token that it has refused. */
class Picky extends MapConnector<unknown> {
  bad: unknown = 'bad'
  readonly #refused = new Set<string>()

  override async write(...[writes, context]: Parameters<MapConnector['write']>): Promise<void> {
    if (this.#refused.has(context.token) || writes.some(({ value }) => value === this.bad)) {
      this.#refused.add(context.token)
      throw refused()
    }
    return super.write(writes, context)
  }
}

const lettersOf = (buffer: Buffered<unknown>): Promise<readonly unknown[]> =>
  Array.fromAsync(buffer.deadLetters(), ({ writes }) => writes.map(({ key, value }) => [...key, value]))

describe('dead letters of a buffer', () => {
  test('hold what was refused, and nobody else’s writes: other writes have another token', async () => {
    const picky = new Picky('picky')
    const buffer = await buffered<unknown>(picky, PATIENT)
    for (const [i, value] of ['bad', 2, 3, 4].entries()) await buffer.set(`k${i}`, value)
    await expect(buffer.flush()).rejects.toMatchObject({ code: 'FLUSH_FAILED' })
    expect(await lettersOf(buffer)).toEqual([[['k0', 'bad']]])
    expect([...picky.values.values()]).toEqual([2, 3, 4])
    await buffer.close()
  })

  test('what is left of a refused batch after a crash has a token of its own, too', async () => {
    await using store = await open({ file: tempFile() })
    const picky = new Picky('picky')
    const options = { ...PATIENT, journal: store, name: 'n', leaseMs: 1_000 }
    const gone = await buffered<unknown>(picky, options)
    for (const [i, value] of [1, 2, 3, 'bad'].entries()) await gone.set(`k${i}`, value)
    const write = picky.write.bind(picky)
    // It goes down after it has taken the first half.
    picky.write = async (writes, context) => {
      await write(writes, context)
      picky.write = async () => Promise.reject(new Error('down'))
    }
    await expect(gone.close()).rejects.toThrow('down')
    expect([...picky.values.keys()]).toEqual(['k0', 'k1'])
    picky.write = write
    picky.bad = undefined
    await using next = await buffered<unknown>(picky, options)
    expect([...picky.values.values()]).toEqual([1, 2, 3, 'bad'])
    expect(await lettersOf(next)).toEqual([])
  })

  test.each([false, true])('are written once more, or dropped; journaled: %s', async (isJournaled) => {
    await using store = await open({ file: tempFile() })
    const picky = new Picky('picky')
    const buffer = await buffered<unknown>(picky, { ...PATIENT, journal: isJournaled ? store : undefined })
    for (const key of ['a', 'b']) {
      await buffer.set(key, 'bad')
      await buffer.flush().catch(() => undefined)
    }
    const letters = await Array.fromAsync(buffer.deadLetters())
    const of = (key: string): string => letters.find(({ writes }) => writes[0]!.key[0] === key)!.id
    picky.bad = undefined
    expect([await buffer.redeem(of('a')), await buffer.redeem(of('a')), await buffer.get('a')]).toEqual([
      true,
      false,
      'bad',
    ])
    expect([await buffer.dropDeadLetter(of('b')), await buffer.dropDeadLetter(of('b'))]).toEqual([true, false])
    await buffer.close()
    expect([...picky.values]).toEqual([['a', 'bad']])
  })

  test('in memory are the latest thousand', async () => {
    const picky = new Picky('picky')
    const buffer = await buffered<unknown>(picky, PATIENT)
    for (let i = 0; i < 1_001; i++) await buffer.set(i, 'bad')
    await buffer.flush().catch(() => undefined)
    const letters = (await lettersOf(buffer)) as [[number, unknown]][]
    expect([letters.length, letters[0]![0][0], letters.at(-1)![0][0]]).toEqual([1_000, 1, 1_000])
    await buffer.close()
  })

  test('show the state that was kept with the writes, and say who has refused it', async () => {
    const connector = Object.assign(new MapConnector<unknown>('cp'), { checkpoints: { last: async () => undefined } })
    const buffer = await buffered<unknown>(connector, PATIENT)
    connector.failures.push(refused())
    await buffer.checkpoint({ at: 1 })
    await buffer.flush().catch(() => undefined)
    const [letter] = await Array.fromAsync(buffer.deadLetters())
    expect(letter).toMatchObject({
      writes: [],
      checkpoint: { state: { at: 1 } },
      by: 'cp',
      error: { message: 'refused' },
    })
    connector.failures.push(refused())
    expect(await buffer.redeem(letter!.id)).toBe(true)
    await buffer.flush().catch(() => undefined)
    expect(connector.contexts).toEqual([])
    await buffer.close()
  })

  test('hold only what a connector refuses: a journal that fails is tried again, and the connector gets nothing twice', async () => {
    const journal = journalBack()
    const map = new MapConnector<unknown>('map')
    const buffer = await bufferedOver<unknown>(map, { ...PATIENT, journal: journal.back })
    await buffer.set('a', 1)
    journal.failOnce(() => map.batches.length > 0)
    await expect(buffer.flush()).rejects.toMatchObject({ code: 'IO', message: 'no such disk' })
    await buffer.flush()
    expect([map.batches.length, await Array.fromAsync(buffer.deadLetters())]).toEqual([1, []])
    await buffer.close()
  })

  test('that are damaged hold bytes, which are not dropped by who would write them', async () => {
    const clock = new ManualClock()
    const { back } = journalBack(clock)
    const options = { ...PATIENT, journal: back, name: 'n', leaseMs: 1_000 }
    const gone = await bufferedOver<unknown>(new MapConnector<unknown>(), { ...options, clock: new ManualClock() })
    await gone.set('a', 1)
    const [row] = (await back.marks.scan(ALL_KEYS, { after: undefined, limit: 9 })).filter(({ key }) =>
      key.tuple.includes('row'),
    )
    await back.marks.write([{ key: row!.key, value: Payload.encode(back.codec, 'no row') }])
    clock.advance(1_000)
    const next = await bufferedOver<unknown>(new MapConnector<unknown>(), { ...options, clock })
    const [letter] = await Array.fromAsync(next.deadLetters())
    expect(letter).toMatchObject({ writes: [], bytes: expect.any(Uint8Array) as unknown })
    await expect(next.redeem(letter!.id)).rejects.toMatchObject({ code: 'CORRUPT' })
    expect([await next.dropDeadLetter(letter!.id), await Array.fromAsync(next.deadLetters())]).toEqual([true, []])
    await next.close()
  })

  test('what is refused is not remembered as if it were written', async () => {
    const picky = new Picky('picky')
    picky.values.set('a', 'stored')
    const buffer = await buffered<unknown>(picky, PATIENT)
    await buffer.set('a', 'bad')
    await buffer.flush().catch(() => undefined)
    expect([await buffer.get('a'), picky.values.get('a')]).toEqual(['stored', 'stored'])
    await buffer.close()
  })
})
