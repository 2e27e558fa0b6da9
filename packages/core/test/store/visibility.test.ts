import { describe, expect, it } from 'vitest'
import { createMemoryBack, type Found, seeHeld, Store, StoreKey } from '../../src/index.ts'
import { epochsOf, tagKey } from '../../src/store/tags.ts'
import { Visibility } from '../../src/store/visibility.ts'

const NOT_HELD: Found = { entry: undefined, asOf: 0, until: 0, tier: 'none' }
const KNOWN_ABSENT: Found = { entry: undefined, asOf: 0, until: Infinity, tier: 'near' }

describe('an entry with a tag', () => {
  it('is not seen where no tier knows the tag', async () => {
    const back = createMemoryBack()
    const clock = { now: () => 0 } as ConstructorParameters<typeof Visibility>[1]
    await new Store(back).set('k', 1, { tags: ['t', 'u'] })
    const { entry } = back.readOne(StoreKey.of('k'))
    const seenWith = async (...found: Found[]): Promise<boolean> =>
      (await new Visibility({ read: async () => found }, clock).see(entry, undefined)) !== undefined
    expect(await seenWith(KNOWN_ABSENT, KNOWN_ABSENT)).toBe(true)
    expect(await seenWith(KNOWN_ABSENT, NOT_HELD)).toBe(false)
    expect(epochsOf(['t', 'u'], [KNOWN_ABSENT, NOT_HELD])).toEqual(new Map([['t', 0]]))
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
