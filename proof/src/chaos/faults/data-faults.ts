import { redisInfo, tellRedis } from '../servers/admin.ts'
import { type Fault, serverFault } from './fault.ts'

export const flush: Fault = serverFault(async ({ pair }) => {
  await tellRedis(pair.primary.port, ['FLUSHALL'])
  return ''
})

/** The meta key alone is gone, and the records stay: what eviction with the wrong policy does. */
export const dropMeta: Fault = serverFault(async ({ pair }) => {
  const { port } = pair.primary
  const names = (await tellRedis(port, ['KEYS', '*:{p*}.m'])) as string[]
  for (const name of names) await tellRedis(port, ['DEL', name])
  return `${names.length} of them`
})

/** Less memory than the records take: they are evicted, and when none are left, writes are refused. */
export const eviction: Fault = serverFault(async ({ pair, sleep }, draw) => {
  const { port } = pair.primary
  const used = Number(await redisInfo(port, 'memory', 'used_memory'))
  const limit = Math.round(used * draw.between(0.6, 1))
  const ms = draw.between(300, 2_500)
  const evicted = async (): Promise<number> => Number(await redisInfo(port, 'stats', 'evicted_keys'))
  const before = await evicted()
  await tellRedis(port, ['CONFIG', 'SET', 'maxmemory', String(limit)])
  try {
    await sleep(ms)
  } finally {
    await tellRedis(port, ['CONFIG', 'SET', 'maxmemory', '0'])
  }
  return `to ${limit} of ${used} bytes for ${ms.toFixed(0)} ms: ${(await evicted()) - before} records`
})

/** Records go, one after the other, while everything else goes on: what a server does that is a little too small. */
export const evictSome: Fault = serverFault(async ({ pair, sleep, signal }, draw) => {
  const { port } = pair.primary
  const [meta] = (await tellRedis(port, ['KEYS', '*:{p*}.m'])) as string[]
  const until = performance.now() + draw.between(1_000, 3_000)
  let gone = 0
  while (meta !== undefined && performance.now() < until && !signal.aborted) {
    const records = (await tellRedis(port, ['KEYS', `${meta.slice(0, -2)}:*`])) as string[]
    const chosen = draw.shuffled(records).slice(0, Math.ceil(records.length / 4))
    if (chosen.length > 0) gone += Number(await tellRedis(port, ['DEL', ...chosen]))
    await sleep(draw.between(5, 30))
  }
  return `${gone} records`
})

export const killClients: Fault = serverFault(async ({ pair }) => {
  return `${String(await tellRedis(pair.primary.port, ['CLIENT', 'KILL', 'TYPE', 'normal']))} of them`
})

export const forgetScripts: Fault = serverFault(async ({ pair }) => {
  await tellRedis(pair.primary.port, ['SCRIPT', 'FLUSH'])
  return ''
})
