import type { BypassReason } from 'tidemark'
import type { InstanceStats } from '../instance/routes/health.ts'
import type { Life } from './lives.ts'

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

type Stats = Pick<InstanceStats, 'front' | 'trouble'>

/** `current` is what the instances say now, `lives` all that they ever said. */
export function frontHealthOf(
  current: readonly (Life<Stats> | undefined)[],
  lives: readonly Life<Stats>[],
): FrontHealth {
  const sinceStart = (of: (stats: Stats) => number | undefined): number =>
    lives.reduce((sum, { before, now }) => sum + (of(now) ?? 0) - ((before && of(before)) ?? 0), 0)
  const fronts = current.flatMap((life) => life?.now.front ?? [])
  const bypassed = fronts.find(({ state }) => state === 'bypassed')
  return {
    serving: fronts.filter(({ state }) => state === 'serving').length,
    reason: bypassed?.reason ?? undefined,
    error: bypassed?.error ?? undefined,
    bypasses: sinceStart((stats) => stats.front?.bypasses),
    failures: sinceStart((stats) => stats.trouble.frontFailures),
  }
}
