import type { Hold } from '@tidemark/testkit'
import type { WritePolicy } from '../../src/index.ts'

/** One process over tiers that others use too, as much of it as the holes take. */
export interface TestedProcess {
  get(key: string): Promise<unknown>
  getIn(key: string, path: readonly string[]): Promise<unknown>
  set(key: string, value: unknown, writePolicy?: WritePolicy): Promise<unknown>
  delete(key: string): Promise<unknown>
  update(key: string, fn: (old: number | undefined) => number): Promise<unknown>
  /** Keeps what this process brings to the front from arriving: what a read has found, or what a write replaces. */
  hold(what: 'fill' | 'apply'): Hold
  /** From now on nothing of what this process writes reaches the front. */
  cutOff(): void
  /** Brings everything that the back tier holds into the front. */
  fullSync(): Promise<void>
  /** Resolves when what was let through has arrived. */
  settled(): Promise<void>
}

export interface TestedTiers {
  /** @param front `own`: of this process alone · `none`: as another program that uses the back tier. @default 'shared' */
  process(front?: 'shared' | 'own' | 'none'): Promise<TestedProcess>
  /** The shared front loses everything, as memory pressure makes it. */
  evict(): Promise<void>
  /** What is read at last: `wanted`, or what nothing that is under way would change any more. */
  inTheEnd(read: () => Promise<unknown>, wanted: unknown): Promise<unknown>
  /** The back tier is deleted, another one takes its place, and the front is still there. */
  successor(): Promise<TestedTiers>
}

/** Lets everything happen that only waits for promises. */
export async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}
