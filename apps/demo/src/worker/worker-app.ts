import type { FastifyInstance } from 'fastify'
import { createHttp } from '../instance/http.ts'
import { refuseTheRest } from '../instance/methods.ts'
import { readQuery } from '../instance/query.ts'
import { Traffic } from '../instance/traffic.ts'
import type { Worker, WorkerStats } from './worker.ts'

/** `GET /stats`: how far the worker has come. */
export function createWorkerApp(worker: Worker, onError: (error: unknown) => void): FastifyInstance {
  const app = createHttp({ traffic: new Traffic(), onError })
  app.get('/stats', (request): Promise<WorkerStats> => {
    readQuery(request.query, {})
    return worker.stats()
  })
  refuseTheRest(app, { '/stats': ['GET', 'HEAD'] })
  return app
}
