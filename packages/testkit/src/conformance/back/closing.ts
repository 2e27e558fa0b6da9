import { ALL_KEYS, type Back, ClosedError, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, setting, valueOf } from '../../writes.ts'
import { type BackCapabilities, type OpenBack, startBack } from './back-suite.ts'
import { allMarks, marking } from './marked.ts'

const CALLS: Readonly<Record<string, (back: Back) => unknown>> = {
  readOne: (back) => back.readOne(StoreKey.of('a')),
  read: (back) => back.read([StoreKey.of('a')]),
  commit: (back) => commit(back, setting('a', 1)),
  scan: (back) => back.scan(ALL_KEYS, { after: undefined, limit: 1, reverse: false }),
  count: (back) => back.count(ALL_KEYS),
  expire: (back) => back.expire(1),
  'agreements.sample': (back) => back.agreements.sample('redis'),
  'agreements.change': (back) => back.agreements.change('redis', 0, { epoch: 'e1' }),
  'leases.acquire': (back) => back.leases.acquire(StoreKey.of('a'), 1_000),
  'leases.remaining': (back) => back.leases.remaining([StoreKey.of('a')]),
  'leases.renew': (back) => back.leases.renew({ key: StoreKey.of('a'), token: 1 }, 1_000),
  'leases.release': (back) => back.leases.release({ key: StoreKey.of('a'), token: 1 }),
  'marks.read': (back) => back.marks.read([StoreKey.of('a')]),
  'marks.scan': (back) => back.marks.scan(ALL_KEYS, { after: undefined, limit: 1 }),
  'marks.write': (back) => back.marks.write([]),
  'compaction.compact': (back) => back.compaction.compact({ upTo: 1, limit: 1 }),
  'compaction.sizeOf': (back) => back.compaction.sizeOf(0, 1),
  'compaction.reclaim': (back) => back.compaction.reclaim(1),
  restored: (back) => back.restored(),
  'log.head': (back) => back.log.head(),
  'log.floor': (back) => back.log.floor(),
  'log.read': (back) => back.log.read({ after: 0, limit: 1 }),
  'log.at': (back) => back.log.at([1]),
  'log.seqBefore': (back) => back.log.seqBefore(1),
  'log.changesOf': (back) => back.log.changesOf(StoreKey.of('a'), { limit: 1 }),
  'log.wait': (back) => back.log.wait(0, new AbortController().signal),
}

export function describeClosing(open: OpenBack, { reopen }: BackCapabilities): void {
  describe('closing', () => {
    it('lets what is under way finish', async () => {
      const { back } = await startBack(open)
      const seen: number[] = []
      back.onCommit((commits) => seen.push(...commits.map(({ asOf }) => asOf)))
      const ended: string[] = []
      const writes = ['a', 'b'].map(async (key) => {
        await commit(back, setting(key, 1))
        ended.push(key)
      })
      await back.close().then(() => ended.push('closed'))
      await Promise.all(writes)
      expect(ended).toEqual(['a', 'b', 'closed'])
      expect(seen).toEqual([1, 2])
    })

    it('can be asked for any number of times', async () => {
      const { back } = await startBack(open)
      await Promise.all([back.close(), back.close()])
      await back.close()
    })

    it('wakes who waits for the log', async () => {
      const { back } = await startBack(open)
      const waiting = back.log.wait(0, new AbortController().signal)
      const closing = back.close()
      await expect(waiting).rejects.toBeInstanceOf(ClosedError)
      await closing
    })

    it.each(Object.keys(CALLS))('refuses %s while it is closing, and afterwards', async (name) => {
      const { back } = await startBack(open)
      const underWay = commit(back, setting('a', 1))
      const closing = back.close()
      const call = async (): Promise<unknown> => CALLS[name]!(back)
      await expect(call()).rejects.toBeInstanceOf(ClosedError)
      await Promise.all([underWay, closing])
      await expect(call()).rejects.toMatchObject({ code: 'CLOSED' })
      back.log.nudge()
    })

    if (reopen === undefined) return
    it('loses nothing that was acknowledged', async () => {
      const { back } = await startBack(open)
      await commit(back, setting('a', { n: 1 }, { meta: 'm' }), setting('b', 2))
      const first = { epoch: 'e1', server: 's1', maxStaleMs: 300 }
      await back.marks.write([marking('offset', 2)])
      const { agreement } = await back.agreements.change('redis', 0, first)
      await back.restored()
      const { identity } = back.log
      await back.close()
      const { back: again } = await startBack(reopen)
      expect(again.log.identity).toEqual(identity)
      expect(await again.agreements.sample('redis')).toEqual({
        head: 2,
        agreement: { ...agreement, epoch: '', term: 2 },
      })
      expect([await valueOf(again, 'a'), await valueOf(again, 'b')]).toEqual([{ n: 1 }, 2])
      expect((await again.log.read({ after: 0, limit: 10 })).changes.map(({ seq }) => seq)).toEqual([1, 2])
      expect(await allMarks(again)).toEqual([['offset', 2]])
      expect(await commit(again, setting('a', 3))).toMatchObject({ changes: [{ seq: 3, prevVersion: 1 }] })
      expect(again.origin).not.toBe(back.origin)
    })
  })
}
