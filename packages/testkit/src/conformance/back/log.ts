import { ALL_KEYS, type Back, type LogChange } from '@tidemark/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting } from '../../writes.ts'
import type { BackCapabilities, StartBack } from './back-suite.ts'
import { scanAll } from './scans.ts'

export function describeLog(start: StartBack, capabilities: BackCapabilities): void {
  describe('the log', () => {
    it('is empty at first, and knows which one it is', async () => {
      const one = await start()
      const other = await start()
      expect(await one.back.log.read({ after: 0, limit: 10 })).toEqual({ changes: [], head: 0 })
      expect([await one.back.log.head(), await one.back.log.floor()]).toEqual([0, 0])
      expect(one.back.log.identity).toEqual({ id: expect.any(String), epoch: expect.any(Number) })
      expect(one.back.log.identity.id).not.toBe(other.back.log.identity.id)
      expect(one.back.origin).not.toBe(other.back.origin)
    })

    it('gives back each change as its writer and its listeners got it', async () => {
      const { back, clock } = await start()
      const told: LogChange[] = []
      back.onCommit((commits) => told.push(...commits.flatMap(({ changes }) => changes)))
      const expiresAt = Math.ceil(clock.now()) + 1e6
      await commit(back, setting(['user', 1], { n: [1] }, { expiresAt, meta: { by: 'me' }, path: ['n', 0] }))
      await commit(back, setting('b', null), deleting(['user', 1]), setting('b', false))
      const { changes } = await back.log.read({ after: 0, limit: 10 })
      expect(changes.map(plain)).toEqual(told.map(plain))
      expect(changes.map(plain)).toMatchObject([
        { seq: 1, value: { n: [1] }, meta: { by: 'me' }, path: ['n', 0], expiresAt },
        { seq: 2, value: null, path: undefined },
        { seq: 3, op: 'delete', value: undefined, prevVersion: 1 },
        { seq: 4, value: false, prevVersion: 2 },
      ])
    })

    it('tells which keys changed without their values, where values are not asked for', async () => {
      const { back } = await start()
      await commit(back, setting('a', { n: 1 }, { meta: 'by me', path: ['n'] }), setting('b', 2), deleting('a'))
      const full = await back.log.read({ after: 0, limit: 1, values: true })
      expect(full.changes[0]!.payload!.decode()).toEqual({ n: 1 })
      const { changes, head } = await back.log.read({ after: 0, limit: 1, values: false })
      expect(head).toBe(full.head)
      expect(changes).toHaveLength(3)
      expect(changes).toEqual(full.changes.map((change) => ({ ...change, payload: undefined, meta: undefined })))
      expect(back.log.sync?.read({ after: 0, limit: 1, values: false }) ?? { changes, head }).toEqual({ changes, head })
    })

    it('is read in pages of whole commits, dense, from any position, whatever the limit', async () => {
      const { back } = await start()
      for (const size of [1, 3, 1, 5, 2]) {
        await commit(back, ...Array.from({ length: size }, (_, i) => setting(['n', i], size)))
      }
      for (const limit of [1, 2, 3, 4, 12, 100]) {
        const seen: LogChange[] = []
        let after = 0
        while (after < 12) {
          const { changes, head } = await back.log.read({ after, limit })
          expect(head).toBe(12)
          expect(changes.length).toBeGreaterThanOrEqual(Math.min(limit, 12 - after))
          expect(changes.at(-1)!.seq).toBe(changes.at(-1)!.last)
          seen.push(...changes)
          after = changes.at(-1)!.seq
        }
        expect(seen.map(({ seq }) => seq)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1))
      }
      // From within the commit 6..10.
      const { changes } = await back.log.read({ after: 7, limit: 1 })
      expect(changes.map(({ seq }) => seq)).toEqual([8, 9, 10])
    })

    it('has nothing after its head, and refuses a position past it', async () => {
      const { back } = await start()
      await commit(back, setting('a', 1))
      expect(await back.log.read({ after: 1, limit: 10 })).toEqual({ changes: [], head: 1 })
      await expect(back.log.read({ after: 2, limit: 10 })).rejects.toMatchObject({ code: 'LOG_AHEAD' })
    })

    it('replayed gives what the store holds, after any commits', async () => {
      const { back } = await start()
      const key = fc.constantFrom('a', 'b', 'c', 'd')
      const write = fc.oneof(
        fc.tuple(key, fc.integer()).map(([k, value]) => setting(k, value)),
        key.map((k) => deleting(k)),
      )
      const commits = fc.array(fc.array(write, { maxLength: 4 }), { maxLength: 6 })
      await fc.assert(
        fc.asyncProperty(commits, async (batches) => {
          await Promise.all(batches.map((writes) => commit(back, ...writes)))
          expect(await replay(back)).toEqual(await contents(back))
        }),
        { numRuns: 40 },
      )
    })

    it('wakes who waits for more, as soon as there is more', async () => {
      const { back } = await start()
      const { signal } = new AbortController()
      let woken = 0
      const waiting = [0, 0, 1].map((after) => back.log.wait(after, signal).then(() => woken++))
      back.log.nudge()
      await commit(back, setting('a', 1))
      await Promise.all(waiting.slice(0, 2))
      await commit(back, setting('a', 2))
      await Promise.all(waiting)
      expect(woken).toBe(3)
      await back.log.wait(1, signal)
    })

    it('lets who waits give up', async () => {
      const { back } = await start()
      const controller = new AbortController()
      const waiting = back.log.wait(0, controller.signal)
      const reason = new Error('enough')
      controller.abort(reason)
      await expect(waiting).rejects.toBe(reason)
      await expect(back.log.wait(0, controller.signal)).rejects.toBe(reason)
    })

    if (!capabilities.syncLog) return
    it('answers at once, the same', async () => {
      const { back } = await start()
      const sync = back.log.sync!
      expect(sync.head()).toBe(0)
      await commit(back, setting('a', 1), setting('b', 1))
      await commit(back, setting('a', 2))
      expect(sync.head()).toBe(3)
      for (const options of [
        { after: 0, limit: 1 },
        { after: 2, limit: 5 },
        { after: 3, limit: 5 },
      ]) {
        const { changes, head } = await back.log.read(options)
        const at = sync.read(options)
        expect([at.head, at.changes.map(plain)]).toEqual([head, changes.map(plain)])
      }
      expect(() => sync.read({ after: 4, limit: 1 })).toThrow(expect.objectContaining({ code: 'LOG_AHEAD' }))
    })
  })
}

function plain({ key, payload, meta, ...change }: LogChange): object {
  return { ...change, key: key.id, value: payload?.decode(), meta: meta?.decode() }
}

/** The version and value of every key, as the log tells it. */
async function replay(back: Back): Promise<ReadonlyMap<string, unknown>> {
  const state = new Map<string, unknown>()
  let seq = 0
  for (;;) {
    const { changes, head } = await back.log.read({ after: seq, limit: 7 })
    for (const change of changes) {
      expect(change.seq).toBe(++seq)
      if (change.op === 'set') state.set(change.key.id, [change.seq, change.payload!.decode()])
      else state.delete(change.key.id)
    }
    if (seq === head) return state
  }
}

async function contents(back: Back): Promise<ReadonlyMap<string, unknown>> {
  const entries = await scanAll(back, ALL_KEYS, 100, false)
  return new Map(entries.map(({ key, version, payload }) => [key.id, [version, payload.decode()]]))
}
