import { describe, expect, it } from 'vitest'
import { change, filling, missing } from '../../writes.ts'
import { HEAD, type StartFront } from './front-suite.ts'

const ONE = HEAD + 1
const TWO = HEAD + 2

/** The rows of docs/races.md that one front alone decides. */
export function describeFrontRaces(start: StartFront): void {
  describe('races', () => {
    it('row 1: a late write does not replace a newer one', async () => {
      const test = await start()
      await test.install(change(TWO, 'a', 2))
      expect(await test.install(change(ONE, 'a', 1))).toEqual(['newer'])
      expect(await test.invalidate(change(ONE, 'a', 1))).toEqual(['newer'])
      expect(await test.held('a')).toEqual([TWO, 2])
    })

    it('row 2: a fill that read before a write does not survive it', async () => {
      const test = await start()
      expect(await test.invalidate(change(ONE, 'a', 1))).toEqual(['removed'])
      expect(await test.fill(filling('a', 0, HEAD, HEAD))).toEqual(['fenced'])
      expect(await test.held('a')).toBeUndefined()
      expect(await test.fill(filling('a', 1, ONE, ONE))).toEqual(['installed'])
    })

    it('row 3: a late write does not take the place of a newer one that was evicted', async () => {
      const test = await start()
      await test.install(change(TWO, 'a', 2))
      await test.evict('a')
      expect(await test.install(change(ONE, 'a', 1))).toEqual(['removed'])
      expect(await test.held('a')).toBeUndefined()
    })

    it('row 4: nothing that could be evicted guards an invalidated key', async () => {
      const test = await start()
      await test.fill(filling('a', 0, HEAD, HEAD))
      await test.invalidate(change(ONE, 'a', 1))
      await test.evict('a')
      expect(await test.fill(filling('a', 0, HEAD, HEAD))).toEqual(['fenced'])
      expect(await test.held('a')).toBeUndefined()
    })

    it('row 5: a late write does not take the place of a newer one that was filled in between and evicted', async () => {
      const test = await start()
      await test.invalidate(change(TWO, 'a', 2))
      await test.fill(filling('a', 2, TWO, TWO))
      await test.evict('a')
      await test.install(change(ONE, 'a', 1))
      expect(await test.held('a')).toBeUndefined()
    })

    it('row 6: a write that finds itself there already is remembered all the same', async () => {
      const test = await start()
      await test.fill(filling('a', 2, TWO, TWO))
      expect(await test.install(change(TWO, 'a', 2))).toEqual(['newer'])
      await test.evict('a')
      expect(await test.install(change(ONE, 'a', 1))).toEqual(['removed'])
      expect(await test.fill(filling('a', 1, ONE, ONE))).toEqual(['fenced'])
      expect(await test.held('a')).toBeUndefined()
    })

    it('row 8: the knowledge that a key is missing does not outlive its insertion', async () => {
      const test = await start()
      await test.invalidate(change(ONE, 'a', 1))
      expect(await test.fill(missing('a', HEAD))).toEqual(['fenced'])
      await test.fill(missing('b', HEAD))
      expect(await test.install(change(TWO, 'b', 1))).toEqual(['installed'])
      expect(await test.fill(missing('b', HEAD))).toEqual(['fenced'])
      expect([await test.held('a'), await test.held('b')]).toEqual([undefined, [TWO, 1]])
    })

    it('a deletion is undone by neither a fill nor a late write', async () => {
      const test = await start()
      await test.install(change(ONE, 'a', 1))
      await test.install(change(TWO, 'a', undefined))
      expect(await test.fill(filling('a', 1, ONE, ONE))).toEqual(['fenced'])
      expect(await test.install(change(ONE, 'a', 1))).toEqual(['removed'])
      expect((await test.held('a'))?.[1] ?? 'absent').toBe('absent')
      expect(await test.fill(missing('a', TWO))).toEqual(['installed'])
      expect(await test.install(change(ONE, 'a', 1))).toEqual(['newer'])
      expect(await test.held('a')).toEqual([TWO, 'absent'])
    })

    it('a fill replaces what is older, and not what is as new or newer', async () => {
      const test = await start()
      await test.fill(filling('a', 0, HEAD, HEAD))
      expect(await test.fill(filling('a', 0, HEAD, HEAD))).toEqual(['newer'])
      expect(await test.fill(filling('a', 2, TWO, TWO))).toEqual(['installed'])
      expect(await test.fill(filling('a', 1, ONE, ONE))).toEqual(['newer'])
      expect(await test.fill(missing('a', ONE))).toEqual(['newer'])
      expect(await test.held('a')).toEqual([TWO, 2])
    })

    it('repeating a change or a fill changes nothing', async () => {
      const test = await start()
      await test.install(change(ONE, 'a', 1))
      expect(await test.install(change(ONE, 'a', 1))).toEqual(['newer'])
      await test.invalidate(change(ONE, 'a', 1))
      expect(await test.held('a')).toEqual([ONE, 1])
      await test.invalidate(change(TWO, 'b', 1))
      expect(await test.invalidate(change(TWO, 'b', 1))).toEqual(['removed'])
      expect(await test.held('b')).toBeUndefined()
    })

    it('clearing opens no door for what is older', async () => {
      const test = await start()
      await test.install(change(TWO, 'a', 2))
      await test.front.clear()
      expect(await test.fill(filling('a', 1, ONE, ONE), missing('a', ONE))).toEqual(['fenced', 'fenced'])
      expect(await test.install(change(ONE, 'a', 1))).toEqual(['removed'])
      expect(await test.held('a')).toBeUndefined()
    })
  })
}
