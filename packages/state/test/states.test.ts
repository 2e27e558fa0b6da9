import { systemClock } from '@tidemark/core'
import { ManualClock, ShiftedClock } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { states } from '../src/index.ts'
import { faultyBack } from './support/faulty-back.ts'
import { openTemp, tempFile } from './support/temp.ts'

describe('Instadump: its table', () => {
  test('setup-instadump!, defstate: the stored value if there is one, else the default; restored at start', async () => {
    const file = tempFile()
    {
      const { store } = openTemp({ file })
      const app = await states(store)
      const one = app.define('one', 150)
      expect([one.value, app.define('two', 'abc').value]).toEqual([150, 'abc'])
      one.value = 1000
      await app.saveAll()
    }
    const { store } = openTemp({ file })
    const app = await states(store)
    expect([app.define('one', 150).value, app.define('two', 'x').value]).toEqual([1000, 'abc'])
    expect(app.define('three', 3).value).toBe(3)
    expect(app.define('one', 150)).toBe(app.define('one', 151))
  })

  test('save-all-global-state!: one commit, all or nothing, from one consistent moment', async () => {
    const file = tempFile()
    const { store, back } = openTemp({ file })
    const app = await states(store)
    const a = app.define('a', { n: 1 })
    const b = app.define('b', 1)
    const seen: number[] = []
    back.onCommit((commits) => seen.push(...commits.map(({ changes }) => changes.length)))
    const saved = app.saveAll()
    // After the moment: it is in the next save.
    a.value.n = 2
    b.value = 2
    expect((await saved).number).toBe(1)
    expect(seen).toHaveLength(1)
    await app.reloadAll()
    expect([a.value, b.value]).toEqual([{ n: 1 }, 1])
    b.value = Symbol('cannot be saved') as never
    a.value = { n: 3 }
    await expect(app.saveAll()).rejects.toMatchObject({
      code: 'UNENCODABLE',
      message: expect.stringMatching(/^the state b cannot be saved: /),
    })
    b.value = undefined as never
    await expect(app.saveAll()).rejects.toThrow(/state b is undefined/)
    const other = await states(openTemp({ file }).store)
    expect([other.define('a', undefined).value, other.define('b', undefined).value]).toEqual([{ n: 1 }, 1])
  })

  test('reload-all-global-state!: strict by default, and then nothing is changed; what was never saved is kept on request', async () => {
    const { store } = openTemp()
    const app = await states(store)
    const a = app.define('a', 1)
    await expect(app.reloadAll()).rejects.toMatchObject({
      code: 'NEVER_SAVED',
      message: expect.stringMatching(/^the last save is not there; save first/),
    })
    await app.reloadAll({ missing: 'keep' })
    await app.saveAll()
    const b = app.define('b', 'default')
    a.value = 2
    b.value = 'changed'
    await expect(app.reloadAll()).rejects.toMatchObject({
      code: 'NEVER_SAVED',
      message: expect.stringMatching(/^b is not in/),
    })
    expect([a.value, b.value]).toEqual([2, 'changed'])
    await app.reloadAll({ missing: 'keep' })
    expect([a.value, b.value]).toEqual([1, 'changed'])
  })

  test('history: the last n saves are kept, and any of them can be restored', async () => {
    const clock = new ShiftedClock()
    const { store } = openTemp()
    const app = await states(store, { keepSaves: 3, clock })
    const n = app.define('n', 0)
    const same = app.define('same', 'x'.repeat(100))
    for (let i = 1; i <= 5; i++) {
      n.value = i
      if (i === 3) clock.step(-3_600_000)
      await app.saveAll()
    }
    const saves = await app.saves()
    expect(saves.map(({ number }) => number)).toEqual([3, 4, 5])
    expect(saves.map(({ at }) => at)).toEqual(saves.map(({ at }) => at).toSorted((x, y) => x - y))
    // What has not changed is stored once, what no save needs is gone.
    const keys = await Array.fromAsync(store.keys({ prefix: ['states', 'state'] }))
    expect(keys.map((key) => key.slice(2))).toEqual([
      ['n', 3],
      ['n', 4],
      ['n', 5],
      ['same', 1],
    ])
    same.value = 'changed'
    await app.restore(3)
    expect([n.value, same.value]).toEqual([3, 'x'.repeat(100)])
    await app.saveAll()
    await app.reloadAll()
    expect(n.value).toBe(3)
    await expect(app.restore(3)).rejects.toMatchObject({ code: 'NEVER_SAVED' })
  })

  test('autosave: every so often when something has changed, and at the end', async () => {
    const file = tempFile()
    const clock = new ManualClock()
    const { store, back } = openTemp({ file })
    const app = await states(store, { clock, autosave: { everyMs: 1_000 } })
    const n = app.define('n', { count: 0 })
    const settle = () => back.marks.write([])
    clock.advance(1_000)
    await settle()
    n.value.count = 1
    clock.advance(999)
    await settle()
    expect((await app.saves()).length).toBe(1)
    clock.advance(1)
    await settle()
    clock.advance(5_000)
    await settle()
    expect((await app.saves()).length).toBe(2)
    n.value.count = 2
    await app.close()
    await app.close()
    clock.advance(5_000)
    await expect(app.saveAll()).rejects.toMatchObject({ code: 'CLOSED' })
    const other = await states(openTemp({ file }).store)
    expect([other.define('n', undefined).value, (await other.saves()).length]).toEqual([{ count: 2 }, 3])
  })

  test('autosave: on exit, by whoever tells of it', async () => {
    const { store } = openTemp()
    let exit: (() => Promise<void>) | undefined
    const port = {
      onExit(task: () => Promise<void>) {
        exit = task
        return () => (exit = undefined)
      },
    }
    const app = await states(store, { autosave: { exit: port } })
    app.define('n', 1)
    await exit!()
    expect((await app.saves()).length).toBe(1)
    await app.close()
    expect(exit).toBeUndefined()
  })
})

test('a failed autosave is told, tried again, and close() rejects with it', async () => {
  const { back: real } = openTemp()
  const { back, faults } = faultyBack(real)
  const clock = new ManualClock()
  const errors: unknown[] = []
  const options = { clock, autosave: { everyMs: 10 }, onError: (error: unknown) => errors.push(error) }
  const app = await states(back, options)
  const n = app.define('n', 1)
  const no = new Error('no')
  faults.push(() => Promise.reject(no))
  clock.advance(10)
  await real.marks.write([])
  expect(errors).toEqual([no])
  clock.advance(10)
  await real.marks.write([])
  expect((await app.saves()).length).toBe(1)
  n.value = 2
  faults.push(() => Promise.reject(no))
  await expect(app.close()).rejects.toBe(no)
})

test('two processes that save under one name keep the states of one another', async () => {
  const file = tempFile()
  const one = await states(openTemp({ file }).store)
  const two = await states(openTemp({ file }).store)
  const a = one.define('a', 1)
  const b = two.define('b', 1)
  await Promise.all([one.saveAll(), two.saveAll()])
  b.value = 2
  await two.saveAll()
  a.value = 3
  await one.saveAll()
  await one.reloadAll()
  const third = await states(openTemp({ file }).store)
  expect([third.define('a', 0).value, third.define('b', 0).value, (await third.saves()).length]).toEqual([3, 2, 4])
})

test('a state that cannot be decoded is an error, and an older save can be restored', async () => {
  const file = tempFile()
  const { store } = openTemp({ file })
  const app = await states(store)
  const n = app.define('n', 1)
  const other = app.define('other', 'fine')
  await app.saveAll()
  n.value = 2
  await app.saveAll()
  await store.delete(['states', 'state', 'n', 2])
  await expect(app.reloadAll()).rejects.toMatchObject({ code: 'CORRUPT', key: 'n' })
  expect([n.value, other.value]).toEqual([2, 'fine'])
  const again = await states(store)
  expect(again.define('other', '').value).toBe('fine')
  expect(() => again.define('n', 0)).toThrow(/the state n of save 2 cannot be read/)
  await again.restore(1)
  expect(again.define('n', 0).value).toBe(1)
  await again.saveAll()
  expect((await states(store)).define('n', 0).value).toBe(1)
})

test('a wrong option, or a name that cannot be one, is refused at once', async () => {
  const { store } = openTemp()
  await expect(states(store, { keepSaves: 0 })).rejects.toThrow(/option keepSaves/)
  await expect(states(store, { autosave: { everyMs: 0 } })).rejects.toThrow(/option everyMs/)
  await expect(states(store, { autosave: { onExit: true } as never })).rejects.toThrow(
    /unknown option onExit of autosave/,
  )
  await expect(states({} as never)).rejects.toThrow(/option store/)
  const app = await states(store)
  expect(() => app.define('', 1)).toThrow(RangeError)
  expect(() => app.define('__proto__', 1)).toThrow(RangeError)
  expect(() => app.define('x'.repeat(5_000), 1)).toThrow(RangeError)
  await expect(app.reloadAll({ missing: 'ignore' as never })).rejects.toThrow(/option missing/)
})

describe('two processes that have the same states', () => {
  const opened = async (file: string, options = {}) => states(openTemp({ file }).store, options)

  test('what has not changed here is never written over what another process has saved', async () => {
    for (const keepSaves of [1, 10]) {
      const file = tempFile()
      const one = await opened(file, { keepSaves })
      const here = one.define('a', 1)
      const other = one.define('b', 1)
      await one.saveAll()
      const two = await opened(file, { keepSaves, autosave: {} })
      two.define('a', 0)
      const own = two.define('w', 0)
      here.value = 5
      await one.saveAll()
      own.value = 1
      // The autosave of it writes `w`.
      await two.close()
      expect((await opened(file)).define('a', 0).value).toBe(5)
      other.value = 2
      await one.saveAll()
      await one.reloadAll()
      const third = await opened(file)
      expect([here.value, other.value, third.define('w', 0).value, third.define('a', 0).value]).toEqual([5, 2, 1, 5])
    }
  })

  test('a default, neither: it is changed only where somebody changes it', async () => {
    const file = tempFile()
    const one = await opened(file)
    const two = await opened(file)
    two.define('v', 0).value = 7
    two.define('constructor', 0)
    await two.saveAll()
    const late = one.define('v', 0)
    one.define('constructor', 1)
    await one.saveAll()
    await one.saveAll()
    expect(late.value).toBe(0)
    const third = await opened(file)
    expect([third.define('v', -1).value, third.define('constructor', -1).value]).toEqual([7, 0])
    await one.reloadAll()
    expect(late.value).toBe(7)
  })

  test('of what both have changed, the last save wins, or is a CONFLICT that saves nothing', async () => {
    for (const onConflict of ['overwrite', 'error'] as const) {
      const file = tempFile()
      const one = await opened(file, { onConflict })
      const a = one.define('a', 1)
      const b = one.define('b', 1)
      await one.saveAll()
      const two = await opened(file, { onConflict })
      two.define('a', 0).value = 2
      await two.saveAll()
      a.value = 3
      b.value = 3
      const saved = one.saveAll()
      if (onConflict === 'error') {
        const conflict = { code: 'CONFLICT', key: 'a', expectedVersion: 1, currentVersion: 2 }
        await expect(saved).rejects.toMatchObject({
          ...conflict,
          message: expect.stringMatching(/^the state a was changed here since save 1, and save 2, .*: reloadAll\(\)/),
        })
      } else await saved
      const third = await opened(file)
      const expected = onConflict === 'error' ? [2, 1] : [3, 3]
      expect([third.define('a', 0).value, third.define('b', 0).value]).toEqual(expected)
      // What it has seen by then is no conflict, nor is what it has saved itself.
      await one.reloadAll()
      a.value = 4
      await one.saveAll()
      await one.restore(1)
      await one.saveAll()
      expect((await opened(file)).define('a', 0).value).toBe(1)
    }
  })
})

test('a save that is not there is not restored, whatever is to be done about states that it lacks', async () => {
  const app = await states(openTemp().store)
  app.define('n', 1)
  await app.saveAll()
  const never = { code: 'NEVER_SAVED', message: expect.stringMatching(/^save 999 is not there/) }
  await expect(app.restore(999)).rejects.toMatchObject(never)
  await expect(app.restore(999, { missing: 'keep' })).rejects.toMatchObject(never)
})

test('a state that is forgotten begins anew also after a reload, and is saved so', async () => {
  const { store } = openTemp()
  const app = await states(store)
  app.define('x', 1).value = 2
  app.define('kept', 1).value = 2
  await app.saveAll()
  app.forget('x')
  await app.reloadAll()
  expect(app.define('x', 1).value).toBe(1)
  await app.saveAll()
  const again = await states(store)
  expect([again.define('x', 0).value, again.define('kept', 0).value]).toEqual([1, 2])
})

test('a clock that tells no time is an error of the save', async () => {
  let time = Number.NaN
  const app = await states(openTemp().store, { clock: { ...systemClock, now: () => time } })
  app.define('n', 1)
  await expect(app.saveAll()).rejects.toThrow(/option clock/)
  time = 5
  expect((await app.saveAll()).at).toBe(5)
})

test('a state that is forgotten is in no later save, and begins anew when it is defined again', async () => {
  const { store } = openTemp()
  const app = await states(store, { keepSaves: 2 })
  app.define('old', 1).value = 2
  app.define('kept', 1)
  const { number } = await app.saveAll()
  app.forget('old')
  expect((await app.saveAll()).values).toEqual({ kept: 1 })
  const again = await states(store)
  expect(again.define('old', 'new').value).toBe('new')
  again.forget('old')
  expect(app.define('old', 5).value).toBe(5)
  await app.restore(number)
  expect(app.define('old', 5).value).toBe(2)
  app.forget('old')
  await app.saveAll()
  await app.saveAll()
  expect(await Array.fromAsync(store.keys({ prefix: ['states', 'state', 'old'] }))).toEqual([])
})
