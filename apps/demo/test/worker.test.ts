import { appendFile, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createSqliteBack } from '@tidemark/sqlite'
import { open, type Tidemark } from 'tidemark'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CheckedAudit, checkAudit } from '../src/checks/audit-check.ts'
import { checkReplica } from '../src/checks/replica-check.ts'
import { placeKey } from '../src/places/keys.ts'
import { createWorkerApp } from '../src/worker/worker-app.ts'
import { Worker, type WorkerOptions } from '../src/worker/worker.ts'
import { type Api, BERLIN, BERN, startApi } from './support/api.ts'

const DEADLINE = { timeout: 20_000, interval: 20 }

let api: Api
let options: WorkerOptions
beforeEach(async () => {
  api = await startApi()
  const dir = dirname(api.file)
  options = {
    file: api.file,
    auditFile: join(dir, 'audit.jsonl'),
    replicaFile: join(dir, 'replica.db'),
    onError: (error) => api.faults.push(error),
  }
})
afterEach(() => api.close())

async function settled(worker: Worker): Promise<void> {
  const head = await api.store.head()
  await expect
    .poll(() => worker.stats(), DEADLINE)
    .toMatchObject({ audit: { lag: 0 }, replica: { phase: 'following', position: head, lag: 0 } })
}

async function audited(after: number): Promise<CheckedAudit> {
  const back = createSqliteBack({ file: api.file, readOnly: true })
  try {
    return await checkAudit(options.auditFile, back.log, after, await back.log.head())
  } finally {
    await back.close()
  }
}

async function copied(): Promise<{ entries: number; differences: number }> {
  const replica = await open({ file: options.replicaFile, near: false, sweepEveryMs: 0 })
  try {
    return await checkReplica(api.store, replica)
  } finally {
    await replica.close()
  }
}

async function edit(id: number): Promise<void> {
  await api.send('PUT', `/places/${id}`, BERLIN)
  await api.send('PUT', `/places/${id + 1}`, BERN)
  await api.send('PATCH', `/places/${id}`, { country: 'CH' })
  await api.send('DELETE', `/places/${id + 1}`)
}

describe('the worker', () => {
  it('writes each change down once and keeps a replica, also after it was started anew', async () => {
    await edit(1)
    const start = await api.store.head()
    for (const id of [10, 20]) {
      const worker = await Worker.start(options)
      await edit(id)
      await settled(worker)
      await worker.close()
      // What happens while nobody is there is made up for.
      await edit(id + 5)
    }
    const worker = await Worker.start(options)
    await settled(worker)
    const head = await api.store.head()
    expect(await audited(start)).toEqual({ lines: head - start, missing: 0, repeated: 0, outOfOrder: 0, wrong: 0 })
    expect(await copied()).toEqual({ entries: 10, differences: 0 })
    const app = createWorkerApp(worker, options.onError)
    const { body } = await app.inject('/stats')
    expect(JSON.parse(body)).toMatchObject({ audit: { lag: 0 }, replica: { phase: 'following', lag: 0 } })
    await app.close()
    await worker.close()
    expect(api.faults).toEqual([])
  })
})

describe('the check of the audit', () => {
  it('finds what is missing, comes twice or too late, and what is wrong', async () => {
    const worker = await Worker.start(options)
    await edit(1)
    await settled(worker)
    await worker.close()
    const good = await readFile(options.auditFile, 'utf8')
    const lines = good.trimEnd().split('\n')
    const after = async (changed: readonly string[]): Promise<CheckedAudit> => {
      await writeFile(options.auditFile, changed.map((line) => `${line}\n`).join(''))
      return audited(0)
    }
    const none = { lines: lines.length, missing: 0, repeated: 0, outOfOrder: 0, wrong: 0 }
    expect(await after(lines)).toEqual(none)
    expect(await after(lines.slice(1))).toEqual({ ...none, lines: lines.length - 1, missing: 1 })
    expect(await after([...lines, lines[0]!])).toEqual({ ...none, repeated: 1 })
    expect((await after(lines.toReversed())).outOfOrder).toBeGreaterThan(0)
    expect(await after(lines.map((line) => line.replace('"op":"delete"', '"op":"set"')))).toMatchObject({ wrong: 3 })
    await appendFile(options.auditFile, 'torn\n')
    expect(await audited(0)).toMatchObject({ wrong: 4 })
    await rm(options.auditFile)
    expect(await audited(0)).toEqual({ ...none, lines: 0, missing: lines.length })
  })
})

describe('the check of the replica', () => {
  let replica: Tidemark
  beforeEach(async () => {
    replica = await open()
    for (const store of [api.store, replica])
      await store.setMany([1, 2, 3, 4].map((id) => [placeKey(id), BERLIN] as const))
  })
  afterEach(() => replica.close())

  it.each<[string, (store: Tidemark) => Promise<unknown>, number]>([
    ['nothing', async () => undefined, 0],
    ['a key less', (store) => store.delete(placeKey(1)), 1],
    ['a key less at the end', (store) => store.delete(placeKey(4)), 1],
    ['a key more', (store) => store.set(placeKey(5), BERN), 1],
    ['another value', (store) => store.set(placeKey(2), BERN), 1],
    ['another key', (store) => Promise.all([store.delete(placeKey(3)), store.set(placeKey(9), BERLIN)]), 2],
  ])('finds %s', async (_what, change, differences) => {
    await change(replica)
    expect(await checkReplica(api.store, replica)).toEqual({ entries: 4, differences })
  })
})
