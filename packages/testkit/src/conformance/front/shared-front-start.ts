import { type FrontStart, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../waiting/eventually.ts'
import { change, filling, missing } from '../../writes.ts'
import { HEAD } from './front-suite.ts'
import { newEpoch, startAt, type StartShared, valueIn } from './shared-front-suite.ts'

/** Does something between the two steps. */
const after =
  (between: () => unknown, head: number = HEAD) =>
  async (): Promise<FrontStart> => {
    await between()
    return { epoch: newEpoch(), head, mark: '' }
  }

export function describeStart(start: StartShared): void {
  describe('a start from nothing', () => {
    it('makes all records cease to exist, and lets new ones come', async () => {
      const { front } = await start()
      await front.apply([change(HEAD + 1, 'a', 1)], 'install')
      await front.fill([missing('b', HEAD + 1)])
      expect(await startAt(front, HEAD + 1)).toBe(true)
      const keys = ['a', 'b'].map((key) => StoreKey.of(key))
      expect(await front.read(keys, front.session!)).toEqual([undefined, undefined])
      expect(await front.apply([change(HEAD + 2, 'a', 2)], 'install')).toEqual(['installed'])
      expect(await front.fill([filling('b', 1, HEAD + 1, HEAD + 2)])).toEqual(['installed'])
      expect([await valueIn(front, 'a'), await valueIn(front, 'b')]).toEqual([2, 1])
    })

    it('opens no door for what is older than where it starts', async () => {
      const { front } = await start()
      await startAt(front, HEAD + 10)
      expect(await front.fill([filling('a', 1, HEAD + 1, HEAD + 9), missing('b', HEAD + 9)])).toEqual([
        'fenced',
        'fenced',
      ])
      expect(await front.apply([change(HEAD + 9, 'a', 1)], 'install')).toEqual(['removed'])
      expect(await front.fill([filling('a', 1, HEAD + 1, HEAD + 10)])).toEqual(['installed'])
    })

    it('nor for what was replaced before it, wherever it starts', async () => {
      const { front } = await start()
      await front.apply([change(HEAD + 5, 'a', 1)], 'invalidate')
      await startAt(front, HEAD + 1)
      expect(await front.fill([filling('a', 0, HEAD + 1, HEAD + 4)])).toEqual(['fenced'])
      expect(await front.apply([change(HEAD + 4, 'a', 1)], 'install')).toEqual(['removed'])
    })

    it('is closed to everything but removals until it has completed, for everybody', async () => {
      const test = await start()
      const { front } = test
      const another = await test.another()
      await front.apply([change(HEAD + 1, 'a', 1)], 'install')
      const meanwhile = async (): Promise<void> => {
        const tailing = { from: HEAD, to: HEAD + 2, changes: [change(HEAD + 2, 'c', 1)], mark: '', tailer: '' }
        expect(await another.tail(tailing)).toBeUndefined()
        expect(another.session?.epoch).toBeUndefined()
        for (const each of [front, another]) {
          expect(await each.look()).toMatchObject({ watermark: undefined, mark: '', tailer: '' })
          expect(each.session?.epoch).toBeUndefined()
          expect(await each.fill([filling('b', 1, HEAD + 3, HEAD + 3)])).toEqual(['fenced'])
          expect(await each.tail(tailing)).toBeUndefined()
        }
        expect(await another.apply([change(HEAD + 4, 'a', 2), change(HEAD + 5, 'b', 1)], 'install')).toEqual([
          'removed',
          'removed',
        ])
      }
      expect(await front.initialize(after(meanwhile, HEAD + 3))).toBe(true)
      // What was executed meanwhile has left its fence.
      expect(await front.fill([filling('a', 1, HEAD + 1, HEAD + 3), missing('b', HEAD + 4)])).toEqual([
        'fenced',
        'fenced',
      ])
      expect(await front.fill([filling('a', 2, HEAD + 4, HEAD + 5)])).toEqual(['installed'])
      expect((await front.look()).watermark).toBe(HEAD + 3)
    })

    it('refuses what was sent in the epoch before', async () => {
      const test = await start()
      const another = await test.another()
      await startAt(another, HEAD)
      await another.fill([filling('c', 1, HEAD, HEAD)])
      expect(await test.front.fill([filling('a', 1, HEAD, HEAD)])).toEqual(['fenced'])
      await startAt(another, HEAD)
      expect(await test.front.apply([change(HEAD + 1, 'b', 1)], 'install')).toEqual(['removed'])
      expect([await valueIn(another, 'a'), await valueIn(another, 'b')]).toEqual([undefined, undefined])
    })

    it('does not complete when meta was lost meanwhile', async () => {
      const { front, server } = await start()
      expect(await front.initialize(after(() => server.loseMeta()))).toBe(false)
      expect((await front.look()).watermark).toBeUndefined()
    })

    it('does not begin while another one is under way, and does it no harm', async () => {
      const test = await start()
      const another = await test.another()
      const asked: string[] = []
      const meanwhile = async (): Promise<void> => {
        const later = after(() => asked.push('where to start'))
        expect(await another.initialize(later)).toBe(false)
        expect(another.session?.epoch).toBeUndefined()
      }
      expect(await test.front.initialize(after(meanwhile))).toBe(true)
      expect((await another.look()).session).toEqual(test.front.session)
      expect(asked).toEqual([])
    })

    it('nor when another one has completed since it was found to be needed', async () => {
      const test = await start()
      const another = await test.another()
      const seen = another.session!
      await startAt(test.front, HEAD)
      await test.front.fill([filling('a', 1, HEAD, HEAD)])
      expect(
        await another.initialize(
          after(() => {}),
          seen,
        ),
      ).toBe(false)
      expect(another.session).toEqual(test.front.session)
      expect(await valueIn(another, 'a')).toBe(1)
      expect(
        await another.initialize(
          after(() => {}),
          another.session,
        ),
      ).toBe(true)
    })

    it('is taken over when it takes too long, and does not complete then', async () => {
      const test = await start()
      const another = await test.another()
      const later = (): Promise<void> => eventually('it is taken over', () => startAt(another, HEAD + 1))
      expect(await test.front.initialize(after(later))).toBe(false)
      expect((await test.front.look()).session).toEqual(another.session)
      expect((await test.front.look()).watermark).toBe(HEAD + 1)
    })

    it('does not complete on another connection', async () => {
      const { front } = await start()
      const reconnect = async (): Promise<void> => {
        front.reconnect()
        await eventually('there is another session', () => front.session !== undefined)
      }
      const completed = await front.initialize(after(reconnect)).catch(() => false)
      expect(completed).toBe(false)
      expect((await front.look()).watermark).toBeUndefined()
    })

    it('of several at once, completes for one of them', async () => {
      const test = await start()
      const fronts = [test.front, ...(await Promise.all([1, 2, 3].map(() => test.another())))]
      const completed = await Promise.all(fronts.map((front) => startAt(front, HEAD)))
      expect(completed.filter(Boolean)).toHaveLength(1)
      const looks = await Promise.all(fronts.map((front) => front.look()))
      expect(new Set(looks.map(({ session }) => session.epoch)).size).toBe(1)
      expect(looks.map(({ watermark }) => watermark)).toEqual(fronts.map(() => HEAD))
    })

    it('rejects with what its caller throws, and leaves the front closed, until the same front starts it again', async () => {
      const { front } = await start()
      await expect(front.initialize(() => Promise.reject(new Error('no head')))).rejects.toThrow('no head')
      expect((await front.look()).watermark).toBeUndefined()
      expect(await startAt(front, HEAD)).toBe(true)
    })
  })
}
