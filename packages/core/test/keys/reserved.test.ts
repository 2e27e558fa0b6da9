import { describe, expect, it } from 'vitest'
import { compareBytes, inRange, type Key, prefixRange, rangeOf, StoreKey, Uuid } from '../../src/index.ts'
import { reservedKey, reservedParts, userKey, userRanges } from '../../src/keys/reserved.ts'

const RESERVED = Uuid.parse('74696465-6d61-726b-8000-000000000000')
const NEXT = Uuid.parse('74696465-6d61-726b-8000-000000000001')

describe('reserved keys', () => {
  it('are stored like this', () => {
    expect(Buffer.from(reservedKey('tag', 't').bytes).toString('hex')).toBe(
      '30' + '746964656d61726b8000000000000000' + '0274616700' + '027400',
    )
  })

  it('are told from all others, and have their parts', () => {
    expect(reservedParts(reservedKey('tag', 't'))).toEqual(['tag', 't'])
    for (const key of ['a', RESERVED.text, [NEXT, 'tag', 't'], [RESERVED.text, 'tag']] as Key[]) {
      expect(reservedParts(StoreKey.of(key))).toBeUndefined()
      expect(userKey(key).id).toBe(StoreKey.of(key).id)
    }
    for (const key of [RESERVED, [RESERVED], [Uuid.parse(RESERVED.text), 1]] as Key[]) {
      expect(() => userKey(key)).toThrow(TypeError)
    }
  })

  it('lie in no range of users, and everything else does', () => {
    const keys = ['a', 1, 2n, true, new Date(0), NEXT, [NEXT, 'x'], Uuid.parse('00000000-0000-0000-0000-000000000000')]
    const all = [
      prefixRange([]),
      rangeOf({ gte: true }),
      rangeOf({ lt: new Date(0) }),
      rangeOf({ gt: RESERVED, lte: NEXT }),
    ]
    for (const range of [...all, prefixRange('a'), prefixRange([RESERVED]), prefixRange([RESERVED, 'tag'])]) {
      const parts = userRanges(range)
      for (const [i, part] of parts.entries()) {
        expect(inRange(part, reservedKey('tag', 't').bytes)).toBe(false)
        expect(inRange(part, StoreKey.of(RESERVED).bytes)).toBe(false)
        if (i > 0) expect(compareBytes(parts[i - 1]!.end!, part.start)).toBeLessThanOrEqual(0)
      }
      for (const key of keys) {
        const { bytes } = StoreKey.of(key as Key)
        expect(parts.filter((part) => inRange(part, bytes))).toHaveLength(inRange(range, bytes) ? 1 : 0)
      }
    }
    expect(userRanges(prefixRange('a'))).toHaveLength(1)
    expect(userRanges(prefixRange([RESERVED, 'tag']))).toEqual([])
  })
})
