import { createMemoryBack } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { changes } from '../../src/index.ts'
import { Follower, recordCommits, stateAfter } from '../support/follower.ts'
import { disturbed, iterate, until } from '../support/following.ts'
import { commit, commitNumbers, deleting } from '../support/writing.ts'

describe('follow and compaction', () => {
  it('starts again, and says so, when the log lost what lies between two pages', async () => {
    const back = createMemoryBack({ maxLogChanges: 3 })
    const rows = recordCommits(back)
    await commitNumbers(back, 4)
    const stream = iterate(back, { batch: 2 })
    const follower = new Follower()
    follower.apply((await stream.next()).value!)
    await commit(back, deleting(['n', 1]))
    await commitNumbers(back, 6, 3)
    for (const step of await until('ready', stream)) follower.apply(step)
    expect(follower.restarts).toBe(1)
    expect(follower.state).toEqual(stateAfter(rows, follower.position!))
    await stream.return!()
  })

  it('starts again for a token that is too old, and for who fell behind later', async () => {
    const back = createMemoryBack({ maxLogChanges: 3 })
    const rows = recordCommits(back)
    await commitNumbers(back, 2)
    const first = iterate(back)
    const { token } = (await until('ready', first)).at(-1) as { token: string }
    await commitNumbers(back, 9, 3)
    const resumed = iterate(back, { after: token })
    for (const stream of [first, resumed]) {
      const steps = await until('ready', stream)
      expect(steps[0]).toMatchObject({ kind: 'restart', reason: { code: 'LOG_COMPACTED', after: 2, floor: 8 } })
      const follower = new Follower()
      steps.forEach((step) => follower.apply(step))
      expect(follower.state).toEqual(stateAfter(rows, 11))
      await stream.return!()
    }
    const strict = iterate(back, { after: token, onCompacted: 'error' })
    await expect(strict.next()).rejects.toMatchObject({ code: 'LOG_COMPACTED', after: 2 })
  })

  it('does not start again for ever', async () => {
    const back = createMemoryBack({ maxLogChanges: 1 })
    await commitNumbers(back, 4)
    const stream = iterate(
      disturbed(back, () => commitNumbers(back, 3)),
      { batch: 1 },
    )
    let restarts = 0
    const run = async (): Promise<void> => {
      for (;;) if ((await stream.next()).value?.kind === 'restart') restarts++
    }
    await expect(run()).rejects.toMatchObject({ code: 'LOG_COMPACTED' })
    expect(restarts).toBe(16)
  })
})

describe('changes with onCompacted', () => {
  it('latest goes on with what is new, and says what it left out', async () => {
    const back = createMemoryBack({ maxLogChanges: 3 })
    await commitNumbers(back, 2)
    const stream = changes(back.log, { from: 'start', onCompacted: 'latest' })[Symbol.asyncIterator]()
    expect((await stream.next()).value).toMatchObject({ changes: [{ seq: 1 }, { seq: 2 }] })
    await commitNumbers(back, 8, 3)
    const gap = (await stream.next()).value!
    expect(gap).toMatchObject({ kind: 'changes', changes: [], head: 10, skipped: { after: 2, to: 10 } })
    await commitNumbers(back, 1, 11)
    const next = (await stream.next()).value!
    expect(next).toMatchObject({ changes: [{ seq: 11 }] })
    expect(next.skipped).toBeUndefined()
    await stream.return!()
    const anew = changes(back.log, { from: 'start', onCompacted: 'latest' })[Symbol.asyncIterator]()
    expect((await anew.next()).value).toMatchObject({ changes: [], skipped: { after: 0, to: 11 } })
    const resumed = changes(back.log, { after: gap.token })[Symbol.asyncIterator]()
    expect((await resumed.next()).value).toMatchObject({ changes: [{ seq: 11 }] })
    await Promise.all([anew.return!(), resumed.return!()])
  })

  it('snapshot shows one, and goes on', async () => {
    const back = createMemoryBack({ maxLogChanges: 3 })
    const rows = recordCommits(back)
    await commitNumbers(back, 6)
    const stream = changes(back.log, { from: 'start', onCompacted: 'snapshot', back })[Symbol.asyncIterator]()
    const follower = new Follower()
    const steps = await until('ready', stream)
    expect(steps[0]!.kind).toBe('restart')
    steps.forEach((step) => follower.apply(step))
    expect(follower.state).toEqual(stateAfter(rows, 6))
    await commitNumbers(back, 1, 7)
    expect((await stream.next()).value).toMatchObject({ kind: 'changes', changes: [{ seq: 7 }] })
    await stream.return!()
  })

  it('nothing but compaction is answered with a policy: other dead tokens stay errors', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 2)
    const { token } = (await until('ready', iterate(back))).at(-1) as { token: string }
    await back.restored()
    await expect(iterate(back, { after: token }).next()).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED' })
    await expect(iterate(createMemoryBack(), { after: token }).next()).rejects.toMatchObject({ code: 'TOKEN_FOREIGN' })
    await expect(iterate(back, { after: 'x' }).next()).rejects.toMatchObject({ code: 'TOKEN_INVALID' })
  })

  it('snapshot needs to know what to take it of', () => {
    const back = createMemoryBack()
    expect(() => changes(back.log, { onCompacted: 'snapshot' } as never)).toThrow(/back/)
    expect(() => changes(back.log, { back } as never)).toThrow(/back/)
    expect(() => changes(back.log, { onCompacted: 'ignore' } as never)).toThrow(/onCompacted/)
  })
})
