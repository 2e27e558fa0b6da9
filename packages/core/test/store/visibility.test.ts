import { describe, expect, it, vi } from 'vitest'
import { type Back, createMemoryBack, type Found, seeHeld, Store, StoreKey } from '../../src/index.ts'
import { epochsOf, tagKey } from '../../src/store/tags.ts'
import { Visibility } from '../../src/store/visibility.ts'

const NOT_HELD: Found = { entry: undefined, asOf: 0, until: 0, tier: 'none' }
const KNOWN_ABSENT: Found = { entry: undefined, asOf: 0, until: Infinity, tier: 'near' }

const tierOf = ({ name, log }: Back): Pick<Back, 'name' | 'log'> => ({ name, log })

describe('an entry with a tag', () => {
  it('is not seen where no tier knows the tag', async () => {
    const back = createMemoryBack()
    const clock = { now: () => 0 } as ConstructorParameters<typeof Visibility>[1]
    await new Store(back).set('k', 1, { tags: ['t', 'u'] })
    const { entry } = back.readOne(StoreKey.of('k'))
    const seenWith = async (...found: Found[]): Promise<boolean> =>
      (await new Visibility({ ...tierOf(back), read: async () => found }, clock).see(entry, undefined)) !== undefined
    expect(await seenWith(KNOWN_ABSENT, KNOWN_ABSENT)).toBe(true)
    expect(await seenWith(KNOWN_ABSENT, NOT_HELD)).toBe(false)
    // Where an absence has to be known.
    const refuse = (keys: readonly StoreKey[]): Error => new Error(`not held: ${keys.map(({ id }) => id).join()}`)
    const held = new Map([
      [StoreKey.of('a').id, NOT_HELD],
      [tagKey('u').id, NOT_HELD],
    ])
    const read = async (keys: readonly StoreKey[]): Promise<readonly Found[]> =>
      keys.map((key) => (key.id === StoreKey.of('k').id ? back.readOne(key) : (held.get(key.id) ?? KNOWN_ABSENT)))
    const strict = new Visibility({ ...tierOf(back), read }, clock, refuse)
    await expect(strict.see(entry, undefined)).rejects.toThrow('not held: k')
    const many = strict.seeAllFound(
      ['a', 'k', 'b'].map((key) => StoreKey.of(key)),
      [NOT_HELD, back.readOne(StoreKey.of('k')), KNOWN_ABSENT],
      undefined,
    )
    await expect(many).rejects.toThrow('not held: a,k')
    await back.commit({ reads: [], decide: () => [{ op: 'delete', key: StoreKey.of('k') }] })
    expect(await strict.see(entry, undefined)).toBeUndefined()
    expect(epochsOf(['t', 'u'], [KNOWN_ABSENT, NOT_HELD])).toEqual(new Map([['t', 0]]))
  })

  it('that was replaced before its tag was invalidated is no absence, though both came between the two reads', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    const clock = { now: () => 0 } as ConstructorParameters<typeof Visibility>[1]
    const entryOf = (key: string): Found['entry'] => back.readOne(StoreKey.of(key)).entry
    /** Sees `key`, which is written with the tag first, while something happens before the tag is asked for. */
    const seenAfter = async (key: string, meanwhile: () => Promise<unknown>): Promise<unknown[]> => {
      const see = async (how: (visibility: Visibility, entry: Found['entry']) => unknown): Promise<unknown> => {
        await store.set(key, 'old', { tags: ['t'] })
        const entry = entryOf(key)
        let isDone = false
        const read: typeof back.read = async (keys) => {
          if (!isDone) await meanwhile()
          isDone = true
          return back.read(keys)
        }
        return how(new Visibility({ ...tierOf(back), read }, clock), entry)
      }
      const one = (await see((visibility, entry) => visibility.see(entry, undefined))) as Found['entry']
      const many = (await see((visibility, entry) => visibility.seeAll([entry], undefined))) as Found['entry'][]
      return [one, many[0]].map((entry) => entry?.payload.read())
    }
    const invalidate = (): Promise<unknown> => store.invalidateTag('t')
    expect(await seenAfter('k', invalidate)).toEqual([undefined, undefined])
    expect(await seenAfter('k', () => store.set('k', 'new').then(invalidate))).toEqual(['new', 'new'])
    const tagged = (): Promise<unknown> => store.set('k', 'new', { tags: ['t'] })
    expect(await seenAfter('k', () => tagged().then(invalidate))).toEqual([undefined, undefined])
    expect(await seenAfter('k', () => invalidate().then(tagged))).toEqual(['new', 'new'])
    expect(await seenAfter('k', () => store.delete('k').then(invalidate))).toEqual([undefined, undefined])
  })

  it('is read together with what is written with it, though a tag of it is invalidated between the two reads', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    /** Reads a pair, one of which carries a tag, while something happens before the tag is asked for. */
    const pairAfter = async (meanwhile: () => Promise<unknown>): Promise<readonly unknown[]> => {
      await store.setMany([
        ['a', 1, { tags: ['t'] }],
        ['b', 1],
      ])
      let reads = 0
      const read = back.read.bind(back)
      const spy = vi.spyOn(back, 'read').mockImplementation(async (...args) => {
        if (++reads === 2) await meanwhile()
        return read(...args)
      })
      const found = await store.getMany(['a', 'b'])
      spy.mockRestore()
      return [found.get('a'), found.get('b'), reads]
    }
    const both = (...tags: string[]): Promise<unknown> =>
      store.setMany([
        ['a', 2, { tags }],
        ['b', 2],
      ])
    const invalidate = (): Promise<unknown> => store.invalidateTag('t')
    expect(await pairAfter(async () => undefined)).toEqual([1, 1, 2])
    expect(await pairAfter(() => both('t'))).toEqual([1, 1, 2])
    expect(await pairAfter(invalidate)).toEqual([undefined, 1, 3])
    expect(await pairAfter(() => invalidate().then(() => both()))).toEqual([2, 2, 3])
    expect(await pairAfter(() => invalidate().then(() => both('t')))).toEqual([2, 2, 3])
    // Its tag is another one, which is asked for once more.
    expect(await pairAfter(() => invalidate().then(() => both('u')))).toEqual([2, 2, 4])
    expect(await pairAfter(() => both('t').then(invalidate))).toEqual([undefined, 2, 3])
  })

  it('is seen, or what has replaced it, however often it is replaced and its tag invalidated while it is read', async () => {
    const back = createMemoryBack()
    const read = back.read.bind(back)
    const store = new Store(back)
    let n = 0
    /** Another tag each time: none that is asked for is that of what is there by then. */
    const replace = async (): Promise<void> => {
      n++
      await store.setMany(['a', 'b'].map((key) => [key, n, { tags: [`t${n}`] }] as const))
      if (n > 1) await store.invalidateTag(`t${n - 1}`)
    }
    await replace()
    const replaced = vi.spyOn(back, 'read').mockImplementation(async (...args) => {
      await replace()
      return read(...args)
    })
    const found = await store.getMany(['a', 'b'])
    // Three reads of all, and then one snapshot, and the tags of what that has.
    expect([found.get('a'), found.get('b'), replaced.mock.calls.length]).toEqual([7, 7, 7])
    replaced.mockClear()
    const before = n
    expect(await store.get('a')).toBe(before + 7)
    expect(replaced.mock.calls.length).toBe(8)
  })

  it('is peeked at only where its tags are held', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    await store.set('k', 1, { tags: ['t'] })
    const held = (): Found => KNOWN_ABSENT
    const entryOf = (key: StoreKey): NonNullable<Found['entry']> => back.readOne(key).entry!
    const entry = entryOf(StoreKey.of('k'))
    expect(seeHeld(entry, 0, held)).toBe(entry)
    expect(seeHeld(entry, 0, () => undefined)).toBeUndefined()
    await store.invalidateTag('t')
    expect(seeHeld(entry, 0, (id) => (id === tagKey('t').id ? back.readOne(tagKey('t')) : undefined))).toBeUndefined()
    expect(seeHeld(entryOf(tagKey('t')), 0, held)).toBeUndefined()
  })
})
