/** What a worker is told when it starts. */
export interface WorkerConfig {
  /** The name of this life of this worker. */
  readonly session: string
  readonly seed: number
  readonly file: string
  readonly redisUrl: string
  /** Where its history goes. */
  readonly history: string
  readonly keys: readonly string[]
  /** Whether it holds a near memory, too. */
  readonly near: boolean
  readonly ack: 'bounded' | 'strict'
}

/** From the parent. `drain`: finish what is under way, and begin nothing more. `last`: read every key once more. */
export type ToWorker =
  | { readonly type: 'start'; readonly config: WorkerConfig }
  | { readonly type: 'drain' | 'last' | 'stop' }

/** From a worker. */
export type FromWorker =
  | { readonly type: 'ready' | 'drained' | 'lastRead' }
  | { readonly type: 'progress'; readonly ops: number }
