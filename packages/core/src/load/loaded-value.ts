import type { Codec } from '../codec/codec.ts'
import { Payload } from '../codec/payload.ts'
import { TidemarkError } from '../errors.ts'
import type { Proposal, Write } from '../ports/back.ts'
import type { Lease } from '../ports/leases.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Clock } from '../clock.ts'
import { metaOf } from '../store/entry-notes.ts'
import { epochsOfEntries, tagKey } from '../store/tags.ts'
import type { ResolvedLoadOptions } from './load-options.ts'

/** What a loader returned, encoded at once: whatever the loader does to it afterwards is neither stored nor served. */
export class LoadedValue {
  /** undefined: it does not exist. */
  readonly payload: Payload | undefined
  readonly #codec: Codec

  /** @throws TidemarkError UNENCODABLE */
  constructor(codec: Codec, value: unknown) {
    this.#codec = codec
    this.payload = value === undefined ? undefined : Payload.encode(codec, value)
  }

  /**
   * Stores it under the lease. Refused as LEASE_LOST too when one of its tags was invalidated since `asOf`: it may have
   * been computed from what that was about.
   */
  proposal(
    { key, options }: { readonly key: StoreKey; readonly options: ResolvedLoadOptions },
    { lease, asOf }: { readonly lease: Lease; readonly asOf: number },
    time: { readonly clock: Clock; readonly random: () => number },
  ): Proposal {
    const { tags } = options
    const write = this.#write(key, options, time)
    return {
      reads: tags.map(tagKey),
      lease,
      decide(current) {
        for (const [tag, epoch] of epochsOfEntries(tags, current)) {
          if (epoch > asOf) throw overtaken(key, tag)
        }
        return [write]
      },
    }
  }

  #write(
    key: StoreKey,
    options: ResolvedLoadOptions,
    { clock, random }: { readonly clock: Clock; readonly random: () => number },
  ): Write {
    const { tags, ttlMs, negativeTtlMs, graceMs, jitter } = options
    const isAbsence = this.payload === undefined
    // What is kept of an earlier value is not to be served any more, not even in its grace.
    if (isAbsence && negativeTtlMs === 0) return { op: 'delete', key }
    const spanMs = isAbsence ? negativeTtlMs : ttlMs
    const end = spanMs === undefined ? undefined : Math.ceil(clock.now() + spanMs * (1 - jitter * random()))
    const hasGrace = !isAbsence && graceMs > 0
    return {
      op: 'set',
      key,
      payload: this.payload ?? Payload.encode(this.#codec, null),
      expiresAt: end === undefined || !hasGrace ? end : end + graceMs,
      meta: metaOf(this.#codec, options.meta, { freshUntil: hasGrace ? end : undefined, isAbsence, tags }),
      path: undefined,
    }
  }
}

function overtaken({ id }: StoreKey, tag: string): TidemarkError {
  return new TidemarkError('LEASE_LOST', `the tag ${tag} was invalidated while ${id} was loaded`, { key: id })
}
