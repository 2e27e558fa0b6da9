import type { JsonLinesSink, Sink } from '@tidemark/sinks'
import type { Tidemark, TidemarkReader } from 'tidemark'
import type { StoredPlace } from '../places/places.ts'
import type { ValueBefore } from '../places/country-totals.ts'
import { Places } from '../places/places.ts'
import type { WorkerOptions } from '../worker/worker.ts'
import type { ChangeSource } from './routes/changes.ts'

/** What tests break on purpose, to see that the fleet's self-check notices: named in the environment of the fleet, with commas. */
const FAULTS_VARIABLE = 'TIDEMARK_DEMO_FAULTS'

function named(): ReadonlySet<string> {
  return new Set(process.env[FAULTS_VARIABLE]?.split(','))
}

/** Answers every read with what the first one found: the cache that nobody invalidates. */
class StalePlaces extends Places {
  readonly #first = new Map<number, StoredPlace | undefined>()

  override async find(id: number): Promise<StoredPlace | undefined> {
    if (!this.#first.has(id)) this.#first.set(id, await super.find(id))
    return this.#first.get(id)
  }
}

/** Begins anew whenever somebody resumes: the stream that knows no tokens. */
function forgetful(source: ChangeSource): ChangeSource {
  return (options) => source({ ...options, after: undefined, from: 'now' })
}

/** Tells everything twice: the stream that retries what was only answered late. */
function repeating(source: ChangeSource): ChangeSource {
  return async function* (options) {
    for await (const batch of source(options)) {
      yield batch
      if (batch.changes.length > 0) yield batch
    }
  }
}

/** What of the instance is to be broken, by the faults that the environment names. */
export function faultsOf(store: Tidemark | TidemarkReader): {
  readonly places: Places | undefined
  readonly changes: ChangeSource | undefined
  readonly before: ValueBefore | undefined
} {
  const faults = named()
  let changes: ChangeSource | undefined
  const source: ChangeSource = (options) => store.changes(options)
  if (faults.has('forgetful')) changes = forgetful(source)
  if (faults.has('repeating')) changes = repeating(changes ?? source)
  return {
    places: faults.has('stale') ? new StalePlaces(store) : undefined,
    // Adds up what comes, and never what goes.
    before: faults.has('miscounting') ? async () => undefined : undefined,
    changes,
  }
}

/** The same, of the worker. */
export function workerFaults(): Pick<WorkerOptions, 'audit' | 'isCopied'> {
  const faults = named()
  return {
    audit: faults.has('unaudited') ? leavingOut : undefined,
    isCopied: faults.has('uncopied') ? (key) => Number(key.at(-1)) % 10 !== 0 : undefined,
  }
}

/** Writes down most of what it is given. */
function leavingOut(sink: JsonLinesSink): JsonLinesSink {
  const most: Sink = (changes, context) =>
    sink(
      changes.filter(({ seq }) => seq % 10 !== 0),
      context,
    )
  return Object.assign(most, { close: () => sink.close(), [Symbol.asyncDispose]: () => sink.close() })
}
