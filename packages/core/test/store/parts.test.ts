import { eventually } from '@tidemark/testkit'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import {
  ALL_KEYS,
  createMemoryBack,
  inRange,
  isPart,
  type Key,
  MAX_KEY_BYTES,
  partOf,
  partsKey,
  prefixRange,
  rangesWithoutParts,
  Store,
  StoreKey,
  subjectOf,
  systemClock,
  TransactionAttempt,
  Uuid,
  Visibility,
} from '../../src/index.ts'
import { reservedKey } from '../../src/keys/reserved.ts'
import { chunksOf } from '../../src/store/blobs/blob-source.ts'
import { tuple } from '../keys/arbitrary-keys.ts'

const ID = Uuid.parse('01890a5d-ac96-774b-bcce-b302099a8057')
const R = '30' + '746964656d61726b8000000000000000'

function partKey(kind: 'element' | 'chunk', owner: Key, n: number): StoreKey {
  return StoreKey.of([...partsKey(kind, StoreKey.of(owner), ID).tuple, n])
}

describe('the parts of logs and blobs', () => {
  it('are stored like this', () => {
    const id = '30' + '01890a5dac96774bbcceb302099a8057'
    expect(Buffer.from(partKey('element', 'l', 1).bytes).toString('hex')).toBe(
      R + '02656c656d656e7400' + '026c00' + id + '21bff0000000000000',
    )
    expect(Buffer.from(partKey('chunk', ['b', 2], 0).bytes).toString('hex')).toBe(
      R + '026368756e6b00' + '026200' + '21c000000000000000' + id + '218000000000000000',
    )
  })

  it('tell whose they are, whatever the key of that is', () => {
    fc.assert(
      fc.property(tuple, fc.constantFrom('element' as const, 'chunk' as const), fc.nat(), (owner, kind, n) => {
        const key = StoreKey.fromBytes(partKey(kind, owner, n).bytes)
        const part = partOf(key)!
        expect([part.kind, part.owner.id, part.id.text]).toEqual([kind, StoreKey.of(owner).id, ID.text])
        expect(subjectOf(key).id).toBe(StoreKey.of(owner).id)
        expect(isPart(key)).toBe(true)
        expect(rangesWithoutParts(ALL_KEYS).some((range) => inRange(range, key.bytes))).toBe(false)
      }),
    )
  })

  it('are looked for once of each kind when one key was deleted', async () => {
    const back = createMemoryBack()
    await using store = new Store(back)
    await store.blob('b').write(new Uint8Array(3))
    await store.set('k', 1)
    const scanKeys = vi.spyOn(back, 'scanKeys')
    await store.delete('k')
    await store.sweep({ prefix: 'none' })
    // Two of them are of the sweep itself.
    expect(scanKeys.mock.calls.length).toBe(2 + 2)
  })

  it("are nobody else's keys", () => {
    for (const key of [
      StoreKey.of('a'),
      StoreKey.of(['element', 'a', ID, 1]),
      reservedKey('tag', 't'),
      reservedKey('chunk'),
    ]) {
      expect(partOf(key)).toBeUndefined()
      expect(isPart(key)).toBe(false)
      expect(subjectOf(key)).toBe(key)
    }
    expect(rangesWithoutParts(ALL_KEYS).some((range) => inRange(range, reservedKey('tag', 't').bytes))).toBe(true)
  })

  it('of an older log lie where a newer one begins, and are not its own', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    // Keys that go on where another one ends, with an id even.
    const keys: Key[] = ['l', ['l', ID], ['l', ID, 5], ['l', 'm']]
    for (const key of keys) await store.log(key).appendMany([1, 2])
    for (const key of keys) expect(await Array.fromAsync(store.log(key))).toEqual([1, 2])
    await store.delete('l')
    await store.sweep({ orphanAgeMs: 0 })
    for (const key of keys.slice(1)) expect(await Array.fromAsync(store.log(key))).toEqual([1, 2])
    await store.close()
  })

  it('are removed when a value takes the place of a log, also of one that a transaction has appended to', async () => {
    const back = createMemoryBack()
    const elements = (): Promise<number> => back.count(prefixRange(reservedKey('element').tuple))
    // Somebody else's, which begins the log and is not there any more when it is replaced.
    const unheard = vi.spyOn(back, 'onCommit').mockReturnValue(() => undefined)
    await new Store(back).log('theirs').append(1)
    unheard.mockRestore()
    const store = new Store(back)
    await store.transaction((tx) => tx.log('theirs').append(2))
    await store.set('theirs', 1)
    await eventually('they are gone', async () => (await elements()) === 0)
    // Of a transaction beside the store.
    const tx = new TransactionAttempt({ back, visibility: new Visibility(back, systemClock), clock: systemClock })
    tx.log('beside').append(1)
    await tx.commit()
    expect(await elements()).toBe(1)
    await store.set('beside', 1)
    await eventually('they are gone', async () => (await elements()) === 0)
    await store.close()
  })

  it('need room behind the key of their owner', async () => {
    const errors: unknown[] = []
    const store = new Store(createMemoryBack(), { onError: (error) => errors.push(error) })
    const long = 'x'.repeat(MAX_KEY_BYTES - 2)
    await store.set(long, 1)
    await store.delete(long)
    await expect(store.log(long).append(1)).rejects.toThrow(RangeError)
    await store.transaction((tx) => {
      expect(() => tx.log(long).append(1)).toThrow(RangeError)
    })
    await expect(store.blob(long).write(new Uint8Array(1))).rejects.toThrow(RangeError)
    expect(await store.has(long)).toBe(false)
    const fits = 'x'.repeat(MAX_KEY_BYTES - 100)
    await store.log(fits).append(1)
    await store.blob([fits, 1]).write(new Uint8Array(1))
    expect(await store.log(fits).length()).toBe(1)
    await store.close()
    expect(errors).toEqual([])
  })
})

describe('the pieces of a source', () => {
  it('are of one size, whatever the source gives at a time, which may use its memory again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 })),
        fc.integer({ min: 1, max: 16 }),
        async (given, size) => {
          const memory = new Uint8Array(40)
          async function* source(): AsyncGenerator<Uint8Array> {
            for (const piece of given) {
              memory.set(piece)
              yield memory.subarray(0, piece.length)
            }
          }
          const got: number[][] = []
          for await (const chunk of chunksOf(source(), size)) got.push([...chunk])
          expect(got.flat()).toEqual(given.flatMap((piece) => [...piece]))
          expect(got.slice(0, -1).every(({ length }) => length === size)).toBe(true)
          expect(got.at(-1)?.length).not.toBe(0)
        },
      ),
    )
  })

  it('are asked for no further, and the source is told, when nobody wants more', async () => {
    let cancelled: unknown = 'no'
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(8)),
      cancel: (reason) => void (cancelled = reason),
    })
    for await (const chunk of chunksOf(stream, 4)) if (chunk.length === 4) break
    expect(cancelled).toBeUndefined()
  })
})
