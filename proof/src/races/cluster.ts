import { type RedisServer, startRedis } from '@tidemark/testkit/redis-server'
import { Redis } from 'ioredis'
import { within } from './waiting.ts'

const SLOTS = 16_384
const UP_WITHIN_MS = 10_000

export interface RedisCluster extends AsyncDisposable {
  readonly ports: readonly number[]
  /** On all nodes together. */
  countKeys(): Promise<number>
}

/** Real nodes that share the slots evenly. */
export async function startCluster(nodes: number): Promise<RedisCluster> {
  const servers: RedisServer[] = []
  const clients: Redis[] = []
  const end = async (): Promise<void> => {
    for (const client of clients) client.disconnect()
    for (const server of servers) await server.close()
  }
  try {
    for (let i = 0; i < nodes; i++) {
      const server = await startRedis({ args: ['--cluster-enabled', 'yes'] })
      servers.push(server)
      const client = new Redis(server.url)
      clients.push(client)
      client.on('error', () => {})
      const [first, last] = [Math.floor((i * SLOTS) / nodes), Math.floor(((i + 1) * SLOTS) / nodes) - 1]
      await client.call('CLUSTER', 'ADDSLOTSRANGE', first, last)
      // Two nodes with the same epoch would have to settle it first.
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
    }
    for (const { port } of servers.slice(1)) await clients[0]!.call('CLUSTER', 'MEET', '127.0.0.1', port)
    if (!(await within(UP_WITHIN_MS, () => areAllUp(clients)))) throw new Error('the cluster does not come up')
  } catch (error) {
    await end()
    throw error
  }
  return {
    ports: servers.map(({ port }) => port),
    async countKeys() {
      const sizes = await Promise.all(clients.map((client) => client.dbsize()))
      return sizes.reduce((sum, size) => sum + size, 0)
    },
    [Symbol.asyncDispose]: end,
  }
}

async function areAllUp(clients: readonly Redis[]): Promise<boolean> {
  const infos = await Promise.all(clients.map((client) => client.cluster('INFO')))
  return infos.every(
    (info) =>
      String(info).includes('cluster_state:ok') && String(info).includes(`cluster_known_nodes:${clients.length}`),
  )
}
