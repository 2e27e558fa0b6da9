import { expect, onTestFinished, test } from 'vitest'
import { ConflictError, open, type Tidemark } from '../src/index.ts'
import { tempFile } from './support/temp.ts'

async function openStore(): Promise<Tidemark> {
  const store = await open({ file: tempFile() })
  onTestFinished(() => store.close())
  return store
}

test('get with at: the value as it was', async () => {
  const store = await openStore()
  const { version: first } = await store.set('k', 'one')
  const { version: second } = await store.set('k', 'two')
  await store.delete('k')
  expect(await store.get('k', { at: first })).toBe('one')
  expect(await store.get('k', { at: second })).toBe('two')
  expect(await store.get('k', { at: second + 1 })).toBeUndefined()
  expect(await store.get('k', { at: first - 1 })).toBeUndefined()
  await expect(store.get('k', { at: 99 })).rejects.toMatchObject({ code: 'LOG_AHEAD' })
  await expect(store.get('k', { at: 1, consistency: 'linearizable' } as never)).rejects.toThrow(/consistency/)
})

test('history, newest first, and undo as a new write', async () => {
  const store = await openStore()
  await store.set('k', 1)
  await store.set('k', 2)
  const { version } = await store.delete('k').then(async () => store.set('k', 3))
  const seen: unknown[] = []
  for await (const { op, value } of store.history('k')) seen.push(op === 'set' ? value : op)
  expect(seen).toEqual([3, 'delete', 2, 1])
  expect(await store.undo(version)).toMatchObject({ changed: true })
  expect(await store.get('k')).toBeUndefined()
  await expect(store.undo(version)).rejects.toThrow(ConflictError)
})

test('follow: everything, then every change, from the tiers and the shared reader', async () => {
  const store = await openStore()
  await store.setMany([
    ['a', 1],
    ['b', 2],
  ])
  const steps: unknown[] = []
  for await (const step of store.follow()) {
    if (step.kind === 'snapshot') steps.push(step.entries.map(({ key, value }) => [key, value]))
    if (step.kind === 'ready') await store.set('c', 3)
    if (step.kind !== 'changes') continue
    steps.push(step.changes.map(({ key, value }) => [key, value]))
    break
  }
  expect(steps).toEqual([
    [
      [['a'], 1],
      [['b'], 2],
    ],
    [[['c'], 3]],
  ])
})

test('changes from a date, with the values that they replaced', async () => {
  const store = await openStore()
  await store.set('k', 1)
  await store.set('k', 2)
  for await (const { changes } of store.changes({ from: new Date(0), old: true })) {
    expect(changes.map(({ value, old }) => [old, value])).toEqual([
      [undefined, 1],
      [1, 2],
    ])
    break
  }
})
