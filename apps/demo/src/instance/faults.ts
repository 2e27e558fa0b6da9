import type { JsonLinesSink, Sink } from '@tidemark/sinks'
import type { Tidemark, TidemarkReader } from 'tidemark'
import type { StoredPlace } from '../places/places.ts'
import type { ValueBefore } from '../places/country-totals.ts'
import { Places } from '../places/places.ts'
import type { WorkerOptions } from '../worker/worker.ts'
import type { ChangeSource } from './routes/changes.ts'

/** What tests break on purpose, to see that the fleet's self-check notices. Named in the environment of the fleet. */
const FAULT_VARIABLE = 'TIDEMARK_DEMO_FAULT'

/** Answers every read with what the first one found: the cache that nobody invalidates. */
class StalePlaces extends Places {
  readonly #first = new Map<number, StoredPlace | undefined>()

  override async find(id: number): Promise<StoredPlace | undefined> {
    if (!this.#first.has(id)) this.#first.set(id, await super.find(id))
    return this.#first.get(id)
  }
}

/** Begins anew whenever somebody resumes: the stream that knows no tokens. */
function forgetful(store: Tidemark | TidemarkReader): ChangeSource {
  return (options) => store.changes({ ...options, after: undefined, from: 'now' })
}

/** Tells everything twice: the stream that retries what was only answered late. */
function repeating(store: Tidemark | TidemarkReader): ChangeSource {
  return async function* (options) {
    for await (const batch of store.changes(options)) {
      yield batch
      if (batch.changes.length > 0) yield batch
    }
  }
}

/** What of the instance is to be broken, by the fault that the environment names. */
export function faultsOf(store: Tidemark | TidemarkReader): {
  readonly places: Places | undefined
  readonly changes: ChangeSource | undefined
  readonly before: ValueBefore | undefined
} {
  const fault = process.env[FAULT_VARIABLE]
  return {
    places: fault === 'stale' ? new StalePlaces(store) : undefined,
    // Adds up what comes, and never what goes.
    before: fault === 'miscounting' ? async () => undefined : undefined,
    changes: fault === 'forgetful' ? forgetful(store) : fault === 'repeating' ? repeating(store) : undefined,
  }
}

/** The same, of the worker. */
export function workerFaults(): Pick<WorkerOptions, 'audit' | 'isCopied'> {
  const fault = process.env[FAULT_VARIABLE]
  return {
    audit: fault === 'unaudited' ? leavingOut : undefined,
    isCopied: fault === 'uncopied' ? (key) => Number(key.at(-1)) % 10 !== 0 : undefined,
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
