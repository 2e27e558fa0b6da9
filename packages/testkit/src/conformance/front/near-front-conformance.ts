import { type NearFront, StoreKey, type TailStep } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { change, filling, missing } from '../../writes.ts'
import { describeFront } from './describe-front.ts'
import { type FrontCapabilities, HEAD, type OpenFront, type StartFront, startFront } from './front-suite.ts'

/** What a front in the process promises, beyond what every front does. */
export function nearFrontConformance(
  name: string,
  open: OpenFront<NearFront>,
  capabilities: FrontCapabilities<NearFront> = {},
): void {
  const start: StartFront<NearFront> = () =>
    startFront(open, {
      ...capabilities,
      followed: (front) => ({ watermark: () => front.watermark, tail: (step) => front.tail(step) }),
    })
  describeFront(name, start)
  const id = (key: string): string => StoreKey.of(key).id

  describe(`near front: ${name}`, () => {
    describe('at once', () => {
      it('peeks, applies and fills as the waiting calls do', async () => {
        const { front } = await start()
        expect(front.peek(id('a'))).toBeUndefined()
        front.applyNow([change(HEAD + 1, 'a', 1), change(HEAD + 2, 'b', undefined)], 'install')
        expect(front.peek(id('a'))?.entry?.version).toBe(HEAD + 1)
        expect(front.fillNow(missing('b', HEAD + 1))).toBe('fenced')
        expect(front.fillNow(missing('b', HEAD + 2))).toBe('installed')
        front.applyNow([change(HEAD + 3, 'b', 1)], 'invalidate')
        expect(front.peek(id('b'))).toBeUndefined()
      })

      it('peeks the same frozen answer each time', async () => {
        const { front } = await start()
        front.fillNow(filling('a', 1, HEAD, HEAD))
        const found = front.peek(id('a'))!
        expect(front.peek(id('a'))).toBe(found)
        expect((await front.read([StoreKey.of('a')]))[0]).toBe(found)
        expect(Object.isFrozen(found)).toBe(true)
        expect(found.tier).toBe(front.name)
      })

      it('forgets a record whose time has come', async () => {
        const { front, clock } = await start()
        const until = Math.ceil(clock.now()) + 20_000
        front.fillNow(filling('a', 1, HEAD, HEAD, { until }))
        expect(front.peek(id('a'))).toBeDefined()
        clock.step(20_001)
        expect(front.peek(id('a'))).toBeUndefined()
      })

      it('takes nothing after it was closed', async () => {
        const { front } = await start()
        await front.close()
        front.applyNow([change(HEAD + 1, 'a', 1)], 'install')
        expect(front.fillNow(filling('b', 1, HEAD + 1, HEAD + 1))).toBe('fenced')
        expect([front.peek(id('a')), front.peek(id('b'))]).toEqual([undefined, undefined])
      })
    })

    describe('along the log', () => {
      const step = (from: number, ...changes: TailStep['changes']): TailStep => ({
        from,
        to: changes.at(-1)!.seq,
        changes,
      })

      it('starts at the head that it was given', async () => {
        const { front } = await start()
        expect(front.watermark).toBe(HEAD)
        expect(front.fillNow(filling('a', 1, HEAD - 1, HEAD - 1))).toBe('fenced')
        expect(front.fillNow(filling('a', 1, HEAD - 1, HEAD))).toBe('installed')
      })

      it('drops what a step has replaced, and keeps the rest', async () => {
        const { front } = await start()
        for (const key of ['a', 'b', 'c']) front.fillNow(filling(key, 0, HEAD, HEAD))
        front.fillNow(missing('d', HEAD))
        const changes = [change(HEAD + 1, 'a', 1), change(HEAD + 2, 'b', undefined), change(HEAD + 3, 'd', 1)]
        expect(front.tail(step(HEAD, ...changes))).toBe(HEAD + 3)
        expect(front.watermark).toBe(HEAD + 3)
        expect(['a', 'b', 'c', 'd'].map((key) => front.peek(id(key))?.entry?.version)).toEqual([
          undefined,
          undefined,
          HEAD,
          undefined,
        ])
      })

      it('keeps what is as new as the step, or newer', async () => {
        const { front } = await start()
        front.applyNow([change(HEAD + 1, 'a', 1), change(HEAD + 2, 'b', 1), change(HEAD + 3, 'b', 2)], 'install')
        front.tail(step(HEAD, change(HEAD + 1, 'a', 1), change(HEAD + 2, 'b', 1)))
        expect(['a', 'b'].map((key) => front.peek(id(key))?.entry?.version)).toEqual([HEAD + 1, HEAD + 3])
      })

      it('row 17: a fill that was read before the step comes too late after it', async () => {
        const { front } = await start()
        front.tail(step(HEAD, change(HEAD + 1, 'a', 1), change(HEAD + 2, 'b', undefined)))
        expect(front.fillNow(filling('a', 0, HEAD, HEAD))).toBe('fenced')
        expect(front.fillNow(filling('b', 0, HEAD, HEAD + 1))).toBe('fenced')
        expect(front.fillNow(missing('a', HEAD))).toBe('fenced')
        expect(front.fillNow(filling('a', 1, HEAD + 1, HEAD + 1))).toBe('installed')
      })

      it('ignores a step that does not start where it stands', async () => {
        const { front } = await start()
        front.fillNow(filling('a', 0, HEAD, HEAD))
        expect(front.tail(step(HEAD + 1, change(HEAD + 2, 'a', 1)))).toBe(HEAD)
        expect(front.tail(step(HEAD - 1, change(HEAD, 'a', 1), change(HEAD + 1, 'a', 2)))).toBe(HEAD)
        expect(front.peek(id('a'))?.entry?.version).toBe(HEAD)
        expect(front.watermark).toBe(HEAD)
      })

      it('starts again elsewhere with nothing, and refuses what may be older', async () => {
        const { front } = await start()
        front.applyNow([change(HEAD + 1, 'a', 1)], 'install')
        front.restart(HEAD + 50)
        expect([front.watermark, front.peek(id('a'))]).toEqual([HEAD + 50, undefined])
        expect(front.fillNow(filling('a', 1, HEAD + 1, HEAD + 49))).toBe('fenced')
        expect(front.fillNow(filling('a', 1, HEAD + 1, HEAD + 50))).toBe('installed')
      })
    })
  })
}
