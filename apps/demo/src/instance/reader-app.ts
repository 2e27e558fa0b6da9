import type { FastifyInstance } from 'fastify'
import type { ChangesOptions, TidemarkReader } from 'tidemark'
import { Places } from '../places/places.ts'
import { Follower } from './follower.ts'
import { createHttp } from './http.ts'
import { READER_ROUTES, refuseTheRest } from './methods.ts'
import { type ChangeSource, changesRoutes } from './routes/changes.ts'
import { placeReadRoutes } from './routes/place.ts'
import { readerHealthRoutes } from './routes/reader-health.ts'
import { Traffic } from './traffic.ts'

export interface ReaderAppOptions {
  /** Stays open when the app is closed: it belongs to the caller. */
  readonly store: TidemarkReader
  /** Called with what no client did wrong; the client is told no more than that. */
  readonly onError: (error: unknown) => void
  /** @default the places of `store` */
  readonly places?: Places | undefined
  /** @default the change stream of `store` */
  readonly changes?: ChangeSource | undefined
}

/** The HTTP API of an instance without the file: the same one, as far as it goes. */
export function createReaderApp(options: ReaderAppOptions): FastifyInstance {
  const { store, onError, places = new Places(store) } = options
  const { changes = (of: ChangesOptions) => store.changes(of) } = options
  const traffic = new Traffic()
  const follower = new Follower(store)
  const app = createHttp({ traffic, onError })
  app.addHook('onClose', () => follower.close())
  placeReadRoutes(app, places)
  changesRoutes(app, changes)
  readerHealthRoutes(app, { store, traffic, follower })
  refuseTheRest(app, READER_ROUTES)
  return app
}
