import type { BypassReason } from 'tidemark'
import type { InstanceStats } from '../instance/routes/health.ts'

/** How the shared front is doing, as all instances see it. */
export interface FrontHealth {
  /** How many instances read from it now. */
  readonly serving: number
  /** Why the first of the others does not; undefined: there are none. */
  readonly reason: BypassReason | undefined
  /** What was the matter, where that is known. */
  readonly error: string | undefined
  /** Since the load began: how often an instance stopped reading from it, and calls to it that failed or came too late. */
  readonly bypasses: number
  readonly failures: number
}

type Stats = Pick<InstanceStats, 'front' | 'trouble'> | undefined

/** `before` is what the instances said when the load began. */
export function frontHealthOf(now: readonly Stats[], before: readonly Stats[]): FrontHealth {
  const sinceStart = (of: (stats: Stats) => number | undefined): number =>
    now.reduce((sum, stats, i) => sum + (of(stats) ?? 0) - (of(before[i]) ?? 0), 0)
  const fronts = now.flatMap((stats) => stats?.front ?? [])
  const bypassed = fronts.find(({ state }) => state === 'bypassed')
  return {
    serving: fronts.filter(({ state }) => state === 'serving').length,
    reason: bypassed?.reason ?? undefined,
    error: bypassed?.error ?? undefined,
    bypasses: sinceStart((stats) => stats?.front?.bypasses),
    failures: sinceStart((stats) => stats?.trouble.frontFailures),
  }
}
