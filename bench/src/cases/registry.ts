import type { Case } from '../runner/case.ts'

/** By name, in the order of the report. A case is loaded only where it runs. */
const CASES: ReadonlyMap<string, () => Promise<Case>> = new Map([
  ['near-hit-get', async () => (await import('./near-hit-get.ts')).nearHitGet],
  ['near-hit-get-tuple', async () => (await import('./near-hit-get.ts')).nearHitGetTuple],
  ['near-hit-get-128', async () => (await import('./near-hit-get.ts')).nearHitGet128],
  ['near-peek', async () => (await import('./near-peek.ts')).nearPeek],
  ['redis-hit-128', async () => (await import('./redis-hit.ts')).redisHit128],
  ['redis-stopped-128', async () => (await import('./redis-stopped.ts')).redisStopped128],
  ['flush-recovery', async () => (await import('./flush-recovery.ts')).flushRecovery],
  ['durable-set-128', async () => (await import('./durable-set.ts')).durableSet128],
  ['durable-set-512', async () => (await import('./durable-set.ts')).durableSet512],
  ['write-behind-128', async () => (await import('./write-behind.ts')).writeBehind128],
  ['write-behind-128-skewed', async () => (await import('./write-behind.ts')).writeBehind128Skewed],
  ['buffered-file', async () => (await import('./write-behind.ts')).bufferedFile],
  ['cold-read-128', async () => (await import('./cold-read.ts')).coldRead128],
  ['cold-read-beside-large', async () => (await import('./cold-read.ts')).coldReadBesideLarge],
  ['append-128', async () => (await import('./logs.ts')).append128],
  ['log-read', async () => (await import('./logs.ts')).logRead],
  ['blob-write', async () => (await import('./blobs.ts')).blobWrite],
  ['blob-read', async () => (await import('./blobs.ts')).blobRead],
  ['log-overhead', async () => (await import('./log-overhead.ts')).logOverhead],
  ['getmany-1000-cold', async () => (await import('./getmany-cold.ts')).getmany1000Cold],
  ['change-latency', async () => (await import('./change-latency.ts')).changeLatency],
  ['relay-latency', async () => (await import('./change-latency.ts')).relayLatency],
  ['replay', async () => (await import('./replay.ts')).replay],
  ['subscribers-50', async () => (await import('./subscribers.ts')).subscribers50],
  ['subscribers-50-at-10000', async () => (await import('./subscribers.ts')).subscribers50Busy],
  ['compaction-cost', async () => (await import('./compaction-cost.ts')).compactionCost],
  ['consumer-throughput', async () => (await import('./consumer-throughput.ts')).consumerThroughput],
  ['sync-rows', async () => (await import('./sync-rows.ts')).syncRows],
  ['codec-pipeline', async () => (await import('./codec-pipeline.ts')).codecPipeline],
  ['codec-pipeline-reads', async () => (await import('./codec-pipeline.ts')).codecPipelineReads],
  ['compression-encode', async () => (await import('./codec-pipeline.ts')).compressionEncode],
  ['compression-decode', async () => (await import('./codec-pipeline.ts')).compressionDecode],
  ['prevalent-execute', async () => (await import('./prevalent.ts')).prevalentExecute],
  ['prevalent-read', async () => (await import('./prevalent.ts')).prevalentRead],
  ['prevalent-start', async () => (await import('./prevalent.ts')).prevalentStart],
  ['rss-1m-sets', async () => (await import('./rss-sets.ts')).rss1mSets],
])

export const CASE_NAMES: readonly string[] = [...CASES.keys()]

/** @throws RangeError when there is no such case */
export async function findCase(name: string): Promise<Case> {
  const load = CASES.get(name)
  if (load === undefined) throw new RangeError(`there is no case ${name}; there is ${CASE_NAMES.join(', ')}`)
  return load()
}

/** The named cases, each by its full name or by how it begins; all of them for no names. @throws RangeError */
export function selectCases(wanted: readonly string[]): readonly string[] {
  if (wanted.length === 0) return CASE_NAMES
  const chosen = wanted.flatMap((name) => {
    const found = CASES.has(name) ? [name] : CASE_NAMES.filter((known) => known.startsWith(name))
    if (found.length === 0) throw new RangeError(`there is no case ${name}; there is ${CASE_NAMES.join(', ')}`)
    return found
  })
  return CASE_NAMES.filter((name) => chosen.includes(name))
}
