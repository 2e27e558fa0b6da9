import { ClosedError, type FrontSession, type SharedFront, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../waiting/eventually.ts'
import { change, filling } from '../../writes.ts'
import { HEAD } from './front-suite.ts'
import { newEpoch, startAt, type StartShared, valueIn } from './shared-front-suite.ts'

const A = [StoreKey.of('a')]

export function describeSessions(start: StartShared): void {
  describe('a session', () => {
    it('names server and epoch, and stays the same object while nothing changes', async () => {
      const { front } = await start()
      const { session } = front
      expect(session).toEqual({ server: expect.stringMatching(/./), epoch: expect.stringMatching(/^[0-9a-f]{8}$/) })
      await front.apply([change(HEAD + 1, 'a', 1)], 'install')
      expect((await front.look()).session).toBe(session)
      expect(front.session).toBe(session)
    })

    it('has no epoch where nobody has started the server, or its meta is lost', async () => {
      const { front, server } = await start()
      const { session } = front
      await server.loseMeta()
      expect(await front.look()).toMatchObject({ watermark: undefined, mark: '', tailer: '', highest: undefined })
      expect(front.session).toEqual({ server: session!.server, epoch: undefined })
      await startAt(front, HEAD)
      expect(front.session).toEqual({ server: session!.server, epoch: expect.any(String) })
      expect(front.session!.epoch).not.toBe(session!.epoch)
    })

    it('is one server for all who are connected to it', async () => {
      const { front, another } = await withAnother(start)
      expect(another.session).toEqual(front.session)
    })

    it('ends with its epoch, as soon as that is noticed, and voids reads', async () => {
      const { front, another } = await withAnother(start)
      await front.apply([change(HEAD + 1, 'a', 1)], 'install')
      const session = front.session!
      expect((await front.read(A, session))[0]?.asOf).toBe(HEAD + 1)
      await startAt(another, HEAD + 1)
      await front.look()
      expect(front.session).toEqual(another.session)
      expect(await front.read(A, session)).toEqual([undefined])
      expect(await front.read(A, front.session!)).toEqual([undefined])
      await another.fill([filling('a', 1, HEAD + 1, HEAD + 1)])
      expect(await valueIn(front, 'a')).toBe(1)
      expect(await front.read(A, session)).toEqual([undefined])
    })

    it('ends with its epoch for a read, too, that is under way when that is noticed', async () => {
      const { front, another } = await withAnother(start)
      await front.apply([change(HEAD + 1, 'a', 1)], 'install')
      await startAt(another, HEAD + 1)
      const [, answers] = await Promise.all([front.look(), front.read(A, front.session!)])
      expect(answers).toEqual([undefined])
    })

    it('ends with its connection, at once, and voids reads, also those under way', async () => {
      const { front } = await start()
      await front.apply([change(HEAD + 1, 'a', 1)], 'install')
      const session = front.session!
      const reading = front.read(A, session).catch(() => [undefined])
      front.reconnect()
      expect(front.session).toBeUndefined()
      expect(await reading).toEqual([undefined])
      expect(await front.read(A, session)).toEqual([undefined])
      await eventually('there is another one', () => front.session !== undefined)
      expect(front.session).toEqual(session)
      expect(front.session).not.toBe(session)
      expect(await front.read(A, session)).toEqual([undefined])
      expect(await valueIn(front, 'a')).toBe(1)
    })

    it('is not taken from an equal one', async () => {
      const { front } = await start()
      await front.apply([change(HEAD + 1, 'a', 1)], 'install')
      expect(await front.read(A, { ...front.session! })).toEqual([undefined])
    })

    it('is told of to who listens, until that ends', async () => {
      const { front } = await start()
      const seen: (FrontSession | undefined)[] = []
      const early: unknown[] = []
      front.onSession((session) => {
        // Never late: whoever is told finds it there.
        expect(front.session).toBe(session)
        seen.push(session)
      })
      const stop = front.onSession((session) => early.push(session))
      await startAt(front, HEAD)
      const told = seen.length
      expect(seen.at(-1)).toBe(front.session)
      stop()
      front.reconnect()
      await eventually('there is another one', () => front.session !== undefined)
      expect(seen.slice(told)).toEqual([undefined, front.session])
      expect(early).toHaveLength(told)
    })
  })

  describe('closing', () => {
    it('ends the session, and is for good', async () => {
      const { front } = await start()
      const session = front.session!
      const seen: unknown[] = []
      front.onSession((each) => seen.push(each))
      await Promise.all([front.close(), front.close()])
      expect(front.session).toBeUndefined()
      expect(seen).toEqual([undefined])
      front.reconnect()
      const calls: readonly ((front: SharedFront) => Promise<unknown>)[] = [
        (closed) => closed.look(),
        (closed) => closed.read(A, session),
        (closed) => closed.apply([change(HEAD + 1, 'a', 1)], 'install'),
        (closed) => closed.fill([filling('a', 1, HEAD, HEAD)]),
        (closed) => closed.tail({ from: HEAD, to: HEAD, changes: [], mark: '', tailer: '' }),
        (closed) => closed.initialize(() => Promise.resolve({ epoch: newEpoch(), head: HEAD, mark: '' })),
        (closed) => closed.inspect(A[0]!),
        (closed) => closed.records(undefined, 10),
      ]
      for (const call of calls) await expect(call(front)).rejects.toBeInstanceOf(ClosedError)
    })
  })
}

async function withAnother(
  start: StartShared,
): Promise<{ readonly front: SharedFront; readonly another: SharedFront }> {
  const test = await start()
  return { front: test.front, another: await test.another() }
}
