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
  await tellRedis(port, ['CONFIG', 'SET', 'maxmemory', String(limit)])
  try {
    await sleep(ms)
  } finally {
    await tellRedis(port, ['CONFIG', 'SET', 'maxmemory', '0'])
  }
  return `to ${limit} of ${used} bytes for ${ms.toFixed(0)} ms`
})

export const killClients: Fault = serverFault(async ({ pair }) => {
  return `${String(await tellRedis(pair.primary.port, ['CLIENT', 'KILL', 'TYPE', 'normal']))} of them`
})

export const forgetScripts: Fault = serverFault(async ({ pair }) => {
  await tellRedis(pair.primary.port, ['SCRIPT', 'FLUSH'])
  return ''
})
