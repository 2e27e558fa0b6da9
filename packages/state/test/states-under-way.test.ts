import { type Back, TidemarkError } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { states } from '../src/index.ts'
import { type Fault, faultyBack } from './support/faulty-back.ts'
import { openTemp, tempFile } from './support/temp.ts'

/** The answer of a commit that is done waits until it is let go. */
function gate(): { readonly fault: Fault; readonly isReached: Promise<void>; readonly open: () => void } {
  const reached = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  const fault: Fault = async (commit) => {
    const done = await commit()
    reached.resolve()
    await opened.promise
    return done
  }
  return { fault, isReached: reached.promise, open: opened.resolve }
}

/** It is written, and the answer is lost. */
const doneButIO: Fault = async (commit) => {
  await commit()
  throw new TidemarkError('IO', 'the disk')
}

/** It is decided, and not written. */
const notDone =
  (real: Back, code: 'IO' | 'DISK_FULL' = 'IO'): Fault =>
  (_commit, proposal) =>
    real.commit({
      ...proposal,
      decide: (current) => {
        proposal.decide(current)
        throw new TidemarkError(code, 'the disk')
      },
    })

/** What a process finds that starts now. */
const lastSaved = async (file: string, name = 'v'): Promise<unknown> =>
  (await states(openTemp({ file }).store)).define<unknown>(name, 'none').value

describe.each(['overwrite', 'error'] as const)('onConflict: %s', (onConflict) => {
  const opened = async (options = {}) => {
    const file = tempFile()
    const { back: real } = openTemp({ file })
    const { back, faults } = faultyBack(real)
    return { file, real, faults, app: await states(back, { onConflict, ...options }) }
  }

  /** A save of 1 is in doubt, and others have saved 9 since. */
  const savedByOthers = async (fault: (real: Back) => Fault) => {
    const { file, real, app, faults } = await opened()
    const v = app.define('v', 0)
    await app.saveAll()
    v.value = 1
    faults.push(fault(real))
    await expect(app.saveAll()).rejects.toMatchObject({ code: 'IO' })
    const other = await states(openTemp({ file }).store)
    other.define('v', 0).value = 9
    await other.saveAll()
    return { file, app, v }
  }

  test('saves that are called while another one is under way save the values of their own moment', async () => {
    const { file, app } = await opened()
    const v = app.define('v', false)
    const same = app.define('same', 1)
    await app.saveAll()
    const saves = [true, false, false, true, false].map((value) => {
      v.value = value
      return app.saveAll()
    })
    const numbers = (await Promise.all(saves)).map(({ number, values }) => [number, values])
    // What has not changed since the save before is not written again.
    expect(numbers).toEqual([2, 3, 4, 5, 6].map((number) => [number, { v: number === 4 ? 3 : number, same: 1 }]))
    expect([v.value, same.value, await lastSaved(file)]).toEqual([false, 1, false])
    v.value = true
    await app.saveAll()
    expect(await lastSaved(file)).toBe(true)
  })

  test('a save behind one that fails is made all the same', async () => {
    const { file, app, faults } = await opened()
    const v = app.define('v', 0)
    await app.saveAll()
    faults.push(() => Promise.reject(new TidemarkError('DISK_FULL', 'the disk')))
    v.value = 1
    const failed = app.saveAll()
    v.value = 2
    const saved = app.saveAll()
    await expect(failed).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect((await saved).number).toBe(2)
    expect(await lastSaved(file)).toBe(2)
  })

  test('the first saves, two at once', async () => {
    const { file, app } = await opened()
    const v = app.define('v', 0)
    const first = app.saveAll()
    v.value = 1
    await Promise.all([first, app.saveAll()])
    expect(await lastSaved(file)).toBe(1)
  })

  test('an autosave, and close(), see what a save under way is about to store', async () => {
    const { file, app, faults } = await opened({ autosave: {} })
    const v = app.define('v', false)
    await app.saveAll()
    const { fault, isReached, open } = gate()
    faults.push(fault)
    v.value = true
    const saved = app.saveAll()
    await isReached
    v.value = false
    const closed = app.close()
    open()
    await Promise.all([saved, closed])
    expect(await lastSaved(file)).toBe(false)
  })

  test('close() waits for the saves that were called', async () => {
    const { file, app } = await opened()
    const v = app.define('v', 0)
    const saves = [app.saveAll()]
    v.value = 1
    saves.push(app.saveAll())
    await app.close()
    expect(await lastSaved(file)).toBe(1)
    await Promise.all(saves)
  })

  test('a reload comes behind the saves that were called before it, and before those that were called later', async () => {
    const { file, app } = await opened()
    const v = app.define('v', 0)
    await app.saveAll()
    v.value = 1
    const before = app.saveAll()
    v.value = 2
    const reloaded = app.reloadAll()
    const after = app.saveAll()
    await Promise.all([before, reloaded, after])
    expect([v.value, await lastSaved(file)]).toEqual([1, 2])
    // It is its own save that this one replaces.
    await app.saveAll()
    expect(await lastSaved(file)).toBe(1)
  })

  test('a reload that others have saved for is no reason to write over it what was called before it', async () => {
    const { file, app } = await opened()
    const v = app.define('v', 0)
    await app.saveAll()
    const other = await states(openTemp({ file }).store)
    other.define('v', 0).value = 7
    await other.saveAll()
    await Promise.all([app.reloadAll(), app.saveAll()])
    expect([v.value, await lastSaved(file)]).toEqual([7, 7])
    other.define('v', 0).value = 8
    await other.saveAll()
    v.value = 9
    const saves = [app.reloadAll(), app.saveAll()]
    if (onConflict === 'error') await expect(saves[1]).rejects.toMatchObject({ code: 'CONFLICT', currentVersion: 4 })
    await Promise.allSettled(saves)
    expect([v.value, await lastSaved(file)]).toEqual([8, onConflict === 'error' ? 8 : 9])
  })

  test('what is forgotten and defined again replaces what this process has saved or loaded', async () => {
    const { file, app, faults } = await opened()
    app.define('v', 0).value = 1
    await app.saveAll()
    app.forget('v')
    app.define('v', 0)
    await app.saveAll()
    expect(await lastSaved(file)).toBe(0)
    // While a save of it is under way.
    app.define('v', 0).value = 5
    const { fault, isReached, open } = gate()
    faults.push(fault)
    const saved = app.saveAll()
    await isReached
    app.forget('v')
    const early = app.define('v', 6)
    open()
    await saved
    await app.saveAll()
    expect([early.value, await lastSaved(file)]).toEqual([6, 6])
    const again = await states(openTemp({ file }).store, { onConflict })
    again.forget('v')
    again.define('v', 7)
    await again.saveAll()
    expect(await lastSaved(file)).toBe(7)
    // What others have saved of it since is seen by a reload.
    await app.reloadAll()
    app.forget('v')
    again.define('v', 7).value = 8
    await again.saveAll()
    await app.reloadAll()
    app.define('v', 9)
    await app.saveAll()
    expect(await lastSaved(file)).toBe(9)
  })

  test('what is forgotten again, while the save without it is under way, is not in the next one', async () => {
    const { file, app, faults } = await opened()
    app.define('v', 1)
    app.define('kept', 1)
    await app.saveAll()
    const { fault, isReached, open } = gate()
    faults.push(fault)
    app.forget('v')
    const saves = [app.saveAll()]
    await isReached
    app.define('v', 2)
    saves.push(app.saveAll())
    app.forget('v')
    open()
    await Promise.all(saves)
    expect((await app.saveAll()).values).toEqual({ kept: 1 })
    expect(await lastSaved(file)).toBe('none')
  })

  test('a save that failed with IO, and was written, is known by the next one', async () => {
    for (const value of [0, 1, 2]) {
      const { file, real, app, faults } = await opened()
      const v = app.define('v', 0)
      await app.saveAll()
      v.value = 1
      faults.push(doneButIO, notDone(real), doneButIO)
      for (let i = 0; i < 3; i++) await expect(app.saveAll()).rejects.toMatchObject({ code: 'IO' })
      v.value = value
      await app.saveAll()
      expect(await lastSaved(file)).toBe(value)
      const other = await states(openTemp({ file }).store)
      other.define('v', 0).value = 9
      await other.saveAll()
      v.value = 3
      const saved = app.saveAll()
      if (onConflict === 'error') await expect(saved).rejects.toMatchObject({ code: 'CONFLICT' })
      else await saved
      expect(await lastSaved(file)).toBe(onConflict === 'error' ? 9 : 3)
    }
  })

  test('what others have saved upon a save in doubt is theirs', async () => {
    const { file, app, v } = await savedByOthers(() => doneButIO)
    // As it was saved: nothing of it is to be saved.
    await app.saveAll()
    expect(await lastSaved(file)).toBe(9)
    v.value = 0
    const saved = app.saveAll()
    if (onConflict === 'error')
      await expect(saved).rejects.toMatchObject({ code: 'CONFLICT', expectedVersion: 2, currentVersion: 3 })
    else await saved
  })

  test('what others have saved in place of a save in doubt is theirs', async () => {
    const { file, app, v } = await savedByOthers((real) => notDone(real))
    v.value = 0
    await app.saveAll()
    expect(await lastSaved(file)).toBe(9)
    v.value = 1
    const saved = app.saveAll()
    if (onConflict === 'error')
      await expect(saved).rejects.toMatchObject({ code: 'CONFLICT', expectedVersion: 1, currentVersion: 2 })
    else await saved
  })

  test('a reload that has seen more than a save in doubt is not changed by it', async () => {
    const { file, app, faults } = await opened()
    const v = app.define('v', 0)
    await app.saveAll()
    v.value = 1
    faults.push(doneButIO)
    await expect(app.saveAll()).rejects.toMatchObject({ code: 'IO' })
    const other = await states(openTemp({ file }).store)
    const theirs = other.define('v', 0)
    for (const value of [9, 10]) {
      theirs.value = value
      await other.saveAll()
      if (value === 9) await app.reloadAll()
    }
    await app.saveAll()
    expect([v.value, await lastSaved(file)]).toEqual([9, 10])
  })

  test('an autosave takes back what a save in doubt may have written; what certainly was not, needs none', async () => {
    for (const isDone of [true, false]) {
      const { file, real, app, faults } = await opened({ autosave: {}, clock: new ManualClock() })
      const v = app.define('v', 0)
      await app.saveAll()
      v.value = 1
      faults.push(isDone ? doneButIO : notDone(real, 'DISK_FULL'))
      await expect(app.saveAll()).rejects.toThrow('the disk')
      v.value = 0
      await app.close()
      expect([
        await lastSaved(file),
        (await states(openTemp({ file }).store).then((all) => all.saves())).length,
      ]).toEqual([0, isDone ? 3 : 1])
    }
  })
})
