import { ConflictError, type Tidemark, type TidemarkReader } from 'tidemark'
import { countryKey, placeKey } from './keys.ts'
import { mergePatch } from './merge-patch.ts'
import { isRecord, type Place, toPlace } from './place.ts'
import { assertPrecondition, type Precondition, PreconditionFailedError } from './precondition.ts'

export interface StoredPlace {
  readonly id: number
  readonly place: Place
  readonly version: number
}

export interface PlacePage {
  readonly places: readonly StoredPlace[]
  /** Pass it as `after` to get the next page; undefined: this was the last one. */
  readonly next: number | undefined
}

/** There is no place with this id. */
export class UnknownPlaceError extends Error {
  override readonly name = 'UnknownPlaceError'

  constructor(id: number) {
    super(`there is no place ${id}`)
  }
}

/** The places of one store: each is one key, and one more lists it under its country. */
export class Places {
  readonly #store: Tidemark | TidemarkReader

  constructor(store: Tidemark | TidemarkReader) {
    this.#store = store
  }

  async find(id: number): Promise<StoredPlace | undefined> {
    const entry = await this.#store.entry<Place>(placeKey(id))
    return entry && { id, place: entry.value, version: entry.version }
  }

  /** @throws PreconditionFailedError */
  async put(id: number, place: Place, precondition?: Precondition): Promise<StoredPlace & { created: boolean }> {
    const { version, old } = await this.#write(id, precondition, () => place)
    return { id, place, version, created: old === undefined }
  }

  /** @throws UnknownPlaceError, PreconditionFailedError, InvalidPlaceError when the outcome would be no place. */
  async patch(id: number, patch: unknown, precondition?: Precondition): Promise<StoredPlace> {
    const apply = (old: Place | undefined): Place => {
      if (old === undefined) throw new UnknownPlaceError(id)
      return toPlace(mergePatch(old, patch))
    }
    const isOneKey = isRecord(patch) && !('country' in patch)
    const single = precondition?.is === 'one-of' && precondition.versions.length === 1 ? precondition : undefined
    if (isOneKey && (precondition === undefined || single !== undefined))
      return this.#patchOne(id, apply, single?.versions[0])
    const { version, written } = await this.#write(id, precondition, apply)
    return { id, place: written!, version }
  }

  /** The version that the deletion got. @throws UnknownPlaceError, PreconditionFailedError */
  async remove(id: number, precondition?: Precondition): Promise<number> {
    const { version } = await this.#write(id, precondition, (old) => {
      if (old === undefined) throw new UnknownPlaceError(id)
      return undefined
    })
    return version
  }

  /** By id, after `after`. With a country, its index is scanned; a place that leaves it meanwhile is left out. */
  async list(options: { country?: string | undefined; limit: number; after?: number | undefined }): Promise<PlacePage> {
    const { country, limit, after } = options
    const prefix = country === undefined ? ['place'] : ['country', country]
    const bounds = after === undefined ? { prefix } : { prefix, gt: [...prefix, after] }
    const ids: number[] = []
    for await (const key of this.#store.keys({ ...bounds, limit: limit + 1 })) ids.push(key.at(-1) as number)
    const listed = ids.slice(0, limit)
    const found = await Promise.all(listed.map((id) => this.find(id)))
    const places = found.filter((stored) => stored !== undefined)
    return {
      places: country === undefined ? places : places.filter(({ place }) => place.country === country),
      next: ids.length > limit ? listed.at(-1) : undefined,
    }
  }

  /** The common edit touches one key: the store applies it inside its write transaction, and it never has to be repeated. */
  async #patchOne(id: number, apply: (old: Place | undefined) => Place, ifVersion?: number): Promise<StoredPlace> {
    try {
      const { new: place, version } = await this.#store.update<Place>(placeKey(id), apply, { ifVersion })
      return { id, place: place!, version }
    } catch (error) {
      if (!(error instanceof ConflictError) || ifVersion === undefined) throw error
      throw new PreconditionFailedError(error.currentVersion)
    }
  }

  async #write(
    id: number,
    precondition: Precondition | undefined,
    decide: (old: Place | undefined) => Place | undefined,
  ): Promise<{ old: Place | undefined; written: Place | undefined; version: number }> {
    const key = placeKey(id)
    const { value, version } = await this.#store.transaction(async (tx) => {
      const old = await tx.get<Place>(key)
      // A transaction's own reads tell no version. This one can only be newer than what `tx` read, and then the commit
      // is refused: where it succeeds, both saw the same version.
      const current = await this.#store.entry<Place>(key, { consistency: 'linearizable' })
      // First: whoever meant another version is told that, and not what is wrong with an edit of this one.
      assertPrecondition(precondition, current?.version ?? 0)
      const written = decide(old)
      if (old?.country !== written?.country) {
        if (old !== undefined) tx.delete(countryKey(old.country, id))
        if (written !== undefined) tx.set(countryKey(written.country, id), true)
      }
      // Last, since the version of a commit is that of its last change.
      if (written === undefined) tx.delete(key)
      else tx.set(key, written)
      return { old, written }
    })
    return { ...value, version }
  }
}
