import type { Commit } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting } from '../../writes.ts'
import type { StartBack } from './back-suite.ts'

export function describeListeners(start: StartBack): void {
  describe('a commit listener', () => {
    it('learns of every commit that changed something, in seq order, before the writer does', async () => {
      const { back } = await start()
      const seen: Commit[] = []
      back.onCommit((commits) => seen.push(...commits))
      const first = await commit(back, setting('a', 1)).then((done) => {
        expect(seen).toHaveLength(1)
        return done
      })
      await commit(back, deleting('never there'))
      await Promise.all([commit(back, setting('b', 1)), commit(back, deleting('a'))])
      expect(seen[0]).toBe(first)
      expect(seen.flatMap(({ changes }) => changes.map(({ seq, op }) => [seq, op]))).toEqual([
        [1, 'set'],
        [2, 'set'],
        [3, 'delete'],
      ])
    })

    it('may read what was committed, at once', async () => {
      const { back } = await start()
      const versions: Promise<number>[] = []
      back.onCommit((commits) => {
        for (const { changes } of commits) {
          versions.push(Promise.resolve(back.readOne(changes[0]!.key)).then(({ entry }) => entry!.version))
        }
      })
      await commit(back, setting('a', 1))
      expect(await Promise.all(versions)).toEqual([1])
    })

    it('hears nothing after it was taken away, even if it was added twice', async () => {
      const { back } = await start()
      let calls = 0
      const listener = (): void => void calls++
      const stop = back.onCommit(listener)
      const stopOther = back.onCommit(listener)
      await commit(back, setting('a', 1))
      expect(calls).toBe(2)
      stop()
      stop()
      await commit(back, setting('a', 2))
      expect(calls).toBe(3)
      stopOther()
      await commit(back, setting('a', 3))
      expect(calls).toBe(3)
    })

    it('that throws stops neither the commit nor the other listeners', async () => {
      const { back, errors } = await start()
      const thrown = new Error('a bad listener')
      const seen: number[] = []
      back.onCommit(() => {
        throw thrown
      })
      back.onCommit((commits) => seen.push(commits[0]!.asOf))
      expect(await commit(back, setting('a', 1))).toMatchObject({ asOf: 1 })
      expect(await commit(back, setting('a', 2))).toMatchObject({ asOf: 2 })
      expect(seen).toEqual([1, 2])
      expect(errors).toEqual([thrown, thrown])
    })

    it('may write: that comes later, in a commit of its own', async () => {
      const { back } = await start()
      const seen: number[] = []
      let echo: Promise<Commit> | undefined
      back.onCommit(() => {
        echo ??= commit(back, setting('echo', 1))
      })
      back.onCommit((commits) => seen.push(...commits.flatMap(({ changes }) => changes.map(({ seq }) => seq))))
      await commit(back, setting('a', 1), setting('b', 1))
      expect(await echo).toMatchObject({ changes: [{ seq: 3, first: 3 }] })
      expect(seen).toEqual([1, 2, 3])
    })
  })
}
