import {
  type Fill,
  type Found,
  type Front,
  type FrontOutcome,
  type Key,
  type LogChange,
  StoreKey,
  type TailStep,
} from '@tidemark/core'
import { onTestFinished } from 'vitest'
import { ShiftedClock } from '../../clocks/shifted-clock.ts'

export interface FrontContext {
  /** The clock that the front is to use. */
  readonly clock: ShiftedClock
  /** The head of the log when the front is opened: it starts to follow there. */
  readonly head: number
}

/** Opens an empty, ready front that nobody else uses. The suite closes it. */
export type OpenFront<F extends Front = Front> = (context: FrontContext) => F | Promise<F>

export interface FrontCapabilities<F extends Front = Front> {
  /** Makes the front lose the record of one key (others may go with it), as it does for want of room. @default clear() */
  readonly evict?: (front: F, key: StoreKey) => Promise<void>
  /** How it follows the log; without it, only what is applied reaches the front. */
  readonly followed?: (front: F) => Followed
}

/** What follows the log. */
export interface Followed {
  watermark(): number | Promise<number>
  /** @returns the watermark afterwards */
  tail(step: TailStep): number | Promise<number>
}

/** The suites' log starts here: a front must not take what it has not seen as 0. */
export const HEAD = 100

export class FrontUnderTest<F extends Front = Front> {
  readonly front: F
  readonly clock: ShiftedClock
  /** undefined: it does not follow the log. */
  readonly followed: Followed | undefined
  readonly #evict: (key: StoreKey) => Promise<void>

  constructor(front: F, clock: ShiftedClock, { evict, followed }: FrontCapabilities<F>) {
    this.front = front
    this.clock = clock
    this.followed = followed?.(front)
    this.#evict = (key) => (evict === undefined ? front.clear() : evict(front, key))
  }

  async read(key: Key): Promise<Found | undefined> {
    return (await this.front.read([StoreKey.of(key)]))[0]
  }

  /** What the front holds for the key: its version and value; `absent` and since when; or undefined. */
  async held(key: Key): Promise<readonly [number, unknown] | undefined> {
    const found = await this.read(key)
    if (found === undefined) return undefined
    return found.entry === undefined ? [found.asOf, 'absent'] : [found.entry.version, found.entry.payload.decode()]
  }

  install(...changes: readonly LogChange[]): Promise<readonly FrontOutcome[]> {
    return this.front.apply(changes, 'install')
  }

  invalidate(...changes: readonly LogChange[]): Promise<readonly FrontOutcome[]> {
    return this.front.apply(changes, 'invalidate')
  }

  fill(...fills: readonly Fill[]): Promise<readonly FrontOutcome[]> {
    return this.front.fill(fills)
  }

  evict(key: Key): Promise<void> {
    return this.#evict(StoreKey.of(key))
  }
}

export type StartFront<F extends Front = Front> = () => Promise<FrontUnderTest<F>>

/** Opens one front per test, and closes it when the test is over. */
export async function startFront<F extends Front>(
  open: OpenFront<F>,
  capabilities: FrontCapabilities<F>,
): Promise<FrontUnderTest<F>> {
  const clock = new ShiftedClock()
  const front = await open({ clock, head: HEAD })
  onTestFinished(() => front.close())
  return new FrontUnderTest(front, clock, capabilities)
}
