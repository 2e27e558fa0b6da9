import { type Action, EPOCHS, IDS, type TailAction } from './actions.ts'
import { type Announced, Reference } from './reference.ts'
import { type BenchStep, PATIENCE_MS, type ScriptBench } from './script-bench.ts'

/** Looks like a record of the first epoch, and ends too early. */
const DAMAGED = `V0${EPOCHS[0]}00000000000099`

/**
 * Does the same to the server and to the reference: the whole sequence travels at once, and after each action its answer
 * and the state are compared. @returns the first difference; undefined: none
 */
export async function firstDifference(bench: ScriptBench, sequence: readonly Action[]): Promise<string | undefined> {
  const reference = new Reference()
  const sent: Promise<unknown>[] = [bench.client.flushall(), bench.init(EPOCHS[0], 0)]
  Object.assign(reference, { epoch: EPOCHS[0], watermark: 0 })
  const servers: Promise<readonly [unknown, unknown]>[] = []
  const references: string[] = []
  for (const action of sequence) {
    const { server, expected } = act(bench, reference, action)
    servers.push(Promise.all([server, stateOf(bench)]))
    references.push(JSON.stringify([expected, stateOfReference(reference)]))
  }
  await Promise.all(sent)
  for (const [step, answer] of (await Promise.all(servers)).entries()) {
    const server = JSON.stringify(answer)
    const expected = references[step]
    if (server !== expected) return `step ${step}: the server has ${server}, the reference ${expected}`
  }
  return undefined
}

const NOW = Date.now()

/** Clocks of this machine, which is the server's too. Announcements are made a good while later than the one, and before the other. */
const AGES: Readonly<Record<Exclude<Announced, 'just now'>, number>> = {
  'long ago': NOW - PATIENCE_MS,
  'in the future': NOW + PATIENCE_MS / 2,
}

interface Answers {
  readonly server: Promise<unknown>
  readonly expected: unknown
}

function act(bench: ScriptBench, reference: Reference, action: Action): Answers {
  const { client, keyspace } = bench
  const quiet = (sent: Promise<unknown>): Answers => ({ server: sent.then(() => null), expected: null })
  switch (action.type) {
    case 'apply': {
      const highest = Math.max(...action.changes.map(({ seq }) => seq))
      // Another one for the same seq than a step or a start has.
      const mark = `applied ${highest} with ${action.changes.length}`
      const reply = bench.apply(action.epoch, action.changes, mark)
      const server = reply.then(({ epoch, outcomes }) => [epoch ?? null, outcomes])
      const outcomes = action.changes.map((each) => reference.apply(action.epoch, each))
      reference.reach(highest, mark)
      return { server, expected: [reference.readyEpoch ?? null, outcomes] }
    }
    case 'fill': {
      const server = bench.fill(action.epoch, action.fills).then((reply) => [reply.epoch ?? null, reply.outcomes])
      const outcomes = action.fills.map((each) => reference.fill(action.epoch, each))
      return { server, expected: [reference.readyEpoch ?? null, outcomes] }
    }
    case 'tail': {
      const step = stepOf(action, reference)
      const server = bench.tail(step).then((reply) => [reply.epoch ?? null, reply.watermark ?? null])
      const watermark = reference.tail(step)
      return { server, expected: [reference.readyEpoch ?? null, watermark ?? null] }
    }
    case 'announce':
      return { server: bench.announce(action), expected: reference.announce(action) }
    case 'age':
      return age(bench, reference, action.to)
    case 'complete': {
      const start = { ...action, mark: `mark ${action.head}` }
      return { server: bench.complete(start), expected: reference.complete(start) }
    }
    case 'evict':
      reference.records.delete(action.id)
      return quiet(bench.evict(action.id))
    case 'damage':
      reference.damage(action.id, DAMAGED)
      return quiet(client.set(bench.name(action.id), DAMAGED))
    case 'lose-meta':
      reference.loseMeta()
      return quiet(client.del(keyspace.meta))
    case 'lose-field':
      if (action.field === 'e') reference.epoch = undefined
      else reference.watermark = undefined
      return quiet(client.hdel(keyspace.meta, action.field))
    case 'renew':
      reference.epoch = action.epoch
      return quiet(client.hset(keyspace.meta, 'e', action.epoch))
  }
}

/** The announcement that stands grows old, or the clock of the server steps. */
function age(
  { client, keyspace }: ScriptBench,
  reference: Reference,
  to: Exclude<Announced, 'just now'> | undefined,
): Answers {
  const isAnnounced = reference.nonce !== undefined
  if (isAnnounced) reference.announced = to
  const sent = ((): Promise<unknown> => {
    if (!isAnnounced) return client.ping()
    return to === undefined ? client.hdel(keyspace.meta, 'a') : client.hset(keyspace.meta, 'a', AGES[to])
  })()
  return { server: sent.then(() => null), expected: null }
}

function stepOf(
  { epoch, off, length, tailer, changes }: TailAction,
  { watermark = 8, ...reference }: Reference,
): BenchStep {
  const from = watermark + off
  const to = from + length
  return { epoch: epoch ?? reference.epoch ?? EPOCHS[0], from, to, mark: `mark ${to}`, tailer, changes }
}

async function stateOf({ client, keyspace }: ScriptBench): Promise<unknown> {
  const [records, meta] = await Promise.all([
    client.mget(IDS.map((each) => keyspace.prefix + each)),
    client.hgetall(keyspace.meta),
  ])
  const { e, w, b, k, t, n, a, h, m, ...fences } = meta
  const fields = [e, w, b ?? '0', k, t, n, announcedAt(a), h, m].map((each) => each ?? null)
  return [fields, Object.entries(fences).sort(byStripe), records]
}

function stateOfReference({ fences, records, ...meta }: Reference): unknown {
  const { epoch, watermark, base, mark, tailer, nonce, announced, highest, markOfHighest } = meta
  const fields = [epoch, watermark, base, mark, tailer, nonce, announced, highest, markOfHighest].map((each) =>
    each === undefined ? null : String(each),
  )
  const sorted = [...fences].map(([stripe, hi]): [string, string] => [String(stripe), String(hi)]).sort(byStripe)
  return [fields, sorted, IDS.map((each) => records.get(each)?.text ?? null)]
}

function announcedAt(at: string | undefined): string | undefined {
  if (at === undefined) return undefined
  const age = (Object.keys(AGES) as (keyof typeof AGES)[]).find((each) => String(AGES[each]) === at)
  return age ?? (Math.abs(Number(at) - NOW) < PATIENCE_MS / 4 ? 'just now' : at)
}

function byStripe([a]: [string, string], [b]: [string, string]): number {
  return Number(a) - Number(b)
}
