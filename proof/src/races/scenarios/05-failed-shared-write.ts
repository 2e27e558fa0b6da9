import { fails, HOLDS, type Outcome, show, worst } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { settled, within } from '../waiting.ts'
import { PROPAGATION_MS, type World } from '../world.ts'

const TOLD_WITHIN_MS = 2_000

export const failedSharedWrite: Scenario = {
  row: 5,
  name: 'a shared write that fails',
  what: 'Redis refuses a delete (or a set): the caller is told, or nobody gets the old value any more.',
  seenIn: 'bentocache',
  note: 'What a peer logs or emits besides is not counted: its caller acts on what the call returns.',
  needs: [],
  async run(world) {
    const deleted = await refusedDelete(world)
    // Without a bus, B is not told of any set.
    return world.product.lacks.bus === undefined ? worst([deleted, await refusedSet(world)]) : deleted
  },
}

async function refusedDelete(world: World): Promise<Outcome> {
  const a = await world.open()
  await a.cache.set('k-refused', 'v1')
  if (await isToldOfFailure(world, () => a.cache.delete('k-refused'))) return HOLDS
  let last: unknown
  const isGone = await within(PROPAGATION_MS, async () => (last = await a.cache.get('k-refused')) === undefined)
  if (isGone) return HOLDS
  return fails(`the delete was reported as done, and ${show(last)} came back`)
}

async function refusedSet(world: World): Promise<Outcome> {
  const a = await world.open()
  const b = await world.open()
  await a.cache.set('k-unsent', 'v1')
  await within(PROPAGATION_MS, async () => (await b.cache.get('k-unsent')) === 'v1')
  if (await isToldOfFailure(world, () => a.cache.set('k-unsent', 'v2'))) return HOLDS
  let last: unknown
  const isCurrent = await within(PROPAGATION_MS, async () => (last = await b.cache.get('k-unsent')) === 'v2')
  return isCurrent ? HOLDS : fails(`the set was reported as done, and B serves ${show(last)}, still after 1 s`)
}

/** Whether the caller learns of it: by a rejection, by `false`, or because the call does not come back. */
async function isToldOfFailure(world: World, write: () => Promise<boolean>): Promise<boolean> {
  await world.refuseWrites()
  try {
    const end = await settled(write(), TOLD_WITHIN_MS)
    return end.kind !== 'value' || end.value === false
  } finally {
    await world.allowWrites()
  }
}
