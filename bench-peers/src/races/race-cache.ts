/** What a product may lack; a race that is about it does not apply then. */
export type Feature = 'loader' | 'tags' | 'bus' | 'refresh' | 'cluster'

export interface RaceCacheOptions {
  /** The shared server, through a proxy of this instance's own. */
  readonly url: string
  /** A folder that all instances of one race share. */
  readonly folder: string
  /** How long entries live where the call does not say, or cannot. */
  readonly ttlMs: number
  /** With the circuit breaker that the product offers for its shared tier. */
  readonly breaker: boolean
  /** A hit is to start a refresh in the background, as soon as the product can be told to. */
  readonly refresh: boolean
  /** Gets what the product reports beside the promises of its calls. */
  readonly onError: (error: unknown) => void
}

export interface LoadSettings {
  readonly ttlMs?: number | undefined
  readonly tags?: readonly string[] | undefined
  /** How long the caller waits. Products without such a time: the caller gives up by itself. */
  readonly hardTimeoutMs?: number | undefined
  /** The namespace, or group, of the key: in the way in which the product has it, asked for anew in each call. */
  readonly group?: string | undefined
}

export interface WriteSettings {
  readonly ttlMs?: number | undefined
  readonly tags?: readonly string[] | undefined
}

export type Load = () => Promise<unknown>

/**
 * One instance of an app with one product: memory over the shared Redis, told of the others' writes where the product can
 * be. Writes resolve to what the product told its caller: false says that it has failed, in part at least, as a rejection
 * does.
 */
export interface RaceCache {
  /** undefined: absent. Never loads. */
  get(key: string): Promise<unknown>
  set(key: string, value: unknown, settings?: WriteSettings): Promise<boolean>
  delete(key: string): Promise<boolean>
  clear(): Promise<boolean>
  /** Read-through. */
  load(key: string, load: Load, settings?: LoadSettings): Promise<unknown>
  invalidateTag(tag: string): Promise<boolean>
  /** As `load` of a key that the product makes of `argument`: its memoisation where it has one. */
  memoised(name: string, load: (argument: unknown) => Promise<unknown>): (argument: unknown) => Promise<unknown>
  /** How many changes a watcher is told of when these are written in bulk; undefined: the product has no watchers. */
  changesOfBulk?(entries: Readonly<Record<string, unknown>>): Promise<number>
  close(): Promise<void>
}

export interface RaceProduct {
  readonly name: string
  readonly version: string
  /** Why a feature is missing, in words. */
  readonly lacks: Readonly<Partial<Record<Feature, string>>>
  /** How many subscriptions each instance holds at the server once it is ready. */
  readonly subscriptions: number
  open(options: RaceCacheOptions): Promise<RaceCache>
  /** Instances over a cluster, by the ports of its nodes. */
  openOnCluster?(ports: readonly number[], options: Omit<RaceCacheOptions, 'url'>): Promise<RaceCache>
}

/** For adapters of products that cannot do something: no race gets here, because the product lacks the feature. */
export function notOffered(what: string): () => never {
  return () => {
    throw new Error(`not offered: ${what}`)
  }
}
