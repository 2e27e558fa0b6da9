/** Which tier served what began with a look at the counters; undefined where calls at the same time leave it open. */
export function tierSince(
  before: Readonly<Record<string, number>>,
  now: Readonly<Record<string, number>>,
): string | undefined {
  const moved = Object.keys(now).filter((tier) => now[tier] !== (before[tier] ?? 0))
  return moved.length === 1 ? moved[0] : undefined
}
