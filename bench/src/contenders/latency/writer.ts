/** What writes, in a process of its own. */
export type WriterSetup =
  /** A store of Tidemark; `redis`: the URL of its shared front, `relay`: whether it copies its log there. */
  | { readonly kind: 'tidemark'; readonly folder: string; readonly redis?: string; readonly relay?: boolean }
  /** Values and a log of them, in one transaction; `redis`: says there when something was committed. */
  | { readonly kind: 'sqlite'; readonly folder: string; readonly redis?: string }
  | { readonly kind: 'redis-publish'; readonly redis: string }
  | { readonly kind: 'redis-stream'; readonly redis: string }

/** Items `first` to `first + times - 1`, at a steady pace. */
export interface WriteOrder {
  readonly first: number
  readonly times: number
  readonly perSecond: number
}

/** Of each item: microseconds of the machine's clock. */
export interface WriteTimes {
  readonly called: readonly number[]
  /** Durable; or, where nothing is, as `called`. */
  readonly committed: readonly number[]
}

export interface Writer {
  /** Starts to write some items; they are one transaction where that is cheaper. */
  write(numbers: readonly number[]): void
  /** When everything is written: of each item, in the order of writing, when it was committed. */
  committed(): Promise<readonly number[]>
}

/** The name of a stream, and of a channel: those of all databases of a server are one. */
export function channelOf(redis: string): string {
  return `bench${new URL(redis).pathname}`
}
