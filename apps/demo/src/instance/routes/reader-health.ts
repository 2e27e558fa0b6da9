import type { FastifyInstance } from 'fastify'
import type { TidemarkReader } from 'tidemark'
import type { Follower, FollowerStats } from '../follower.ts'
import { readQuery } from '../query.ts'
import type { Traffic, TrafficStats } from '../traffic.ts'

/** What `GET /stats` of an instance without the file answers. */
interface ReaderStats extends TrafficStats {
  readonly pid: number
  /** The seq up to which no read here misses a change. */
  readonly position: number
  readonly changes: FollowerStats
}

export interface ReaderHealthContext {
  readonly store: TidemarkReader
  readonly traffic: Traffic
  readonly follower: Follower
}

/** `GET /healthz`: how far the log has been followed. `GET /stats`: how it is going. */
export function readerHealthRoutes(app: FastifyInstance, { store, traffic, follower }: ReaderHealthContext): void {
  app.get('/healthz', async (request) => {
    readQuery(request.query, {})
    return { status: 'ok', position: store.position }
  })

  app.get('/stats', async (request): Promise<ReaderStats> => {
    readQuery(request.query, {})
    return { pid: process.pid, ...traffic.snapshot(), position: store.position, changes: follower.snapshot() }
  })
}
