import { type LogChange, markOf, type SharedTailStep, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { change, filling, missing } from '../../writes.ts'
import { HEAD } from './front-suite.ts'
import { startAt, type StartShared, valueIn } from './shared-front-suite.ts'

const step = (from: number, ...changes: readonly LogChange[]): SharedTailStep => ({
  from,
  to: changes.at(-1)!.seq,
  changes,
  mark: `mark ${changes.at(-1)!.seq}`,
  tailer: 'suite',
})

export function describeSharedTail(start: StartShared): void {
  describe('along the log', () => {
    it('stands where it was started, and says so to everybody', async () => {
      const test = await start()
      await startAt(test.front, HEAD + 7, 'seven')
      const another = await test.another()
      for (const front of [test.front, another]) {
        const { session } = front
        const highest = { seq: HEAD + 7, mark: 'seven' }
        expect(await front.look()).toEqual({ session, watermark: HEAD + 7, mark: 'seven', tailer: '', highest })
      }
    })

    it('drops what a step has replaced, keeps the rest, and keeps the mark', async () => {
      const { front } = await start()
      await front.fill([...['a', 'b', 'c'].map((key) => filling(key, key, HEAD, HEAD)), missing('d', HEAD)])
      const changes = [change(HEAD + 1, 'a', 1), change(HEAD + 2, 'b', undefined), change(HEAD + 3, 'd', 1)]
      expect(await front.tail(step(HEAD, ...changes))).toBe(HEAD + 3)
      expect(await front.look()).toMatchObject({ watermark: HEAD + 3, mark: `mark ${HEAD + 3}`, tailer: 'suite' })
      const found = await front.read(
        ['a', 'b', 'c', 'd'].map((key) => StoreKey.of(key)),
        front.session!,
      )
      expect(found.map((each) => each?.asOf)).toEqual([undefined, undefined, HEAD, undefined])
    })

    it('says what was executed past where it stands, and keeps that until a start', async () => {
      const test = await start()
      const { front } = test
      const another = await test.another()
      const highest = async (): Promise<unknown> => (await another.look()).highest
      const changes = [1, 2, 3].map((i) => change(HEAD + i, ['k', i], i))
      const applied = { seq: HEAD + 2, mark: markOf(changes[1]!) }
      await front.apply(changes.slice(0, 2), 'install')
      expect(await highest()).toEqual(applied)
      // An older one, a repetition, and one of another history.
      await front.apply([changes[0]!], 'invalidate')
      await front.apply([change(HEAD + 2, 'a', 1, { origin: 'other' })], 'install')
      await front.tail(step(HEAD, changes[0]!))
      await front.tail(step(HEAD + 1, changes[1]!))
      expect(await highest()).toEqual(applied)
      await front.tail(step(HEAD + 2, changes[2]!))
      expect(await highest()).toEqual({ seq: HEAD + 3, mark: `mark ${HEAD + 3}` })
      await front.apply([change(HEAD + 5, 'a', undefined)], 'invalidate')
      expect(await highest()).toMatchObject({ seq: HEAD + 5 })
      await startAt(front, HEAD + 1, 'one')
      expect(await highest()).toEqual({ seq: HEAD + 1, mark: 'one' })
    })

    it('keeps what is as new as the step, or newer', async () => {
      const { front } = await start()
      await front.apply([change(HEAD + 1, 'a', 1), change(HEAD + 2, 'b', 1), change(HEAD + 4, 'b', 2)], 'install')
      await front.tail(step(HEAD, change(HEAD + 1, 'a', 1), change(HEAD + 2, 'b', 1), change(HEAD + 3, 'c', 1)))
      expect([await valueIn(front, 'a'), await valueIn(front, 'b')]).toEqual([1, 2])
    })

    it('fences what was read or committed before the step', async () => {
      const { front } = await start()
      const changes = [change(HEAD + 1, 'a', 1), change(HEAD + 2, 'b', undefined), change(HEAD + 3, 'a', 2)]
      await front.tail(step(HEAD, ...changes))
      const fills = [filling('a', 1, HEAD + 1, HEAD + 2), missing('a', HEAD), filling('b', 0, HEAD, HEAD + 1)]
      expect(await front.fill(fills)).toEqual(['fenced', 'fenced', 'fenced'])
      expect(await front.apply([change(HEAD + 1, 'a', 1)], 'install')).toEqual(['removed'])
      expect(await front.fill([filling('a', 2, HEAD + 3, HEAD + 3)])).toEqual(['installed'])
    })

    it('ignores a step that does not start where it stands, and says where that is', async () => {
      const { front } = await start()
      await front.fill([filling('a', 0, HEAD, HEAD)])
      expect(await front.tail(step(HEAD + 1, change(HEAD + 2, 'a', 1)))).toBe(HEAD)
      expect(await front.tail(step(HEAD - 1, change(HEAD, 'a', 1), change(HEAD + 1, 'a', 2)))).toBe(HEAD)
      // As text, 9 would be more than 100.
      expect(await front.tail(step(9, change(HEAD + 1, 'a', 1)))).toBe(HEAD)
      expect(await valueIn(front, 'a')).toBe(0)
      expect((await front.look()).watermark).toBe(HEAD)
    })

    it('takes harm from neither two tailers at once nor one that was overtaken', async () => {
      const test = await start()
      const another = await test.another()
      const changes = Array.from({ length: 20 }, (_, i) => change(HEAD + 1 + i, ['k', i % 3], i))
      const ends = await Promise.all(
        [test.front, another].flatMap((front) => [
          front.tail(step(HEAD, ...changes)),
          front.tail(step(HEAD, ...changes.slice(0, 5))),
        ]),
      )
      expect(new Set(ends)).toEqual(new Set([HEAD + 20]))
      expect((await another.look()).watermark).toBe(HEAD + 20)
    })

    it('ignores a step of who has not noticed that it was started anew', async () => {
      const test = await start()
      const another = await test.another()
      await startAt(another, HEAD)
      await another.fill([filling('a', 0, HEAD, HEAD)])
      await test.front.tail(step(HEAD, change(HEAD + 1, 'a', 1)))
      expect((await another.look()).watermark).toBe(HEAD)
      expect(await valueIn(another, 'a')).toBe(0)
      expect(test.front.session).toEqual(another.session)
    })

    it('stands nowhere without meta', async () => {
      const { front, server } = await start()
      await server.loseMeta()
      expect(await front.tail(step(HEAD, change(HEAD + 1, 'a', 1)))).toBeUndefined()
      expect(front.session?.epoch).toBeUndefined()
      expect(await front.tail(step(HEAD, change(HEAD + 1, 'a', 1)))).toBeUndefined()
    })

    it('takes long steps', async () => {
      const { front } = await start()
      const changes = Array.from({ length: 2_500 }, (_, i) => change(HEAD + 1 + i, ['n', i], i))
      await front.fill(changes.map(({ key }) => filling(key.tuple, 'old', HEAD, HEAD)))
      expect(await front.tail(step(HEAD, ...changes))).toBe(HEAD + 2_500)
      expect((await front.records(undefined, 1_000)).records).toEqual([])
    })
  })
}
