import type { ResolvedConsumerOptions } from './consumer-options.ts'

/** How long to wait after so many failures: doubling, a random half to whole of it, so that lanes come apart. */
export function backoffMs(
  { backoff: { minMs, maxMs }, random }: Pick<ResolvedConsumerOptions, 'backoff' | 'random'>,
  failures: number,
): number {
  return Math.min(minMs * 2 ** Math.min(failures - 1, 40), maxMs) * (0.5 + random() / 2)
}
