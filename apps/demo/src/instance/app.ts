import type { FastifyInstance } from 'fastify'
import type { ChangesOptions, Consumer, Tidemark } from 'tidemark'
import { Places } from '../places/places.ts'
import { Follower } from './follower.ts'
import { createHttp } from './http.ts'
import { refuseTheRest, ROUTES } from './methods.ts'
import { type ChangeSource, changesRoutes } from './routes/changes.ts'
import { countryRoutes } from './routes/country.ts'
import { explainRoutes } from './routes/explain.ts'
import { healthRoutes } from './routes/health.ts'
import { listingRoutes } from './routes/listing.ts'
import { placeReadRoutes, placeWriteRoutes } from './routes/place.ts'
import { Staleness } from './staleness.ts'
import { TierWatch } from './tier-watch.ts'
import { Traffic } from './traffic.ts'

export interface AppOptions {
  /** Stays open when the app is closed: it belongs to the caller. */
  readonly store: Tidemark
  /** Which instance of the fleet this is, from 1. */
  readonly instance: number
  /** Whether the store has a shared front. */
  readonly hasFront: boolean
  /** Called with what no client did wrong; the client is told no more than that. */
  readonly onError: (error: unknown) => void
  /** @default the places of `store` */
  readonly places?: Places | undefined
  /** @default the change stream of `store` */
  readonly changes?: ChangeSource | undefined
  /** The consumer that adds up countries, where this instance takes part in it. */
  readonly totals?: Consumer | undefined
}

/** The HTTP API of one instance. */
export function createApp(options: AppOptions): FastifyInstance {
  const { store, instance, hasFront, onError, places = new Places(store) } = options
  const { changes = (of: ChangesOptions) => store.changes(of) } = options
  const traffic = new Traffic()
  const follower = new Follower(store)
  const tierWatch = new TierWatch(store, hasFront)
  const staleness = new Staleness(store)
  const app = createHttp({ traffic, onError })
  app.addHook('onClose', async () => {
    tierWatch.close()
    staleness.close()
    await follower.close()
  })
  placeReadRoutes(app, places)
  placeWriteRoutes(app, places)
  explainRoutes(app, store)
  countryRoutes(app, store)
  listingRoutes(app, places)
  changesRoutes(app, changes)
  healthRoutes(app, { instance, store, traffic, follower, tierWatch, staleness, totals: options.totals })
  refuseTheRest(app, ROUTES)
  return app
}
